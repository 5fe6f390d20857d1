/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of the server: its listening sockets, and their URLs for people. */
#ifndef TUX_PROGRAM_SERVER_LISTEN_H
#define TUX_PROGRAM_SERVER_LISTEN_H

#include <stdio.h>

#include "../../engine/io/listener.h"
#include "../settings/certificates.h"

struct tux_addresses {
	struct tux_listener listener[TUX_MAX_LISTENERS];
	const char *spec[TUX_MAX_LISTENERS]; /* the caller's text for which each listener was opened; NULL = passed by the
	                                        service manager */
	unsigned count;
};

/*
 * Opens listeners for all specs. Without specs and with port 0 uses the sockets that the service manager passed. Otherwise opens
 * the default addresses on the loopback interface, at port (0: 8080, or 8443 with tls). Shares the sockets that before (or NULL) has open for the
 * same spec. Returns false with a sentence in error; then no new socket stays open.
 */
bool tux_addresses_open(struct tux_addresses *addresses, const struct tux_addresses *before, const char *const *specs,
                        unsigned spec_count, uint16_t port, bool tls, unsigned threads, char *error, size_t error_size);

/* Returns the challenge with which certificate authorities can verify names at the addresses. */
enum tux_challenge tux_addresses_challenge(const struct tux_addresses *addresses);

/* For a configuration with certificates: prints a warning if no address speaks TLS, or port 443 does not. */
void tux_addresses_warn(const struct tux_addresses *addresses);

/* Prints one URL a line, each after prefix. Prints one for each address of this machine if a listener is bound to all addresses. */
void tux_addresses_print(const struct tux_addresses *addresses, FILE *out, const char *prefix);

/*
 * Removes the files of the Unix sockets that tux_addresses_open() made, if still permitted. Keeps those that kept (or NULL) also
 * has.
 */
void tux_addresses_unlink(const struct tux_addresses *addresses, const struct tux_addresses *kept);

/*
 * Stops new connections at the TCP listeners (tcp) or the Unix listeners that tux_addresses_close() would close. Returns true if
 * there was such a listener.
 */
bool tux_addresses_shut(const struct tux_addresses *addresses, const struct tux_addresses *kept, bool tcp);

/*
 * Closes all listeners except those that kept (or NULL) also has. Keeps passed sockets open, because they belong to the service
 * manager and may be needed again.
 */
void tux_addresses_close(struct tux_addresses *addresses, const struct tux_addresses *kept);

#endif
