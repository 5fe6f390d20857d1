/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How connections come: accepted as far as the limit and the descriptors go, or handed up by the kernel engine. */
#ifndef TUX_ENGINE_ACCEPT_H
#define TUX_ENGINE_ACCEPT_H

#include "conn.h"

/* What the loop of a worker tells. */
extern const struct loop_events accept_events;

/* Accepts, or stops accepting. */
void accept_switch(struct worker *worker, bool accept);

/* Goes on with parked connections and with accepting, as far as there is room; looks again later where there is none. */
void accept_resume(struct worker *worker);

/* Takes what the kernel engine has handed up. */
void accept_take_handed_up(struct worker *worker);

/* Takes the idle connections that engines that retired have sent. */
void accept_take_passed(struct worker *worker);

#endif
