/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: from accept or adoption to close or hand-up. Process context, may sleep, unless it says otherwise. */
#ifndef TUX_KERNEL_CONNECTION_H
#define TUX_KERNEL_CONNECTION_H

#include "instance.h"

/*
 * Takes a socket that was accepted at a listener, or (file not NULL, a reference that is taken over) that of an open file, and
 * its slot. 0 or a negative errno; on failure all are still the caller's.
 */
int ktux_conn_open(struct instance *instance, struct socket *sock, struct file *file, u8 listener);

/* Takes a connection that was handed up out of the engine: its socket and slot are the caller's, as is *file if there is one. */
struct socket *ktux_conn_release(struct conn *conn, struct file **file);

/* Looks at all connections again: the instance drains. */
void ktux_conns_drain(struct instance *instance);

/* Closes all that there are; no thread is lent any more. */
void ktux_conns_close(struct instance *instance);

#endif
