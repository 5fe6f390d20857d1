/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes: the handler of a request, by its normalised path. A pattern is a prefix ("/app/"), a prefix and a suffix ("/app/" with
 * ".php"), or a whole path. Longer prefixes precede shorter ones, a whole path precedes a prefix of its length, and of two routes
 * with the same prefix the earlier one in the text precedes the other.
 *
 * The table is in the order of the prefixes' octets. Of routes with the same prefix the first to try is the last. Each route links
 * to the next one to try: one with the same prefix, or else the first to try of the longest prefix that begins its own. So the last
 * route whose prefix is not behind a path, and the links from there, lead to all routes that may match the path. The table is plain
 * data with offsets, so that it can be passed to the kernel.
 */
#ifndef TUX_CORE_ROUTE_H
#define TUX_CORE_ROUTE_H

#include "types.h"

enum {
	TUX_MAX_ROUTES = 1 << 17,
	TUX_MAX_ROUTE_TEXT = 1 << 23, /* bytes of all patterns together */
	TUX_MAX_ROUTE_DEPTH = 1024,   /* routes that the links from a route lead to, itself included */
};

enum tux_handler {
	TUX_HANDLER_STATIC,   /* files beneath the root */
	TUX_HANDLER_REDIRECT, /* argument: number of the redirect */
	TUX_HANDLER_HANDOVER, /* a local server gets the connection if the kernel engine has it */
	TUX_HANDLER_STATUS,   /* status of the server; argument: number of the status page */
	TUX_HANDLER_CGI,      /* argument: number of the CGI kind */
	TUX_HANDLER_UPSTREAM, /* argument: number of the upstream */
	TUX_HANDLER_HIDDEN,   /* files beneath the root, only for backends that name them (X-Accel-Redirect); clients get 404 */
	TUX_HANDLER_MODULE,   /* argument: number of the module's name */
	TUX_HANDLERS
};

struct tux_route {
	uint32_t text;       /* offset of the pattern in tux_routes.text: the prefix, followed by the suffix */
	uint32_t next;       /* 1 + number of the next route to try; 0: no other; tux_route_link() sets it */
	uint32_t argument;   /* argument of the handler */
	uint16_t depth;      /* routes that the links lead to, this one included; tux_route_link() sets it */
	uint16_t prefix_len; /* bytes */
	uint16_t suffix_len; /* bytes */
	uint8_t handler;     /* enum tux_handler */
	uint8_t exact;       /* 1: the prefix is the whole path, and there is no suffix; else 0 */
};

struct tux_routes {
	const struct tux_route *route;
	const uint8_t *text;
	uint32_t count;    /* number of routes */
	uint32_t text_len; /* bytes */
};

/*
 * For the proof: the memory of a table can be read; its patterns lie inside its text, and its links lead to its beginning; a route of
 * it matches a path.
 */
/*@ predicate routes_readable{L}(struct tux_routes routes) =
  @   routes.count <= 131072 && routes.text_len <= 8388608 &&
  @   \valid_read(routes.route + (0 .. routes.count - 1)) && \valid_read(routes.text + (0 .. routes.text_len - 1));
  @ predicate route_inside{L}(struct tux_route route, integer text_len) =
  @   route.text + route.prefix_len + route.suffix_len <= text_len && route.handler < TUX_HANDLERS && route.exact <= 1 &&
  @   (route.exact == 1 ==> route.suffix_len == 0);
  @ predicate routes_inside{L}(struct tux_routes routes) =
  @   \forall integer i; 0 <= i < routes.count ==>
  @     route_inside(routes.route[i], routes.text_len) && routes.route[i].next <= i;
  @ predicate prefix_readable{L}(struct tux_route route, uint8_t *text) =
  @   route.text + route.prefix_len <= 8388608 && \valid_read(text + (route.text .. route.text + route.prefix_len - 1));
  @ predicate same{L}(uint8_t *a, integer a_off, uint8_t *b, integer b_off, integer len) =
  @   \forall integer i; 0 <= i < len ==> a[a_off + i] == b[b_off + i];
  @ predicate route_matches{L}(struct tux_route route, uint8_t *text, uint8_t *path, integer len) =
  @   route.prefix_len + route.suffix_len <= len && (route.exact == 1 ==> len == route.prefix_len) &&
  @   same(text, route.text, path, 0, route.prefix_len) &&
  @   same(text, route.text + route.prefix_len, path, len - route.suffix_len, route.suffix_len);
  @*/

/*
 * True if a table from another program is valid: it keeps the limits, every route lies inside its text, the routes are in their
 * order, and their links are those of tux_route_link(). Any context.
 */
/*@ requires \valid_read(routes);
  @ requires routes->count <= 131072 ==> \valid_read(routes->route + (0 .. routes->count - 1));
  @ requires routes->text_len <= 8388608 ==> \valid_read(routes->text + (0 .. routes->text_len - 1));
  @ assigns \nothing;
  @ ensures \result ==> routes->count <= 131072 && routes->text_len <= 8388608 && routes_inside(*routes);
  @*/
bool tux_routes_valid(const struct tux_routes *routes);

/* Returns the first route that matches the len bytes at path, a normalised path; routes->count if none matches. Any context. */
/*@ requires \valid_read(routes) && routes_readable(*routes) && routes_inside(*routes);
  @ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= routes->count;
  @ ensures \result < routes->count ==> route_matches(routes->route[\result], routes->text, path, len);
  @*/
uint32_t tux_route_find(const struct tux_routes *routes, const uint8_t *path, uint32_t len);

/*
 * Returns the first route whose pattern is the len bytes at path and a slash: "/app/" for "/app"; routes->count if none is. A
 * client that omits the slash means that route. Any context.
 */
/*@ requires \valid_read(routes) && routes_readable(*routes) && routes_inside(*routes);
  @ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= routes->count;
  @ ensures \result < routes->count ==> routes->route[\result].prefix_len == len + 1 &&
  @   same(routes->text, routes->route[\result].text, path, 0, len) &&
  @   routes->text[routes->route[\result].text + len] == '/';
  @*/
uint32_t tux_route_find_slash(const struct tux_routes *routes, const uint8_t *path, uint32_t len);

/*
 * Returns how a route stands to another in the order of a table: below 0 before it, above 0 behind it, 0 if they are the same place
 * of the text. Any context.
 */
/*@ requires prefix_readable(route, text) && prefix_readable(other, text);
  @ assigns \nothing;
  @ ensures -1 <= \result <= 1;
  @*/
int32_t tux_route_compare(struct tux_route route, struct tux_route other, const uint8_t *text);

/*
 * Sets the link of a route. The routes before it have theirs. Returns false if one path may have to be compared with more than
 * TUX_MAX_ROUTE_DEPTH routes. Any context.
 */
/*@ requires number < 131072 && \valid_read(route + (0 .. number)) && \valid(route + number);
  @ requires \forall integer i; 0 <= i <= number ==> prefix_readable(route[i], text);
  @ requires \forall integer i; 0 <= i < number ==> route[i].next <= i;
  @ assigns route[number];
  @ ensures \result ==> route[number].next <= number && 1 <= route[number].depth <= 1024;
  @*/
bool tux_route_link(struct tux_route *route, uint32_t number, const uint8_t *text);

#endif
