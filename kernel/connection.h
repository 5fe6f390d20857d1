/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: from accept or adoption to close or hand-up. Process context, may sleep, unless it says otherwise. */
#ifndef TUX_KERNEL_CONNECTION_H
#define TUX_KERNEL_CONNECTION_H

#include "instance.h"

/*
 * Opens a connection on an accepted socket or, if file is not NULL, on the socket of that file. Takes over the reference to file,
 * and the slot. Returns 0 or a negative errno. On failure the caller keeps socket, file and slot.
 */
int ktux_conn_open(struct instance *instance, struct socket *sock, struct file *file, u8 listener);

/* Removes a handed-up connection from the engine. The caller gets its socket and slot, and *file if not NULL. */
struct socket *ktux_conn_release(struct conn *conn, struct file **file);

/* Makes all connections check again, because the instance drains. */
void ktux_conns_drain(struct instance *instance);

/* Closes all connections. No helper thread is left. */
void ktux_conns_close(struct instance *instance);

#endif
