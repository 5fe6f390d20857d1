/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slot.h"

bool slot_take(const struct slots *slots, bool draining)
{
	unsigned active = __atomic_load_n(slots->active, __ATOMIC_RELAXED);

	while (active < slots->max || draining)
		if (__atomic_compare_exchange_n(slots->active, &active, active + 1, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}

void slot_put(const struct slots *slots)
{
	__atomic_sub_fetch(slots->active, 1, __ATOMIC_SEQ_CST);
	kernel_link_tell_room(slots->kernel);
}

unsigned slots_left(const struct slots *slots)
{
	const unsigned active = __atomic_load_n(slots->active, __ATOMIC_RELAXED);

	return active < slots->max ? slots->max - active : 0;
}
