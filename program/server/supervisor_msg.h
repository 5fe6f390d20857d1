/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process that serves is told to do: by signals, or by the supervisor that started it. */
#ifndef TUX_PROGRAM_SERVER_SUPERVISOR_MSG_H
#define TUX_PROGRAM_SERVER_SUPERVISOR_MSG_H

#include <stdbool.h>
#include <stddef.h>

#include "../../engine/config.h"

/* Over the supervisor's socket an order is a byte. */
enum tux_order {
	TUX_ORDER_NONE,         /* none came in time */
	TUX_ORDER_REOPEN = 'o', /* the log, as after a rotation */
	TUX_ORDER_RETIRE = 'r', /* another process serves from now on: take no more, serve those who are here */
	TUX_ORDER_STOP = 's',   /* finish what is under way; the second time it is TUX_ORDER_END */
	TUX_ORDER_END = 'e',    /* at once */
};

/* TUX_ORDER_RETIRE as it is sent. */
struct tux_retirement {
	unsigned char order;
	bool stays[TUX_MAX_LISTENERS]; /* of each listener: the process that took over has it, too */
};

/*
 * From here on orders wait until they are asked for: signals (SIGTERM, SIGINT, SIGHUP) are blocked, in the threads that are to
 * come too. With a supervisor they are never looked at, since it gets them as well; it is the other end of fd, else fd is -1.
 */
void tux_orders_take(int fd);

/* The next order; waits for it up to timeout_ms, -1: for ever. A supervisor that is gone means TUX_ORDER_END. */
enum tux_order tux_order_wait(int timeout_ms);

/* Sends a message to the supervisor or to a process of it. Tries again for a moment if memory is short: it is not sent later. */
bool tux_order_send(int fd, const void *message, size_t len);

/* After TUX_ORDER_RETIRE: whether the process that took over has each of our listeners, too. */
const bool *tux_order_stays(void);

/* Tells the supervisor, if there is one, that it is so: we serve; or, told to retire, we accept no more. */
void tux_order_done(void);

#endif
