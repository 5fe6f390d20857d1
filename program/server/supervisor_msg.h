/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orders of the supervisor to a server process, and the reports of that. */
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

/* A report of a server process is one byte. */
enum tux_report {
	TUX_REPORT_NONE,
	TUX_REPORT_DONE = 'd', /* it serves, or it has retired and accepts no more */
	TUX_REPORT_LOST = 'l', /* a process has ended that starts programs or modules for it: it cannot start another one */
	TUX_REPORT_KEYS = 'k', /* like TUX_REPORT_LOST, for the process that holds the keys of TLS */
	TUX_REPORT_KEYS_HANG = 'h', /* that process does not respond */
};

/* The message of TUX_ORDER_RETIRE. */
struct tux_retirement {
	unsigned char order;
	bool stays[TUX_MAX_LISTENERS]; /* listeners that the new process also has */
};

/*
 * Takes orders from fd, the socket to the supervisor. Blocks SIGTERM, SIGINT and SIGHUP, also in threads that start later, because the
 * supervisor receives them too.
 */
void tux_orders_take(int fd);

/* Lets tux_order_wait() report the end of a process that works for this one, or that it does not respond: fd is readable then. */
void tux_orders_helper(int fd, enum tux_report report);

/* Returns the next order. Waits up to timeout_ms; -1 = forever. Returns TUX_ORDER_END if the supervisor has ended. */
enum tux_order tux_order_wait(int timeout_ms);

/*
 * Sends a message to the supervisor or to a server process. Retries for about a second if memory is short, because the caller does
 * not send it again. Returns false if it was not sent.
 */
bool tux_order_send(int fd, const void *message, size_t len);

/* Returns for each listener, after TUX_ORDER_RETIRE, whether the new process also has it. */
const bool *tux_order_stays(void);

/*
 * Reports to the supervisor: the process serves, or it has retired and accepts no more. The supervisor gets a copy of keys_pidfd, which refers to
 * the process that holds the keys of TLS, and kills that when it does not respond, or when this process has ended; -1: none. The sandbox of this
 * process permits no signals.
 */
void tux_order_done(int keys_pidfd);

#endif
