/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the two ends of a socket, as numbers and as text. */
#ifndef TUX_ENGINE_IO_ADDRESS_H
#define TUX_ENGINE_IO_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

#include "../../core/span.h"

enum {
	ADDRESS_TEXT = 46,          /* bytes of the longest numeric address, its NUL included */
	SOCKADDR_TEXT = 128,        /* bytes of the longest address of sockaddr_text(), its NUL included */
	PROXY_PROTOCOL_BYTES = 52,  /* of the longest header */
};

/* One end. IPv4 stands as ::ffff:a.b.c.d; all zeros for a Unix socket. */
struct address {
	uint8_t octets[16];
	uint16_t port; /* host order */
};

/* Of the peer of a connected socket, and of the socket itself. */
struct address address_of_peer(int fd);
struct address address_of_socket(int fd);

/* The numeric address in text, which has room for ADDRESS_TEXT bytes, IPv4 as such and IPv6 without brackets; empty for a Unix socket. */
struct tux_octets address_text(const uint8_t octets[16], char *text);

/* Writes an address to text, SOCKADDR_TEXT bytes: "127.0.0.1:80", "[::1]:80", "unix:/path"; "" if it is not known. Returns its length. */
uint32_t sockaddr_text(const struct sockaddr_storage *address, socklen_t len, char *text);

/* Writes the header of the PROXY protocol, version 2, for a connection from client to server; returns its bytes. */
uint32_t proxy_protocol_header(const struct address *client, const struct address *server, uint8_t out[PROXY_PROTOCOL_BYTES]);

#endif
