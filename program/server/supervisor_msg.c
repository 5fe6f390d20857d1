/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "supervisor_msg.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	SEND_TRIES = 100, /* while memory for a message is short */
	SEND_PAUSE_MS = 10,
};

/* The source of orders; a process has only one. */
static int supervisor_fd = -1;
static sigset_t signals;
static struct tux_retirement retirement; /* the last one received */
static bool stopping; /* a signal has stopped the server: the next one ends it */

void tux_orders_take(int fd)
{
	supervisor_fd = fd;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

static enum tux_order stop_by(int number)
{
	if (stopping)
		return TUX_ORDER_END;
	if (number == SIGINT && isatty(STDERR_FILENO))
		fputc('\n', stderr); /* a new line after the terminal's ^C */
	stopping = true;
	return TUX_ORDER_STOP;
}

static enum tux_order signal_wait(int timeout_ms)
{
	const struct timespec limit = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L };
	siginfo_t info;
	int number;

	do
		number = sigtimedwait(&signals, &info, timeout_ms < 0 ? NULL : &limit);
	while (number < 0 && errno == EINTR && timeout_ms < 0);
	/* A SIGHUP from the kernel: the terminal was closed, and no user could stop the server. */
	if (number == SIGHUP && info.si_code != SI_KERNEL)
		return TUX_ORDER_REOPEN;
	return number > 0 ? stop_by(number) : TUX_ORDER_NONE;
}

static enum tux_order supervisor_wait(int timeout_ms)
{
	struct pollfd wait = { .fd = supervisor_fd, .events = POLLIN };
	struct tux_retirement message;
	ssize_t got;

	if (poll(&wait, 1, timeout_ms) <= 0)
		return TUX_ORDER_NONE;
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

enum tux_order tux_order_wait(int timeout_ms)
{
	return supervisor_fd >= 0 ? supervisor_wait(timeout_ms) : signal_wait(timeout_ms);
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

void tux_order_done(void)
{
	if (supervisor_fd >= 0 && !tux_order_send(supervisor_fd, "", 1))
		return; /* if the supervisor has ended, the next tux_order_wait() returns TUX_ORDER_END */
}
