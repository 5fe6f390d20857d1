/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of both ends of a socket, as numbers and as text. */
#ifndef TUX_ENGINE_IO_ADDRESS_H
#define TUX_ENGINE_IO_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

#include "../../core/span.h"

enum {
	ADDRESS_TEXT = 46,          /* bytes of the longest numeric address, its NUL included */
	SOCKADDR_TEXT = 128,        /* bytes of the longest address of sockaddr_text(), its NUL included */
	PROXY_PROTOCOL_BYTES = 52,  /* bytes of the longest header */
};

/* One end of a connection. IPv4 is ::ffff:a.b.c.d; a Unix socket is all zeros. */
struct address {
	uint8_t octets[16];
	uint16_t port; /* host order */
};

/* Return the addresses of a connected socket: of its other end, and its own. */
struct address address_of_peer(int fd);
struct address address_of_socket(int fd);

/*
 * Writes the numeric address to text, which has room for ADDRESS_TEXT bytes. IPv4 is dotted, IPv6 without brackets, a Unix socket
 * empty.
 */
struct tux_octets address_text(const uint8_t octets[16], char *text);

/* Writes an address to text, SOCKADDR_TEXT bytes: "127.0.0.1:80", "[::1]:80", "unix:/path"; "" if unknown. Returns its length. */
uint32_t sockaddr_text(const struct sockaddr_storage *address, socklen_t len, char *text);

/* Writes a PROXY protocol header, version 2, for a connection from client to server. Returns its bytes. */
uint32_t proxy_protocol_header(const struct address *client, const struct address *server, uint8_t out[PROXY_PROTOCOL_BYTES]);

#endif
