/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of a connection, needed in softirq, where the running task is anyone: charged to the program's cgroup all the same. */
#ifndef TUX_KERNEL_MEMCG_H
#define TUX_KERNEL_MEMCG_H

#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "instance.h"

/* A kmalloc'ed copy; NULL without memory. Any context, never sleeps. */
static inline void *charged_copy(const struct instance *instance, const void *from, size_t bytes)
{
	struct mem_cgroup *before = set_active_memcg(instance->memcg);
	void *copy = kmemdup(from, bytes, GFP_ATOMIC | __GFP_ACCOUNT);

	set_active_memcg(before);
	return copy;
}

#endif
