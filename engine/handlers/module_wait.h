/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The waits of requests that a module has given back until something is there. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_WAIT_H
#define TUX_ENGINE_HANDLERS_MODULE_WAIT_H

#include "../modules/call.h"
#include "../request.h"

/* Begins the wait of a call whose result is CALL_WAITS, unless it has begun. Returns true if it is over: resumed() is due. */
bool module_wait_is_over(struct tux_req *call);

/* True if the call, whose time limit has passed, waits for the client alone: resumed() is due as soon as that has taken what was sent before. */
bool module_wait_excuses(const struct tux_req *call);

/* Ends the wait, if one has begun. */
void module_wait_end(struct tux_req *call);

/* Resumes the requests whose descriptors are ready. */
void module_waits_ready(struct calls *calls);

/* Ends the waits whose time has passed, and resumes their requests. */
void module_waits_expire(struct calls *calls);

/* Returns milliseconds until the first wait ends; -1 without one. */
int module_waits_next(const struct calls *calls);

#endif
