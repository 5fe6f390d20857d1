/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "handshakes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SYN_RECV = 3, /* state of an unfinished handshake in the kernel's tables */
	LINE_MAX_BYTES = 512, /* a line has about 150 */
	READ_BYTES = 16384,
};

void tux_handshakes_open(struct tux_handshakes *handshakes)
{
	handshakes->fd[0] = open("/proc/self/net/tcp", O_RDONLY | O_CLOEXEC);
	handshakes->fd[1] = open("/proc/self/net/tcp6", O_RDONLY | O_CLOEXEC);
}

bool tux_handshakes_visible(const struct tux_handshakes *handshakes)
{
	return handshakes->fd[0] >= 0 || handshakes->fd[1] >= 0;
}

bool tux_handshake_line(const char *line, const uint16_t *port, unsigned count)
{
	unsigned local, state;

	/* "   0: 0100007F:1F90 0200007F:C350 03 ..." (number, local address and port, remote ones, state) */
	if (sscanf(line, "%*u: %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%*4x %2x", &local, &state) != 2 || state != SYN_RECV)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (port[i] == local)
			return true;
	return false;
}

/* Searches one table from its start. */
static bool table_has(int fd, const uint16_t *port, unsigned count)
{
	char buffer[READ_BYTES + 1];
	size_t len = 0;
	ssize_t got;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return false;
	while ((got = read(fd, buffer + len, READ_BYTES - len)) > 0) {
		char *line = buffer, *end;

		len += (size_t)got;
		buffer[len] = '\0';
		while ((end = strchr(line, '\n')) != NULL) {
			*end = '\0';
			if (tux_handshake_line(line, port, count))
				return true;
			line = end + 1;
		}
		len -= (size_t)(line - buffer);
		if (len > LINE_MAX_BYTES) /* unknown format of the table */
			return false;
		memmove(buffer, line, len);
	}
	return false;
}

/* Returns the TCP port of a listener; 0 for a Unix socket. */
static uint16_t port_of(const struct tux_listener *listener)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	socklen_t len = sizeof(storage);

	if (listener->count == 0 || getsockname(listener->fd[0], (struct sockaddr *)&storage, &len) < 0)
		return 0;
	if (storage.ss_family == AF_INET) {
		memcpy(&in4, &storage, sizeof(in4));
		return ntohs(in4.sin_port);
	}
	if (storage.ss_family == AF_INET6) {
		memcpy(&in6, &storage, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}

bool tux_handshakes_pending(const struct tux_handshakes *handshakes, const struct tux_listener *listener, unsigned count, const bool *stays)
{
	uint16_t port[TUX_MAX_LISTENERS];
	unsigned ports = 0;

	for (unsigned i = 0; i < count; i++) {
		port[ports] = stays && stays[i] ? 0 : port_of(&listener[i]);
		ports += port[ports] != 0;
	}
	return ports > 0 && (table_has(handshakes->fd[0], port, ports) || table_has(handshakes->fd[1], port, ports));
}
