/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_wait.h"

#include <stddef.h>

#include "../thread.h"
#include "log_queue.h"

enum {
	LOG_WAIT_MS = 2000, /* wait of requests for a full log; then records are lost, and counted */
};

void log_waiters_open(struct log_waiters *waiters)
{
	waiters->first = NULL;
	waiters->end = &waiters->first;
	waiters->full_ms = 0;
}

bool log_wait_permits(const struct thread *thread)
{
	struct log_waiters *waiters = &thread->log->waiters;

	if (!thread->config->records || record_ring_room(&thread->log->records)) {
		waiters->full_ms = 0;
		return true;
	}
	if (waiters->full_ms == 0)
		waiters->full_ms = thread->now_ms;
	return thread->now_ms - waiters->full_ms >= LOG_WAIT_MS;
}

void log_wait_join(struct log_waiters *waiters, struct log_waiter *waiter)
{
	waiter->waits = true;
	waiter->next = NULL;
	*waiters->end = waiter;
	waiters->end = &waiter->next;
}

void log_wait_leave(struct log_waiters *waiters, struct log_waiter *waiter)
{
	struct log_waiter **link = &waiters->first;

	if (!waiter->waits)
		return;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	if (*link == NULL)
		waiters->end = link;
	waiter->waits = false;
}
