/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How bytes reach a client other than by the loop's send(): file ranges and pipes, sent at once by the caller's thread; and facts of
 * the socket. TCP and Unix sockets now; TLS will be another transport.
 */
#ifndef TUX_ENGINE_IO_TRANSPORT_H
#define TUX_ENGINE_IO_TRANSPORT_H

#include "loop.h"

/*
 * Sends up to most bytes of a file from off, without copying them to user space (sendfile(2)). Returns the bytes sent; 0 if the
 * file ends before off; a negative errno; -EAGAIN: no room.
 */
int64_t transport_send_file(const struct loop_ops *ops, struct channel *channel, int fd, uint64_t off, uint64_t most);

/* Like transport_send_file(), but moves the bytes from a pipe with the read end fd (splice(2)). */
int64_t transport_send_pipe(const struct loop_ops *ops, struct channel *channel, int fd, uint64_t most);

/*
 * Starts or ends holding back segments that are not full (TCP_CORK); the end sends the rest. Without it an acknowledgement that arrives
 * during sendfile(2) sends the last segment as far as it is filled. Does nothing for Unix sockets.
 */
void transport_cork(struct channel *channel, bool cork);

/* Returns a number that changes when the client acknowledges bytes. */
uint64_t transport_acked(const struct channel *channel);

/* True if the kernel has received bytes that the loop has not reported. */
bool transport_has_input(const struct channel *channel);

/* Sends FIN after everything sent: the client gets no more bytes, but may still send. */
void transport_end_output(struct channel *channel);

#endif
