/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections whose next request waits, in turn, until the log has room for its access record. */
#ifndef TUX_ENGINE_LOG_LOG_WAIT_H
#define TUX_ENGINE_LOG_LOG_WAIT_H

#include "../conn.h"

/*
 * True if the server may respond to one more request: the log has room for its access record, or had none for so long that records
 * are dropped.
 */
bool log_wait_permits(struct worker *worker);

/* Appends the connection to the list of waiting ones, which starts at worker->log_first. */
void log_wait_join(struct conn *conn);

/* Removes the connection from the list if it waits. */
void log_wait_leave(struct conn *conn);

#endif
