/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The upstreams of a server process: those of the settings, and one for handover_port; and TLS to their servers, whose files are read before
 * the process drops its privileges.
 */
#ifndef TUX_PROGRAM_SERVER_FORWARD_H
#define TUX_PROGRAM_SERVER_FORWARD_H

#include <stdio.h>

#include "../../engine/config.h"
#include "../settings/settings.h"
#include "keys.h"

struct tls_client;
struct x509_store_st;

/* Zero-initialize before use. */
struct tux_forward {
	struct tux_upstream_table table;
	struct tux_route handover; /* route to the upstream of handover_port */
	char handover_name[32];
	struct tls_client **client; /* malloc'ed; upstreams point to them */
	unsigned client_count;
	bool has_key;              /* a client has a key */
	struct tux_keys *keys;     /* the process of the keys, set before tux_forward_open_tls(); NULL: this one has them */
	struct x509_store_st *system; /* the authorities of the system; NULL: not needed yet */
};

/* Copies the upstreams of the settings, and sets those of config. Returns false with a sentence in error; tux_forward_close() is due in any case. */
bool tux_forward_make(struct tux_forward *forward, const struct tux_settings *settings, struct tux_engine_config *config, char *error,
                      size_t error_size);

/*
 * Sets up TLS of each upstream with a server that speaks it. Warns of keys that other users can read. file: name of the configuration file, for
 * messages, or NULL. Returns false with a sentence in error.
 */
bool tux_forward_open_tls(struct tux_forward *forward, const char *file, char *error, size_t error_size);

/* True if the files of TLS of an upstream can be used; else an error says why. */
bool tux_forward_fits(const struct tux_upstream *upstream, char *error, size_t error_size);

/* Frees everything, with the keys, after the engine. */
void tux_forward_close(struct tux_forward *forward);

/*
 * Judges the files of TLS of the upstreams, for `tux check`. Writes each fault to errors, one a line, after the name of the configuration
 * file and the line. Returns the number of faults.
 */
unsigned tux_forward_check(const struct tux_settings *settings, const char *path, FILE *errors);

#endif
