/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that leave for another engine while they wait for a request: the kernel engine, or the server process that took over. */
#ifndef TUX_ENGINE_HTTP_CONN_RETURN_H
#define TUX_ENGINE_HTTP_CONN_RETURN_H

#include "conn.h"

/* True if the connection has no state, and another engine accepts it. */
bool conn_may_return(const struct conn *conn);

/* Lets the loop release a connection of conn_may_return(); the loop reports that, then conn_pass_on() is due. */
void conn_give_back(struct conn *conn);

/* Gives a released connection and its descriptor to another engine. Returns false if no engine accepts it. */
bool conn_pass_on(struct conn *conn);

/* Passes a connection to the engine that took over, if it only waits for another request. */
void conn_pass(struct conn *conn);

/* Gives a connection that has come from the kernel engine back to it, if it only waits for a request. */
void conn_offer(struct conn *conn);

/* Passes the idle connections to the engine that took over. Connections that it does not accept stay. */
void conns_pass_idle(struct conns *conns);

#endif
