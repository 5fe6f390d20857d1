/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How bytes reach a client: memory, sent by the loop; file ranges and pipes, sent at once by the caller's thread. Over TLS memory alone,
 * unless the kernel encrypts. And facts of the socket.
 */
#ifndef TUX_ENGINE_IO_TRANSPORT_H
#define TUX_ENGINE_IO_TRANSPORT_H

#include "../tls/session.h"
#include "loop.h"

/* Like loop_ops.send(). Over TLS sent() may report a part of the message, which is never sent by zero-copy. */
static inline void transport_send(const struct loop_ops *ops, struct loop *loop, struct channel *channel, struct msghdr *message, int flags,
                                  bool zero_copy)
{
	if (channel->tls == NULL)
		ops->send(loop, channel, message, flags, zero_copy);
	else
		tls_send(channel, message, flags);
}

/* True if file ranges and pipes can be sent; else they have to be read into memory. */
static inline bool transport_sends_files(const struct channel *channel)
{
	return channel->tls == NULL || channel->sealed;
}

/* True if input can be moved by splice(2), and if the connection can be given to another engine. */
static inline bool transport_is_plain(const struct channel *channel)
{
	return channel->tls == NULL;
}

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

/* True if the client has reset the connection. */
bool transport_is_reset(const struct channel *channel);

/* True while the end of the output waits for the client to receive. Over TLS alone: without it the kernel sends the rest after close(). */
static inline bool transport_is_ending(const struct channel *channel)
{
	return channel->tls != NULL && tls_is_ending(channel) && !transport_is_reset(channel);
}

/*
 * Sends FIN after everything sent: the client gets no more bytes, but may still send. whole: the last response is complete, so TLS says so
 * before it.
 */
void transport_end_output(struct channel *channel, bool whole);

/*
 * Tells the client that the last response is complete, before the channel closes: by close_notify of TLS. Returns false if the channel has to
 * stay open while transport_is_ending().
 */
static inline bool transport_say_end(struct channel *channel)
{
	if (channel->tls != NULL)
		tls_say_end(channel);
	return !transport_is_ending(channel);
}

#endif
