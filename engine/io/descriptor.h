/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages that may carry a descriptor, over a Unix socket. */
#ifndef TUX_ENGINE_IO_DESCRIPTOR_H
#define TUX_ENGINE_IO_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Receives a message without waiting. *fd is the first descriptor in it, which the caller closes; -1 without one. Closes all other descriptors: the
 * kernel has room for a second one, and a sender that was broken into could exhaust those of this process. Returns like recvmsg().
 */
ssize_t descriptor_receive(int socket_fd, void *message, size_t size, int *fd);

#endif
