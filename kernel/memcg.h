/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a connection, allocated in softirq, where the current task is arbitrary. It is charged to the program's cgroup, whose limit it may exceed: each
 * connection has few of these, and of a limited size. Large copies are in own_body.c.
 */
#ifndef TUX_KERNEL_MEMCG_H
#define TUX_KERNEL_MEMCG_H

#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "instance.h"

/* Returns a kmalloc'ed copy, or NULL if out of memory. Any context, never sleeps. */
static inline void *ktux_charged_copy(const struct instance *instance, const void *from, size_t bytes)
{
	struct mem_cgroup *before = set_active_memcg(instance->memcg);
	void *copy = kmemdup(from, bytes, GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);

	set_active_memcg(before);
	return copy;
}

/* Returns zeroed memory, like ktux_charged_copy(). */
static inline void *ktux_charged_zeroed(struct mem_cgroup *memcg, size_t bytes)
{
	struct mem_cgroup *before = set_active_memcg(memcg);
	void *memory = kzalloc(bytes, GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);

	set_active_memcg(before);
	return memory;
}

/* Takes a reference, which mem_cgroup_put() returns. memcg may be NULL. Any context. */
static inline struct mem_cgroup *ktux_memcg_get(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	if (memcg)
		css_get(&memcg->css);
#endif
	return memcg;
}

#endif
