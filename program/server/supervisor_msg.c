/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "supervisor_msg.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

enum {
	SEND_TRIES = 100, /* while memory for a message is short */
	SEND_PAUSE_MS = 10,
	MAX_HELPERS = 4,
};

/* The source of orders; a process has only one. */
static int supervisor_fd = -1;
static struct {
	int fd; /* -1 = it was reported */
	enum tux_report report;
} helper[MAX_HELPERS];
static unsigned helpers;
static struct tux_retirement retirement; /* the last one received */

void tux_orders_take(int fd)
{
	sigset_t signals;

	supervisor_fd = fd;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

void tux_orders_helper(int fd, enum tux_report report)
{
	if (helpers == MAX_HELPERS)
		return;
	helper[helpers].fd = fd;
	helper[helpers++].report = report;
}

static void report_send(enum tux_report report)
{
	const unsigned char octet = (unsigned char)report;

	if (!tux_order_send(supervisor_fd, &octet, 1))
		return; /* if the supervisor has ended, the next tux_order_wait() returns TUX_ORDER_END */
}

enum tux_order tux_order_wait(int timeout_ms)
{
	struct pollfd waits[1 + MAX_HELPERS] = { { .fd = supervisor_fd, .events = POLLIN } };
	struct tux_retirement message;
	ssize_t got;

	for (unsigned i = 0; i < helpers; i++)
		waits[1 + i] = (struct pollfd){ .fd = helper[i].fd, .events = POLLIN };
	if (poll(waits, 1 + helpers, timeout_ms) <= 0)
		return TUX_ORDER_NONE;
	for (unsigned i = 0; i < helpers; i++) {
		if (waits[1 + i].revents == 0)
			continue;
		helper[i].fd = -1;
		report_send(helper[i].report);
	}
	got = recv(supervisor_fd, &message, sizeof(message), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return TUX_ORDER_NONE;
	if (got == (ssize_t)sizeof(message))
		retirement = message;
	return got >= 1 ? (enum tux_order)message.order : TUX_ORDER_END;
}

const bool *tux_order_stays(void)
{
	return retirement.stays;
}

bool tux_order_send(int fd, const void *message, size_t len)
{
	for (int i = 0; i < SEND_TRIES; i++) {
		if (send(fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
			return true;
		if (errno != ENOBUFS && errno != ENOMEM && errno != EAGAIN && errno != EINTR)
			return false;
		poll(NULL, 0, SEND_PAUSE_MS);
	}
	return false;
}

void tux_order_done(int keys_pidfd)
{
	unsigned char octet = TUX_REPORT_DONE;
	struct iovec iov = { &octet, 1 };
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(keys_pidfd))] = { 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *const header = CMSG_FIRSTHDR(&message);

	if (keys_pidfd < 0) {
		report_send(TUX_REPORT_DONE);
		return;
	}
	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(keys_pidfd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &keys_pidfd, sizeof(keys_pidfd));
	if (sendmsg(supervisor_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		report_send(TUX_REPORT_DONE);
}
