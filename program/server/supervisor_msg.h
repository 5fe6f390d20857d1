/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orders to a server process: from signals, or from its supervisor. */
#ifndef TUX_PROGRAM_SERVER_SUPERVISOR_MSG_H
#define TUX_PROGRAM_SERVER_SUPERVISOR_MSG_H

#include <stdbool.h>
#include <stddef.h>

#include "../../engine/config.h"

/* An order on the supervisor's socket is one byte. */
enum tux_order {
	TUX_ORDER_NONE,         /* no order before the timeout */
	TUX_ORDER_REOPEN = 'o', /* reopen the log, as after a rotation */
	TUX_ORDER_RETIRE = 'r', /* another process serves: accept no more, serve the open connections */
	TUX_ORDER_STOP = 's',   /* finish the current requests; a second one is TUX_ORDER_END */
	TUX_ORDER_END = 'e',    /* stop at once */
};

/* The message of TUX_ORDER_RETIRE. */
struct tux_retirement {
	unsigned char order;
	bool stays[TUX_MAX_LISTENERS]; /* listeners that the new process also has */
};

/*
 * Queues orders from now on until tux_order_wait() reads them. Blocks SIGTERM, SIGINT and SIGHUP, also in threads that start later.
 * With a supervisor, signals are ignored, because the supervisor receives them too. fd is the socket to the supervisor, or -1.
 */
void tux_orders_take(int fd);

/* Returns the next order. Waits up to timeout_ms; -1 = forever. Returns TUX_ORDER_END if the supervisor has ended. */
enum tux_order tux_order_wait(int timeout_ms);

/*
 * Sends a message to the supervisor or to a server process. Retries for about a second if memory is short, because the caller does
 * not send it again. Returns false if it was not sent.
 */
bool tux_order_send(int fd, const void *message, size_t len);

/* Returns for each listener, after TUX_ORDER_RETIRE, whether the new process also has it. */
const bool *tux_order_stays(void);

/* Reports to the supervisor, if there is one: the process serves, or it has retired and accepts no more. */
void tux_order_done(void);

#endif
