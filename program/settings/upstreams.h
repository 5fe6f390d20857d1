/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The upstream servers as they are said, gathered into what the engine takes. */
#ifndef TUX_PROGRAM_SETTINGS_UPSTREAMS_H
#define TUX_PROGRAM_SETTINGS_UPSTREAMS_H

#include "../../engine/config.h"

/* Begins as zeros. */
struct tux_upstream_table {
	struct tux_upstream *upstream; /* their servers are ours, too */
	unsigned count;
	bool resolved_later; /* names are not resolved when they are read: the resolver does it, and nothing waits for it */
};

/*
 * The number of the upstream of this name, which may not have servers yet; -1 with a sentence in error. A name that is an address
 * ("127.0.0.1:8080", "unix:/run/app.sock") is an upstream of one server. The text stays. A sentence in error without -1 is a warning: the address of
 * a name is not known yet.
 */
int tux_upstreams_find(struct tux_upstream_table *table, const char *name, char *error, size_t error_size);

/*
 * Sets what an upstream's block says under a key; "server" adds one, and a name of several addresses adds all of them. value is
 * NULL for a key that switches something on. False with a sentence in error, true with one is a warning.
 */
bool tux_upstreams_set(struct tux_upstream_table *table, unsigned number, const char *key, const char *value, char *error,
                       size_t error_size);

/* The keys of an upstream's block, a NULL behind the last; and whether one takes no value. */
extern const char *const tux_upstream_keys[];
bool tux_upstreams_is_switch(const char *key);

/* Fills an empty table with the upstreams of another, whose texts it shares. False with a sentence in error. */
bool tux_upstreams_copy(struct tux_upstream_table *table, const struct tux_upstream_table *from, char *error, size_t error_size);

/* The TCP port of a server, host order; 0: it has a Unix socket. */
uint16_t tux_upstream_port(const struct tux_upstream_server *server);

/* Frees what the table has grown to. */
void tux_upstreams_free(struct tux_upstream_table *table);

#endif
