/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves a connection, with its request unread, into the accept queue of an unmodified server on this machine. */
#ifndef TUX_KERNEL_HANDOVER_H
#define TUX_KERNEL_HANDOVER_H

#include "instance.h"

/*
 * Moves a connected socket into the accept queue of the server that listens on port for its local address, in its family. Called
 * under the socket's spinlock, bottom halves off, after our callbacks are removed. On success that server has the socket's sk,
 * and sock has none. Returns false if no server listens, its queue is full, unsent data is queued, or the socket cannot change
 * its owner.
 */
bool ktux_handover(struct instance *instance, struct socket *sock, u16 port);

#endif
