// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handler has one module of tux.ko, which stays when the program behind it is replaced. A handler that is too slow is switched off at once in softirq, and
 * then unregistered by a work item; its link stays, and replacing it registers it anew.
 *
 * Owners: the link owns the handler. The kernel's struct_ops map owns ops and the program; it is freed after a grace period of RCU, and handle() runs
 * under RCU. The map also holds tux-bpf.ko, so no link is left when that is unloaded.
 */
#include "handler.h"

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../away.h"
#include "../call_api.h"

enum {
	SLOW_CALLS = 3,  /* on a CPU within SLOW_MS, if they are one of SLOW_SHARE calls: then a handler is detached */
	SLOW_SHARE = 16, /* interrupts, and other guests of the machine, make a few calls of many slow */
	SLOW_MS = 1000,
};

static unsigned int budget_us = 1000;
module_param(budget_us, uint, 0644);
MODULE_PARM_DESC(budget_us, "microseconds that a call of a verified handler may take; three longer ones of at most 48 within a second on a CPU detach it");

/* Calls of a handler on a CPU. Bottom halves are off. */
struct window {
	unsigned long since; /* jiffies */
	u32 calls, slow;
};

struct handler {
	struct tux_module module;
	const struct tux_api *api;
	const struct tux_bpf_ops __rcu *ops;
	struct list_head all;    /* under the lock, like the two members after it */
	struct bpf_link *link;
	bool registered;
	bool off;                /* it was too slow: the program responds. Read without the lock */
	struct work_struct detach;
	struct window __percpu *windows;
	u32 slow_us;             /* time of the call that has switched it off */
	char name[TUX_BPF_NAME];
};

static LIST_HEAD(handlers);
static DEFINE_MUTEX(handlers_lock);

static struct handler *handler_of(const struct tux_req *req)
{
	return container_of(ktux_call_module(req), struct handler, module);
}

/* Counts a call. Switches the handler off if too many are slow. */
static void count_call(struct handler *handler, u64 us)
{
	struct window *window = this_cpu_ptr(handler->windows);

	if (time_after(jiffies, window->since + msecs_to_jiffies(SLOW_MS)))
		*window = (struct window){ .since = jiffies };
	window->calls++;
	if (likely(us <= READ_ONCE(budget_us)))
		return;
	window->slow++;
	if (window->slow < SLOW_CALLS || window->slow < window->calls / SLOW_SHARE || READ_ONCE(handler->off))
		return;
	WRITE_ONCE(handler->slow_us, (u32)min_t(u64, us, U32_MAX));
	WRITE_ONCE(handler->off, true);
	schedule_work(&handler->detach);
}

/* The handle() of all handlers. In softirq, under the socket's lock and RCU. */
static enum tux_result handle(struct tux_req *req)
{
	struct handler *handler = handler_of(req);
	const struct tux_bpf_ops *ops = rcu_dereference(handler->ops);
	u64 began;
	int result;

	if (READ_ONCE(handler->off))
		return (enum tux_result)KTUX_AWAY;
	ktux_bpf_functions_begin(req);
	began = local_clock();
	result = ops->handle((struct tux_bpf_req *)req);
	ktux_bpf_functions_end();
	count_call(handler, (local_clock() - began) / NSEC_PER_USEC);
	return result == KTUX_AWAY ? TUX_FAIL : (enum tux_result)result;
}

/* Registers a handler, which is not registered, and responds from then on. Under the lock. */
static int switch_on(struct handler *handler)
{
	unsigned int cpu;
	int error;

	for_each_possible_cpu(cpu)
		*per_cpu_ptr(handler->windows, cpu) = (struct window){ .since = jiffies };
	WRITE_ONCE(handler->off, false);
	handler->module.flags = KTUX_MODULE_VERIFIED;
	error = tux_module_register(&handler->module, &handler->api);
	handler->registered = error == 0;
	return error;
}

static void switch_off(struct handler *handler)
{
	if (handler->registered)
		tux_module_unregister(&handler->module);
	handler->registered = false;
}

/* Unregisters a handler that was too slow. */
static void detach_slow(struct work_struct *work)
{
	struct handler *handler = container_of(work, struct handler, detach);

	mutex_lock(&handlers_lock);
	if (handler->registered && READ_ONCE(handler->off)) {
		pr_warn("tux: module %s: handle() took %u us, and its budget is %u us: it is detached, and the program responds until the next reload\n",
			handler->name, READ_ONCE(handler->slow_us), READ_ONCE(budget_us));
		handler->module.flags |= KTUX_MODULE_SLOW;
		switch_off(handler);
	}
	mutex_unlock(&handlers_lock);
}

/* Under the lock. Returns NULL if the link has no handler. */
static struct handler *find(const struct bpf_link *link)
{
	struct handler *handler;

	list_for_each_entry(handler, &handlers, all)
		if (handler->link == link)
			return handler;
	return NULL;
}

static void release(struct handler *handler)
{
	free_percpu(handler->windows);
	kfree(handler);
}

int ktux_handler_attach(const struct tux_bpf_ops *ops, struct bpf_link *link)
{
	struct handler *handler;
	int error;

	if (!link)
		return -EOPNOTSUPP; /* a map without BPF_F_LINK could not be replaced */
	handler = kzalloc(sizeof(*handler), GFP_KERNEL);
	if (handler)
		handler->windows = alloc_percpu(struct window);
	if (!handler || !handler->windows) {
		kfree(handler);
		return -ENOMEM;
	}
	strscpy(handler->name, ops->name, sizeof(handler->name));
	handler->module = (struct tux_module){
		.size = sizeof(struct tux_module),
		.abi = TUX_MODULE_ABI,
		.api_bytes = sizeof(struct tux_api),
		.name = handler->name,
		.handle = handle,
	};
	handler->link = link;
	INIT_WORK(&handler->detach, detach_slow);
	RCU_INIT_POINTER(handler->ops, ops);
	mutex_lock(&handlers_lock);
	error = switch_on(handler);
	if (error == 0)
		list_add_tail(&handler->all, &handlers);
	mutex_unlock(&handlers_lock);
	if (error != 0)
		release(handler);
	return error;
}

int ktux_handler_replace(const struct tux_bpf_ops *ops, struct bpf_link *link)
{
	struct handler *handler;
	int error = 0;

	mutex_lock(&handlers_lock);
	handler = find(link);
	if (!handler || strcmp(handler->name, ops->name) != 0) {
		mutex_unlock(&handlers_lock);
		return handler ? -EINVAL : -ENOLINK;
	}
	if (READ_ONCE(handler->off))
		switch_off(handler); /* before the work item has */
	if (!handler->registered) {
		const struct tux_bpf_ops *before = rcu_dereference_protected(handler->ops, lockdep_is_held(&handlers_lock));

		rcu_assign_pointer(handler->ops, ops);
		error = switch_on(handler);
		if (error != 0)
			rcu_assign_pointer(handler->ops, before);
	} else {
		rcu_assign_pointer(handler->ops, ops);
	}
	mutex_unlock(&handlers_lock);
	synchronize_rcu(); /* no call of the former is left */
	return error;
}

void ktux_handler_detach(struct bpf_link *link)
{
	struct handler *handler;

	mutex_lock(&handlers_lock);
	handler = find(link);
	if (handler) {
		list_del(&handler->all);
		switch_off(handler); /* so no call queues the work item again */
	}
	mutex_unlock(&handlers_lock);
	if (!handler)
		return;
	cancel_work_sync(&handler->detach);
	release(handler);
}
