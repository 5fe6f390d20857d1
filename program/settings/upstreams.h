/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The upstream servers as they are said, gathered into what the engine takes. */
#ifndef TUX_PROGRAM_SETTINGS_UPSTREAMS_H
#define TUX_PROGRAM_SETTINGS_UPSTREAMS_H

#include "../../engine/config.h"
#include "option.h"

/* tux_options_init() sets the defaults; the rest is zero. */
struct tux_upstream_table {
	struct tux_upstream *upstream; /* their servers are ours, too */
	unsigned count;
	struct tux_upstream defaults;
	bool resolved_later; /* names are not resolved when they are read: the resolver does it, and nothing waits for it */
};

/*
 * The number of the upstream of this name, which may not have servers yet; -1 with a sentence in error. A name that is an address
 * ("127.0.0.1:8080", "unix:/run/app.sock") is an upstream of one server. The text stays. A sentence in error without -1 is a warning: the address of
 * a name is not known yet.
 */
int tux_upstreams_find(struct tux_upstream_table *table, const char *name, char *error, size_t error_size);

/*
 * Sets an option of an upstream, like tux_option_set(). "server" adds a server, or one for each address of a name. True with a
 * sentence in error is a warning.
 */
bool tux_upstreams_set(struct tux_upstream_table *table, unsigned number, const struct tux_option *option, const char *value, char *error,
                       size_t error_size);

/* Fills an empty table with the defaults and upstreams of another, whose texts it shares. False with a sentence in error. */
bool tux_upstreams_copy(struct tux_upstream_table *table, const struct tux_upstream_table *from, char *error, size_t error_size);

/* The TCP port of a server, host order; 0: it has a Unix socket. */
uint16_t tux_upstream_port(const struct tux_upstream_server *server);

/* Frees what the table has grown to. */
void tux_upstreams_free(struct tux_upstream_table *table);

#endif
