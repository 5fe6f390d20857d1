/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets. Process context, may sleep, unless it says otherwise. */
#ifndef TUX_KERNEL_LISTENER_H
#define TUX_KERNEL_LISTENER_H

#include "instance.h"

/* Serves a listening socket of the program under this number. Returns 0 or a negative errno. */
int ktux_listener_open(struct instance *instance, int fd, u8 number);

/* Releases all listeners. Connections in their accept queues stay there. No helper thread may work on a listener any more. */
void ktux_listeners_close(struct instance *instance);

#endif
