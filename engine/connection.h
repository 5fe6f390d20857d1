/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: from accept to close, what comes in and what state it leads to. */
#ifndef TUX_ENGINE_CONNECTION_H
#define TUX_ENGINE_CONNECTION_H

#include "conn.h"

/* What the loop of a worker tells. */
extern const struct loop_events connection_events;

/* A timer of a connection has expired. */
void connection_timeout(struct conn *conn);

/* Answers for all who waited for a finished miss. */
void connection_loaded(struct worker *worker, struct miss *miss);

/* Closes the worker's connections that wait for nothing but another request. */
void connections_close_idle(struct worker *worker);

/* Answers for those who waited for room in the log, as far as there is. */
void connections_log_resume(struct worker *worker);

/* Frees a connection whose loop is gone. */
void connection_free(struct conn *conn);

/* Takes what the kernel engine has handed up. */
void connections_take_handed_up(struct worker *worker);

/* Accepts, or stops accepting. */
void connections_accept(struct worker *worker, bool accept);

/* Goes on with parked connections and with accepting, as far as there is room; looks again later where there is none. */
void connections_resume(struct worker *worker);

static inline struct conn *connection_of_timer(struct timer *timer)
{
	return (struct conn *)((char *)timer - offsetof(struct conn, timer));
}

#endif
