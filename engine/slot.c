/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slot.h"

bool slot_take(struct worker *worker)
{
	unsigned active = __atomic_load_n(worker->active, __ATOMIC_RELAXED);

	while (active < worker->config->max_connections || worker->draining)
		if (__atomic_compare_exchange_n(worker->active, &active, active + 1, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}

bool slot_none(const struct worker *worker)
{
	return __atomic_load_n(worker->active, __ATOMIC_RELAXED) >= worker->config->max_connections;
}

void slot_put(struct worker *worker)
{
	__atomic_sub_fetch(worker->active, 1, __ATOMIC_SEQ_CST);
	kernel_link_tell_room(worker->kernel);
}
