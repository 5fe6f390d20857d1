// SPDX-License-Identifier: GPL-2.0-or-later
#include "helper.h"

#include <linux/sched/signal.h>
#include <linux/task_work.h>

void ktux_work_queue(struct instance *instance, struct work *work)
{
	unsigned long flags;
	bool fresh;

	spin_lock_irqsave(&instance->lock, flags);
	fresh = !work->queued;
	if (fresh) {
		work->queued = true;
		list_add_tail(&work->link, &instance->work);
	}
	spin_unlock_irqrestore(&instance->lock, flags);
	if (fresh)
		wake_up_interruptible(&instance->workers);
}

void ktux_work_cancel(struct instance *instance, struct work *work)
{
	unsigned long flags;

	spin_lock_irqsave(&instance->lock, flags);
	if (work->queued) {
		work->queued = false;
		list_del(&work->link);
	}
	spin_unlock_irqrestore(&instance->lock, flags);
}

/*
 * Takes the first work. Sets *over if the instance drains and no connection is left. ktux_conn_open() refuses adopted sockets after
 * that, under the same lock.
 */
static struct work *work_take(struct instance *instance, bool *over)
{
	struct work *work;

	spin_lock_irq(&instance->lock);
	work = list_first_entry_or_null(&instance->work, struct work, link);
	if (work) {
		work->queued = false;
		list_del(&work->link);
	}
	*over = !work && READ_ONCE(instance->draining) && instance->conn_count == 0;
	spin_unlock_irq(&instance->lock);
	return work;
}

/*
 * Checked without the lock, because ktux_work_queue() wakes the thread after queueing. data_race(): the list changes meanwhile, and
 * a wrong answer is corrected by work_take() or by that wake-up.
 */
static bool has_something(struct instance *instance)
{
	bool queued = data_race(!list_empty_careful(&instance->work)); /* as above */

	return queued || (READ_ONCE(instance->draining) && READ_ONCE(instance->conn_count) == 0);
}

int ktux_worker_run(struct instance *instance)
{
	for (;;) {
		bool over;
		struct work *work = work_take(instance, &over);
		int ret;

		if (work) {
			work->run(work);
			cond_resched();
			if (!signal_pending(current) && !task_work_pending(current))
				continue;
			/* fput() queues task work, which runs when the thread returns from the call. Another thread continues. */
			wake_up_interruptible(&instance->workers);
			return -EINTR;
		}
		if (over) {
			wake_up_interruptible(&instance->workers);
			return 0;
		}
		if (task_work_pending(current))
			return -EINTR; /* task work from before this call */
		ret = wait_event_interruptible_exclusive(instance->workers, has_something(instance));
		if (ret != 0)
			return -EINTR;
	}
}
