/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP handshakes that have begun at our listeners and are not complete. Their clients may believe that they are connected, so a
 * listener that closes meanwhile resets them together with the request that they have sent.
 */
#ifndef TUX_PROGRAM_SERVER_HANDSHAKES_H
#define TUX_PROGRAM_SERVER_HANDSHAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../engine/config.h"

/* A sandboxed process opens no file in /proc, so these are open before. */
struct tux_handshakes {
	int fd[2]; /* tables of TCP over IPv4 and IPv6; -1: not available */
};

/* Opens the kernel's tables. Without them no handshake is seen. */
void tux_handshakes_open(struct tux_handshakes *handshakes);

/* True if the tables can be read. */
bool tux_handshakes_visible(const struct tux_handshakes *handshakes);

/* True if a handshake is under way at a port of the count listeners but for those that stay (or NULL). */
bool tux_handshakes_pending(const struct tux_handshakes *handshakes, const struct tux_listener *listener, unsigned count, const bool *stays);

/* True if a line of a table is a handshake under way at one of the count ports. */
bool tux_handshake_line(const char *line, const uint16_t *port, unsigned count);

#endif
