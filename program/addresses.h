/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the server is reached: the sockets it listens on, and the URLs to tell people. */
#ifndef TUX_PROGRAM_ADDRESSES_H
#define TUX_PROGRAM_ADDRESSES_H

#include <stdio.h>

#include "../engine/listener.h"

struct tux_addresses {
	struct tux_listener listener[TUX_MAX_LISTENERS];
	unsigned count;
};

/*
 * Opens all that specs name; without any the sockets that the service manager passed, and without those the
 * default ones on this machine's loopback. False with a sentence in error, and nothing open.
 */
bool tux_addresses_open(struct tux_addresses *addresses, const char *const *specs, unsigned spec_count,
                        unsigned threads, char *error, size_t error_size);

/* Prints one URL a line, each after prefix; for "all addresses" one for each of this machine's. */
void tux_addresses_print(const struct tux_addresses *addresses, FILE *out, const char *prefix);

/* Removes the files of Unix sockets that we opened, where that is still permitted. */
void tux_addresses_unlink(const char *const *specs, unsigned spec_count);

void tux_addresses_close(struct tux_addresses *addresses);

#endif
