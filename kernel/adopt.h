/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a connection, with its descriptor, from the program. */
#ifndef TUX_KERNEL_ADOPT_H
#define TUX_KERNEL_ADOPT_H

#include "instance.h"

/*
 * Consumes the descriptor given->fd: afterwards no descriptor, epoll item or signal leads to the socket. Returns a negative errno
 * on failure, after which the program still has the descriptor. Process context, may sleep.
 */
int ktux_adopt(struct instance *instance, const struct tux_socket *given);

#endif
