/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets. Process context, may sleep, unless it says otherwise. */
#ifndef TUX_KERNEL_LISTENER_H
#define TUX_KERNEL_LISTENER_H

#include "instance.h"

/* Serves a listening socket of the program. 0 or a negative errno. */
int listener_open(struct instance *instance, int fd);

/* Has all listeners looked at again. Any context. */
void listeners_resume(struct instance *instance);

/* Leaves all of them alone; what waits in their accept queues waits on. No thread works on them any more. */
void listeners_close(struct instance *instance);

#endif
