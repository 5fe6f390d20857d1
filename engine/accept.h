/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections: accepted within the limits of connections and descriptors, handed up by the kernel engine, or passed. */
#ifndef TUX_ENGINE_ACCEPT_H
#define TUX_ENGINE_ACCEPT_H

#include "conn.h"

/* Events of a worker's loop. */
extern const struct loop_events accept_events;

/* Starts or stops accepting. */
void accept_switch(struct worker *worker, bool accept);

/* Starts parked connections and resumes accepting, within the limit. Retries later if the limit is reached. */
void accept_resume(struct worker *worker);

/* Takes the connections that the kernel engine has handed up. */
void accept_take_handed_up(struct worker *worker);

/* Takes the idle connections that retired engines have passed. */
void accept_take_passed(struct worker *worker);

#endif
