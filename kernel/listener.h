/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets. Process context, may sleep, unless it says otherwise. */
#ifndef TUX_KERNEL_LISTENER_H
#define TUX_KERNEL_LISTENER_H

#include "instance.h"

/* Serves a listening socket of the program, which has this number. 0 or a negative errno. */
int ktux_listener_open(struct instance *instance, int fd, u8 number);

/* Has all listeners looked at again. Any context. */
void ktux_listeners_resume(struct instance *instance);

/*
 * A connection's slot, of max_connections that both engines share: they count in the memory that the program maps. What it writes
 * there can hold up itself alone, as our own connections are limited all the same.
 */
bool ktux_slot_take(struct instance *instance);  /* false: none is left; the listeners go on when one is given back */
void ktux_slot_force(struct instance *instance); /* for a connection that the program has counted */
void ktux_slot_put(struct instance *instance);

/* Leaves all of them alone; what waits in their accept queues waits on. No thread works on them any more. */
void ktux_listeners_close(struct instance *instance);

#endif
