/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a connection, with its descriptor, from the program. */
#ifndef TUX_KERNEL_ADOPT_H
#define TUX_KERNEL_ADOPT_H

#include "instance.h"

/*
 * Consumes the descriptor given->fd: afterwards no descriptor, epoll item or signal leads to the socket. Returns a negative errno
 * on failure. The program then keeps the connection as given->fd, which may be another number, or -1 if no number was free.
 * Process context, may sleep.
 */
int ktux_adopt(struct instance *instance, struct tux_socket *given);

#endif
