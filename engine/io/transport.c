/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#include "splice.h"

bool transport_is_reset(const struct channel *channel)
{
	struct pollfd socket = { .fd = channel->fd }; /* POLLERR and POLLHUP are always reported */

	return poll(&socket, 1, 0) > 0;
}

/*
 * Returns the result of sendfile(2) or splice(2). With kTLS it may hide a reset that follows the client's FIN: the call returns the bytes that were sent
 * before, and the socket's error is cleared. All later calls would succeed. The kernel would encrypt and keep their bytes until TCP has no
 * memory left (Linux 6.1 to 7).
 */
static int64_t result_of(const struct channel *channel, int64_t sent)
{
	return sent > 0 && channel->sealed && transport_is_reset(channel) ? -EPIPE : sent;
}

int64_t transport_send_file(const struct loop_ops *ops, struct channel *channel, int fd, uint64_t off, uint64_t most)
{
	off_t from = (off_t)off;
	ssize_t n;

	ops->set_direct(channel);
	do
		n = sendfile(channel->fd, fd, &from, most);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : result_of(channel, n);
}

int64_t transport_send_pipe(const struct loop_ops *ops, struct channel *channel, int fd, uint64_t most)
{
	return result_of(channel, splice_move(ops, fd, channel->fd, channel, most));
}

void transport_cork(struct channel *channel, bool cork)
{
	const int value = cork;

	setsockopt(channel->fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

uint64_t transport_acked(const struct channel *channel)
{
	struct tcp_info info = { .tcpi_bytes_acked = 0 };
	socklen_t len = sizeof(info);
	int queued = 0;

	if (getsockopt(channel->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return info.tcpi_bytes_acked;
	ioctl(channel->fd, SIOCOUTQ, &queued); /* a Unix socket: the queue shrinks as the client reads */
	return UINT64_MAX - (uint64_t)queued;
}

bool transport_has_input(const struct channel *channel)
{
	int unread = 0;

	ioctl(channel->fd, FIONREAD, &unread);
	return unread > 0;
}

void transport_end_output(struct channel *channel, bool whole)
{
	if (channel->tls != NULL)
		tls_end_output(channel, whole);
	else
		shutdown(channel->fd, SHUT_WR);
}
