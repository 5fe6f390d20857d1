/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests of modules to upstreams: tux_fetch(). */
#ifndef TUX_ENGINE_HANDLERS_MODULE_FETCH_H
#define TUX_ENGINE_HANDLERS_MODULE_FETCH_H

#include "../modules/call.h"

/* Returns the number of an upstream, or -ENOENT. Any thread. */
int module_find_upstream(const struct tux_req *call, const char *name);

/*
 * Starts the fetch that the call waits for. Later sets call->wait.over and resumes the request. Returns true if it is over already.
 */
bool module_fetch_begin(struct tux_req *call);

/* Abandons the fetch, if one is under way. */
void module_fetch_end(struct tux_req *call);

/* Like module_fetch_end(), but after the loop has ended. */
void module_fetch_free(struct tux_req *call);

#endif
