/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#include "splice.h"

int64_t transport_send_file(const struct loop_ops *ops, struct channel *channel, int fd, uint64_t off, uint64_t most)
{
	off_t from = (off_t)off;
	ssize_t n;

	ops->set_direct(channel);
	do
		n = sendfile(channel->fd, fd, &from, most);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int64_t transport_send_pipe(const struct loop_ops *ops, struct channel *channel, int fd, uint64_t most)
{
	return splice_move(ops, fd, channel->fd, channel, most);
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
