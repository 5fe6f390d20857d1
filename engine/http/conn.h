/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state machine of connections, from accept to close. */
#ifndef TUX_ENGINE_HTTP_CONN_H
#define TUX_ENGINE_HTTP_CONN_H

#include "../conn.h"

/* Opens a connection for a connected socket, from which nothing has been read. Returns NULL and closes fd on failure. */
struct conn *conn_open(struct worker *worker, int fd, unsigned listener);

/* Starts to receive. */
void conn_start(struct conn *conn);

/* Queues an error response without a request, then closes the connection. */
void conn_refuse(struct conn *conn, enum tux_refusal refusal);

/* Handles the expired timer of a connection. */
void conn_timeout(struct conn *conn);

/* Resumes all connections that wait for a finished load. */
void conn_loaded(struct worker *worker, struct pending_load *miss);

/* Limits the idle timeout of present and future idle connections to limit_ms. */
void conns_hurry_idle(struct worker *worker, uint32_t limit_ms);

/* Passes a connection to the engine that took over, if it only waits for another request. */
void conn_pass(struct conn *conn);

/* Passes the worker's idle connections to the engine that took over. Connections that it does not accept stay. */
void conns_pass_idle(struct worker *worker);

/* Resumes connections that wait for room for access records, while room is left. */
void conns_log_resume(struct worker *worker);

/* Frees a connection after its channel was closed or released, or after its loop was freed. */
void conn_free(struct conn *conn);

static inline struct conn *conn_of_timer(struct timer *timer)
{
	return (struct conn *)((char *)timer - offsetof(struct conn, timer));
}

#endif
