/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "server_process.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "../../engine/io/descriptor.h"

int tux_generation_fork(struct tux_generation *generation)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	generation->pid = fork();
	if (generation->pid < 0) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	generation->keys_pidfd = -1;
	generation->fd = fd[generation->pid == 0];
	close(fd[generation->pid != 0]);
	tux_generation_enter(generation, TUX_GENERATION_STARTING);
	return generation->pid != 0;
}

void tux_generation_enter(struct tux_generation *generation, enum tux_generation_state state)
{
	generation->state = state;
	generation->since_ms = clock_ms();
}

uint64_t tux_generation_age_ms(const struct tux_generation *generation)
{
	return clock_ms() - generation->since_ms;
}

void tux_generation_order(struct tux_generation *generation, enum tux_order order)
{
	const unsigned char octet = (unsigned char)order;

	if (order == TUX_ORDER_STOP)
		tux_generation_enter(generation, TUX_GENERATION_STOPPING);
	if (!tux_order_send(generation->fd, &octet, 1))
		return; /* the supervisor sees that it has ended, or kills it after the limit */
}

void tux_generation_retire(struct tux_generation *generation, const bool stays[TUX_MAX_LISTENERS])
{
	struct tux_retirement retirement = { .order = TUX_ORDER_RETIRE };

	tux_generation_enter(generation, TUX_GENERATION_RETIRING);
	memcpy(retirement.stays, stays, sizeof(retirement.stays));
	if (!tux_order_send(generation->fd, &retirement, sizeof(retirement)))
		return; /* the supervisor sees that it has ended, or kills it after the limit */
}

enum tux_report tux_generation_report(struct tux_generation *generation)
{
	unsigned char octet;
	int fd;
	const bool got = descriptor_receive(generation->fd, &octet, 1, &fd) == 1;

	if (fd >= 0 && (generation->state != TUX_GENERATION_STARTING || generation->keys_pidfd >= 0))
		close(fd); /* of a process that serves clients, and that an attacker may have broken into */
	else if (fd >= 0)
		generation->keys_pidfd = fd;
	return got ? (enum tux_report)octet : TUX_REPORT_NONE;
}

void tux_generation_kill_keys(struct tux_generation *generation)
{
	if (generation->keys_pidfd < 0)
		return;
	(void)syscall(SYS_pidfd_send_signal, generation->keys_pidfd, SIGKILL, NULL, 0); /* it fails if the process has ended */
	close(generation->keys_pidfd);
	generation->keys_pidfd = -1;
}

void tux_generation_leave(const struct tux_generation *generation)
{
	close(generation->fd);
	if (generation->keys_pidfd >= 0)
		close(generation->keys_pidfd);
}
