/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timer.h"

#include <limits.h>
#include <stddef.h>

void timers_init(struct timers *timers)
{
	for (int kind = 0; kind < TIMER_KINDS; kind++)
		timers->list[kind].next = timers->list[kind].prev = &timers->list[kind];
}

void timer_stop(struct timer *timer)
{
	if (timer->next == NULL)
		return;
	timer->prev->next = timer->next;
	timer->next->prev = timer->prev;
	timer->next = NULL;
}

void timer_start(struct timers *timers, struct timer *timer, enum timer_kind kind, uint64_t now_ms)
{
	struct timer *head = &timers->list[kind];

	timer_stop(timer);
	timer->deadline_ms = now_ms + timers->duration_ms[kind];
	timer->next = head;
	timer->prev = head->prev;
	head->prev->next = timer;
	head->prev = timer;
}

struct timer *timer_expired(struct timers *timers, uint64_t now_ms)
{
	for (int kind = 0; kind < TIMER_KINDS; kind++) {
		struct timer *first = timers->list[kind].next;

		if (first != &timers->list[kind] && first->deadline_ms <= now_ms) {
			timer_stop(first);
			return first;
		}
	}
	return NULL;
}

int timers_next(const struct timers *timers, uint64_t now_ms)
{
	uint64_t wait = UINT64_MAX;

	for (int kind = 0; kind < TIMER_KINDS; kind++) {
		const struct timer *first = timers->list[kind].next;

		if (first == &timers->list[kind])
			continue;
		if (first->deadline_ms <= now_ms)
			return 0;
		if (first->deadline_ms - now_ms < wait)
			wait = first->deadline_ms - now_ms;
	}
	if (wait == UINT64_MAX)
		return -1;
	return wait > INT_MAX ? INT_MAX : (int)wait;
}
