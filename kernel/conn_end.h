/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a connection leaves the engine: to the program, to the other server, or closed. */
#ifndef TUX_KERNEL_CONN_END_H
#define TUX_KERNEL_CONN_END_H

#include "instance.h"

/* Hands the connection up to the program. Under the connection's lock. */
void ktux_conn_hand_up(struct conn *conn, enum tux_reason reason);

/* Passes the current request to the other server or up to the program. Under the connection's lock. */
void ktux_conn_pass_on(struct conn *conn, enum tux_reason reason);

/*
 * Hands over after the client has acknowledged everything sent before, because that is charged to our memory cgroup. Each
 * acknowledgment calls write_space. Under the connection's lock.
 */
void ktux_conn_flush(struct conn *conn);

/* Gives the socket of a connection in CONN_HAND_OVER to the other server, or hands the connection up. On a helper thread. */
void ktux_conn_hand_over(struct conn *conn);

/* Closes the connection and frees it. Its caller owns it. Process context, without locks. */
void ktux_conn_close(struct conn *conn);

/* Frees a handed-up connection, but not its socket: socket, file and slot are the caller's. May sleep. */
void ktux_conn_release(struct conn *conn);

/* Closes all connections of an instance without helper threads. May sleep. */
void ktux_conns_close(struct instance *instance);

#endif
