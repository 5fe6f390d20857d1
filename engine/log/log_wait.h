/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections whose next request waits, in turn, until the log has room for its access record. */
#ifndef TUX_ENGINE_LOG_LOG_WAIT_H
#define TUX_ENGINE_LOG_LOG_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* Embedded in the object that waits. Zeroed: not waiting. */
struct log_waiter {
	struct log_waiter *next;
	bool waits;
};

/* The waiting objects of a thread, oldest first. log_waiters_open() initializes it. */
struct log_waiters {
	struct log_waiter *first;
	struct log_waiter **end;
	uint64_t full_ms; /* start of the current shortage of room for records; 0: no shortage */
};

void log_waiters_open(struct log_waiters *waiters);

/*
 * True if the server may respond to one more request: the log has room for its access record, or had none for so long that records
 * are dropped.
 */
bool log_wait_permits(const struct thread *thread);

/* Appends a waiter to the list. */
void log_wait_join(struct log_waiters *waiters, struct log_waiter *waiter);

/* Removes a waiter from the list if it waits. */
void log_wait_leave(struct log_waiters *waiters, struct log_waiter *waiter);

#endif
