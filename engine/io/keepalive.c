/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
	IDLE_S = 60,     /* silence before the first probe; shorter than most routers keep an unused mapping */
	INTERVAL_S = 15,
	PROBES = 4,
};

void keepalive_start(int fd)
{
	const int on = 1, idle = IDLE_S, interval = INTERVAL_S, probes = PROBES;

	/* If the kernel refuses, timeouts still end the connection. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}
