/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections whose next request waits, in turn, until the log has room for its access record. */
#ifndef TUX_ENGINE_LOG_LOG_WAIT_H
#define TUX_ENGINE_LOG_LOG_WAIT_H

#include "../conn.h"

/* Whether one more request may be answered: its access record has room, or there was none for so long that it is lost. */
bool log_wait_permits(struct worker *worker);

/* The connection waits, behind those that do already; worker->log_first is the first. */
void log_wait_join(struct conn *conn);

/* It waits no more, if it did. */
void log_wait_leave(struct conn *conn);

#endif
