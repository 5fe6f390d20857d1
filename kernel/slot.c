// SPDX-License-Identifier: GPL-2.0-or-later
/* The connection limit. Listeners stop accepting at the limit, and continue when a slot is returned. */
#include "slot.h"

#include "helper.h"

static atomic_t *slots(struct instance *instance)
{
	return (atomic_t *)&instance->shared->connections;
}

static bool try_slot(struct instance *instance)
{
	int taken = atomic_read(slots(instance));

	do {
		if ((u32)taken >= instance->max_connections || READ_ONCE(instance->conn_count) >= instance->max_connections)
			return false;
	} while (!atomic_try_cmpxchg(slots(instance), &taken, taken + 1));
	return true;
}

bool ktux_slot_take(struct instance *instance)
{
	if (try_slot(instance))
		return true;
	WRITE_ONCE(instance->shared->full, 1);
	smp_mb(); /* pairs with ktux_slot_put(): either this thread sees the slot, or the other one sees full */
	return try_slot(instance);
}

void ktux_slot_force(struct instance *instance)
{
	atomic_inc(slots(instance));
}

/* Queues the listeners from number first on, or those before it. */
static void resume_part(struct instance *instance, u32 first, bool before)
{
	struct listener *listener;
	u32 at = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(listener, &instance->listeners, all) /* listeners stay until the instance ends */
		if ((at++ < first) == before)
			ktux_work_queue(instance, &listener->work);
	rcu_read_unlock();
}

void ktux_listeners_resume(struct instance *instance)
{
	u32 count = READ_ONCE(instance->socket_count);
	u32 first = count > 0 ? (u32)atomic_inc_return(&instance->turn) % count : 0;

	resume_part(instance, first, false);
	resume_part(instance, first, true);
}

void ktux_slot_put(struct instance *instance)
{
	atomic_dec(slots(instance));
	smp_mb__after_atomic(); /* pairs with ktux_slot_take() */
	if (READ_ONCE(instance->shared->full)) {
		WRITE_ONCE(instance->shared->full, 0);
		ktux_listeners_resume(instance);
	}
}
