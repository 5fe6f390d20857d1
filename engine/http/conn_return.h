/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that leave for another engine while they wait for a request: the kernel engine, or the server process that took over. */
#ifndef TUX_ENGINE_HTTP_CONN_RETURN_H
#define TUX_ENGINE_HTTP_CONN_RETURN_H

#include "conn.h"

enum {
	CONN_GIVE_AGAIN_MS = 5, /* interval of attempts to give a passed connection to the kernel engine */
	CONN_GIVES = 1000,      /* attempts */
};

enum conn_pass {
	CONN_PASS_DONE,
	CONN_PASS_LATER, /* another process still has a descriptor, such as the one that has passed the connection; a timer calls again */
	CONN_PASS_REFUSED, /* the connection stays */
};

/* True if the connection has no state, and another engine accepts it. */
bool conn_may_return(const struct conn *conn);

/* Lets the loop release a connection of conn_may_return(); the loop reports that, then conn_pass_on() is due. */
void conn_give_back(struct conn *conn);

/* Gives a released connection, of which nothing was read, and its descriptor to another engine, which may not accept them. */
enum conn_pass conn_pass_on(struct conn *conn);

/* Passes a connection to the engine that took over, if it only waits for another request. */
void conn_pass(struct conn *conn);

/* Passes the idle connections to the engine that took over. Connections that it does not accept stay. */
void conns_pass_idle(struct conns *conns);

#endif
