/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: from their first byte to close, what comes in and what state it leads to. */
#ifndef TUX_ENGINE_HTTP_CONN_H
#define TUX_ENGINE_HTTP_CONN_H

#include "../conn.h"

/* Takes a connected socket, of which nothing is read yet; NULL when it had to be closed. */
struct conn *conn_open(struct worker *worker, int fd, unsigned listener);

/* Reads from it. */
void conn_start(struct conn *conn);

/* Answers in place of a request, which did not come. */
void conn_refuse(struct conn *conn, enum tux_refusal refusal);

/* A timer of a connection has expired. */
void conn_timeout(struct conn *conn);

/* Answers for all who waited for a finished miss. */
void conn_loaded(struct worker *worker, struct pending_load *miss);

/* Gives idle connections, now and from now on, at most limit_ms for another request. Then they are shut down and closed. */
void conns_hurry_idle(struct worker *worker, uint32_t limit_ms);

/* Sends a connection to the engine that took over, if it waits for nothing but another request. */
void conn_pass(struct conn *conn);

/* Sends the worker's idle connections to the engine that took over, as far as it takes them. */
void conns_pass_idle(struct worker *worker);

/* Answers for those who waited for room in the log, as far as there is. */
void conns_log_resume(struct worker *worker);

/* Frees a connection whose loop is gone. */
void conn_free(struct conn *conn);

static inline struct conn *conn_of_timer(struct timer *timer)
{
	return (struct conn *)((char *)timer - offsetof(struct conn, timer));
}

#endif
