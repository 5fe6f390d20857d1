/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the certificates and keys of all hosts, before the server process drops its privileges. After that it cannot read them again: a
 * reload starts a new process, which reads new ones.
 */
#ifndef TUX_PROGRAM_SERVER_CERTIFICATES_H
#define TUX_PROGRAM_SERVER_CERTIFICATES_H

#include <stdio.h>

#include "../../engine/tls/context.h"
#include "hosts.h"
#include "keys.h"

/* The contexts of all hosts. Zero-initialize before use. */
struct tux_tls_contexts {
	struct tls_context **context; /* malloc'ed; hosts point to them */
	unsigned count;
	struct tux_certificate_state *certificate; /* malloc'ed */
	unsigned certificate_count;
	char description[200]; /* of the library, the kernel and the keys */
	const char *file;      /* the configuration file, for messages; NULL: none */
	struct tux_keys *keys; /* the process of the keys, set before tux_tls_contexts_open(); NULL: this one has them */
};

/*
 * Sets the certificates of each host that responds at a listener with TLS. Warns of keys that other users can read. Returns false with a
 * sentence in error; call tux_tls_contexts_close() also then.
 */
bool tux_tls_contexts_open(struct tux_tls_contexts *contexts, struct tux_hosts *hosts, const struct tux_settings *settings,
                           const struct tux_addresses *addresses, struct tls_tickets *tickets, char *error, size_t error_size);

/*
 * Finds out whether the kernel can encrypt for TLS, as tls-kernel says, and describes that. Loads the kernel's module if permitted, so call
 * it before the privileges are dropped. Returns false with a sentence in error if tls-kernel is on, and the kernel cannot.
 */
bool tux_tls_kernel_find(struct tux_tls_contexts *contexts, const struct tux_settings *settings, bool *found, char *error, size_t error_size);

/* True if the certificates of a host can be used together, with their keys; else an error says why. */
bool tux_certificates_fit(const struct tux_certificates *certificates, const struct tux_settings *settings, char *error, size_t error_size);

/* Like tux_certificates_fit(), but for the authorities of clients. */
bool tux_client_demand_fits(const struct tux_client_demand *demand, char *error, size_t error_size);

/* Frees the contexts, with their keys. No host may use them any more. */
void tux_tls_contexts_close(struct tux_tls_contexts *contexts);

/* Keeps the memory of the process, with its keys, from core dumps and debuggers of the same user. Call it after the user has changed. */
bool tux_tls_hide(void);

/*
 * Judges the certificates of the settings, for `tux check`. Writes each fault to errors, one a line, after the name of the configuration
 * file and the line. Returns the number of faults that are no warnings.
 */
unsigned tux_certificates_check(const struct tux_settings *settings, const char *path, FILE *errors);

#endif
