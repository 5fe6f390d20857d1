/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections, from accept or adoption on: reads requests and responds. conn_end.h has their end. Process context, may sleep,
 * unless a function says otherwise.
 */
#ifndef TUX_KERNEL_CONNECTION_H
#define TUX_KERNEL_CONNECTION_H

#include "instance.h"

/*
 * Opens a connection on an accepted socket or, if file is not NULL, on the socket of that file. Takes over the reference to file,
 * and the slot. Returns 0 or a negative errno. On failure the caller keeps socket, file and slot.
 */
int ktux_conn_open(struct instance *instance, struct socket *sock, struct file *file, u8 listener);

/* Makes all connections check again, because the instance drains. */
void ktux_conns_drain(struct instance *instance);

#endif
