/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the server is reached: the sockets it listens on, and the URLs to tell people. */
#ifndef TUX_PROGRAM_SERVER_LISTEN_H
#define TUX_PROGRAM_SERVER_LISTEN_H

#include <stdio.h>

#include "../../engine/io/listener.h"

struct tux_addresses {
	struct tux_listener listener[TUX_MAX_LISTENERS];
	const char *spec[TUX_MAX_LISTENERS]; /* of each, what it was opened for: the caller's text. NULL: passed by the service manager */
	unsigned count;
};

/*
 * Opens all that specs name; without any, unless port is not 0, the sockets that the service manager passed, and without those
 * the default ones on this machine's loopback, on port (0: 8080). What is open in before (or NULL) for the same spec is not opened again: the same sockets, as many as
 * they are, are then in both. False with a sentence in error, and nothing newly open.
 */
bool tux_addresses_open(struct tux_addresses *addresses, const struct tux_addresses *before, const char *const *specs,
                        unsigned spec_count, uint16_t port, unsigned threads, char *error, size_t error_size);

/* Prints one URL a line, each after prefix; for "all addresses" one for each of this machine's. */
void tux_addresses_print(const struct tux_addresses *addresses, FILE *out, const char *prefix);

/* Removes the files of Unix sockets that we opened, where that is still permitted, but for those that kept (or NULL) has too. */
void tux_addresses_unlink(const struct tux_addresses *addresses, const struct tux_addresses *kept);

/*
 * Lets no further connection begin at TCP listeners (tcp) or at Unix ones, of those that tux_addresses_close() would close. True
 * if there was one.
 */
bool tux_addresses_shut(const struct tux_addresses *addresses, const struct tux_addresses *kept, bool tcp);

/* Closes all but what kept (or NULL) has too, and what was passed: it stays the service manager's, and may be wanted again. */
void tux_addresses_close(struct tux_addresses *addresses, const struct tux_addresses *kept);

#endif
