/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP handshakes that are under way at the listeners. Their clients may believe that they are connected. A listener that closes
 * meanwhile resets them, and the client loses the request that it has sent.
 */
#ifndef TUX_PROGRAM_SERVER_HANDSHAKES_H
#define TUX_PROGRAM_SERVER_HANDSHAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../engine/config.h"

/* Files in /proc, open before the sandbox, which permits no new ones. */
struct tux_handshakes {
	int fd[2]; /* tables of TCP over IPv4 and IPv6; -1: not available */
};

/* Opens the kernel's tables. If that fails, no handshake is visible. */
void tux_handshakes_open(struct tux_handshakes *handshakes);

/* True if the tables can be read. */
bool tux_handshakes_visible(const struct tux_handshakes *handshakes);

/* True if a handshake is under way at a TCP port of the count listeners. Ignores listeners with stays[i] set; stays may be NULL. */
bool tux_handshakes_pending(const struct tux_handshakes *handshakes, const struct tux_listener *listener, unsigned count, const bool *stays);

/* True if a line of a table is a handshake under way at one of the count ports. */
bool tux_handshake_line(const char *line, const uint16_t *port, unsigned count);

#endif
