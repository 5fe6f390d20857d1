/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's protocols without its library: forty lines do not need one. */
#define _GNU_SOURCE 1
#include "systemd.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../settings/units.h"

enum { MAX_SOCKETS = 1024 };

/* The socket to the manager; -1 = not connected. A process has one manager. */
static int manager_fd = -1;
static bool managed;

unsigned tux_service_sockets(void)
{
	const char *pid_text = getenv("LISTEN_PID"), *fds_text = getenv("LISTEN_FDS");
	uint64_t pid = 0, count = 0;
	static unsigned sockets; /* number found by the first call */
	unsigned i;

	if (pid_text && fds_text && tux_value_count(pid_text, 1, INT32_MAX, &pid) && pid == (uint64_t)getpid() &&
	    tux_value_count(fds_text, 1, MAX_SOCKETS, &count))
		sockets = (unsigned)count;
	for (i = 0; i < sockets; i++)
		fcntl(TUX_SERVICE_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return sockets;
}

bool tux_service_manages(void)
{
	return managed;
}

/* True if SYSTEMD_EXEC_PID is this process: systemd sets it to the process that it starts, and children inherit it. */
static bool is_started_by_systemd(void)
{
	const char *text = getenv("SYSTEMD_EXEC_PID");
	uint64_t pid = 0;

	return text && tux_value_count(text, 1, INT32_MAX, &pid) && pid == (uint64_t)getpid();
}

void tux_service_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t len;

	managed = managed || path || getpid() == 1 || is_started_by_systemd();
	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (*path == '@')
		address.sun_path[0] = '\0';
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (manager_fd >= 0 && connect(manager_fd, (struct sockaddr *)&address, len) < 0) {
		close(manager_fd);
		manager_fd = -1;
	}
	unsetenv("NOTIFY_SOCKET");
}

void tux_service_disconnect(void)
{
	if (manager_fd >= 0)
		close(manager_fd);
	manager_fd = -1;
}

void tux_service_notify(const char *state)
{
	/* If sending fails, nothing can be done; the manager notices by a timeout. */
	if (manager_fd >= 0 && send(manager_fd, state, strlen(state), MSG_NOSIGNAL) < 0)
		return;
}

void tux_service_reloading(void)
{
	struct timespec now;
	char state[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
	         (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
	tux_service_notify(state);
}
