/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots: one for each connection, max_connections in all, shared by both engines. They are counted in memory that the program maps.
 * Values that the program writes there can stop only its own connections, because the kernel engine limits its own number, too.
 */
#ifndef TUX_KERNEL_SLOT_H
#define TUX_KERNEL_SLOT_H

#include "instance.h"

/* Takes a slot. Returns false at the limit; the listeners continue when a slot is returned. Any context. */
bool ktux_slot_take(struct instance *instance);

/* Takes a slot for a connection that the program has counted, whatever the limit. Any context. */
void ktux_slot_force(struct instance *instance);

/* Returns a slot. Any context. */
void ktux_slot_put(struct instance *instance);

/*
 * Queues the work of all listeners. Each call begins with another listener, because at the limit the first one would take every
 * slot. Any context.
 */
void ktux_listeners_resume(struct instance *instance);

#endif
