/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection goes into the accept queue of an unmodified server on this machine, with its request unread. */
#ifndef TUX_KERNEL_HANDOVER_H
#define TUX_KERNEL_HANDOVER_H

#include "instance.h"

/*
 * Under the spinlock of a connected socket that has no callbacks of ours any more: puts it into the accept queue of whoever
 * listens on the port for its local address, in its family. On success the socket's sk is that server's, and sock has none; false
 * when nobody listens, the queue is full, something is queued for sending, or the socket is one that cannot change hands. Bottom
 * halves are off.
 */
bool ktux_handover(struct instance *instance, struct socket *sock, u16 port);

#endif
