/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routes as they are said, gathered into the core's table. */
#ifndef TUX_PROGRAM_SETTINGS_ROUTES_H
#define TUX_PROGRAM_SETTINGS_ROUTES_H

#include "fields.h"
#include "media_types.h"

enum { TUX_BODY_UNSAID = -1 };

/* What a route says of the fields of its answers, and of its requests' bodies. */
struct tux_route_fields {
	struct tux_field_rules rules;
	const char *cache_control; /* NULL: what the host says */
	int64_t max_body_bytes;    /* TUX_BODY_UNSAID: what the host says */
	struct tux_media_type_settings media_types; /* besides those of the host */
};

/* Begins as zeros. */
struct tux_route_table {
	struct tux_route *route; /* in the order in which they were added; after tux_routes_settle() in the core's */
	uint8_t *text;
	struct tux_route_fields *fields; /* of each route */
	uint32_t *slot; /* hash table of patterns: 1 + number of a route; 0: empty */
	struct tux_redirect *redirect;
	struct tux_status_route *status;
	uint32_t count, text_len, redirect_count, status_count;
	uint32_t text_room, slot_count; /* bytes of text; entries of slot, a power of two, or 0 */
};

/* Returns why no request would reach a route of this pattern, which is good; NULL if one can. */
const char *tux_routes_unreachable(const struct tux_route_table *table, const char *pattern);

/*
 * Adds a route. The pattern is a prefix ("/app/"); a prefix and a suffix with a star between them; or a whole path, behind '='
 * ("=/robots.txt"). False with a sentence in error.
 */
bool tux_routes_add(struct tux_route_table *table, const char *pattern, enum tux_handler handler, uint32_t argument,
                    char *error, size_t error_size);

/*
 * The same for a redirect: to is a path or a URL, as it goes into Location; a '*' at its end stands for what the request's path has
 * behind the route's prefix, and its query. status is 301, 302, 303, 307 or 308. The texts stay.
 */
bool tux_routes_add_redirect(struct tux_route_table *table, const char *pattern, const char *to, uint16_t status, char *error,
                             size_t error_size);

/*
 * The same for the status. allow are the allow_count networks besides this machine that may see it, each an address with or without
 * a prefix length: "192.0.2.0/24", "2001:db8::1".
 */
bool tux_routes_add_status(struct tux_route_table *table, const char *pattern, const char *const *allow, unsigned allow_count,
                           char *error, size_t error_size);

/* Says of the route that was added last what its fields are. The rules and the media types are the table's then. */
void tux_routes_last_fields(struct tux_route_table *table, struct tux_route_fields fields);

/* Brings the routes into the core's order, after the last one is added. False with a sentence in error. */
bool tux_routes_settle(struct tux_route_table *table, char *error, size_t error_size);

/* Frees what the table has grown to. */
void tux_routes_free(struct tux_route_table *table);

#endif
