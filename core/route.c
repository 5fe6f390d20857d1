/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes: a table in the order of its prefixes, halved until the place of a path is found, and links from there. */
#include "route.h"

/*@ requires \valid_read(a + (0 .. len - 1)) && \valid_read(b + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <==> (\forall integer i; 0 <= i < len ==> a[i] == b[i]);
  @*/
static bool equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	/*@ loop invariant i <= len && (\forall integer k; 0 <= k < i ==> a[k] == b[k]);
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

int32_t tux_route_compare(struct tux_route route, struct tux_route other, const uint8_t *text)
{
	/*@ loop invariant i <= route.prefix_len && i <= other.prefix_len;
	  @ loop assigns i;
	  @ loop variant route.prefix_len - i; */
	for (uint32_t i = 0; i < route.prefix_len && i < other.prefix_len; i++)
		if (text[route.text + i] != text[other.text + i])
			return text[route.text + i] < text[other.text + i] ? -1 : 1;
	if (route.prefix_len != other.prefix_len)
		return route.prefix_len < other.prefix_len ? -1 : 1;
	if (route.exact != other.exact)
		return route.exact < other.exact ? -1 : 1;
	if (route.text != other.text)
		return route.text > other.text ? -1 : 1;
	return 0;
}

/* Returns the link of a route: it follows the links from the route before it to one whose prefix begins its own. */
/*@ requires number < 131072 && \valid_read(route + (0 .. number));
  @ requires \forall integer i; 0 <= i <= number ==> prefix_readable(route[i], text);
  @ requires \forall integer i; 0 <= i < number ==> route[i].next <= i;
  @ assigns \nothing;
  @ ensures \result <= number;
  @*/
static uint32_t next_of(const struct tux_route *route, uint32_t number, const uint8_t *text)
{
	const struct tux_route *one = &route[number];
	uint32_t at = number;

	/*@ loop invariant at <= number;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0) {
		const struct tux_route *before = &route[at - 1];

		/*@ assert prefix_readable(*before, text); */
		if (before->prefix_len <= one->prefix_len && equal(text + before->text, text + one->text, before->prefix_len))
			return at;
		at = before->next;
	}
	return 0;
}

bool tux_routes_valid(const struct tux_routes *routes)
{
	const struct tux_route *const route = routes->route;
	uint32_t bytes = 0;

	if (routes->count > TUX_MAX_ROUTES || routes->text_len > TUX_MAX_ROUTE_TEXT)
		return false;
	/*@ loop invariant i <= routes->count && bytes <= 8388608;
	  @ loop invariant \forall integer k; 0 <= k < i ==> route_inside(routes->route[k], routes->text_len) && routes->route[k].next <= k;
	  @ loop assigns i, bytes;
	  @ loop variant routes->count - i; */
	for (uint32_t i = 0; i < routes->count; i++) {
		const struct tux_route *one = &route[i];
		const uint32_t len = (uint32_t)one->prefix_len + one->suffix_len;

		if (len > routes->text_len || one->text > routes->text_len - len || one->handler >= TUX_HANDLERS || one->exact > 1 ||
		    (one->exact == 1 && one->suffix_len != 0))
			return false;
		bytes += len; /* patterns may share a text, but not so often that their comparison takes long */
		if (bytes > TUX_MAX_ROUTE_TEXT || one->next > i || one->depth == 0 || one->depth > TUX_MAX_ROUTE_DEPTH)
			return false;
		if (one->depth != (one->next == 0 ? 1 : route[one->next - 1].depth + 1))
			return false;
		if ((i > 0 && tux_route_compare(route[i - 1], *one, routes->text) > 0) ||
		    one->next != next_of(route, i, routes->text))
			return false;
	}
	return true;
}

/*@ requires \valid_read(route) && route_inside(*route, 8388608);
  @ requires \valid_read(text + (route->text .. route->text + route->prefix_len + route->suffix_len - 1));
  @ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> route->prefix_len + route->suffix_len <= len;
  @ ensures \result && route->exact == 1 ==> len == route->prefix_len;
  @ ensures \result ==> same(text, route->text, path, 0, route->prefix_len);
  @ ensures \result ==> same(text, route->text + route->prefix_len, path, len - route->suffix_len, route->suffix_len);
  @*/
static bool matches(const struct tux_route *route, const uint8_t *text, const uint8_t *path, uint32_t len)
{
	const uint32_t prefix = route->prefix_len, suffix = route->suffix_len;
	uint32_t tail, start; /* offset of the suffix in the text, and its required offset in the path */

	if (len < prefix + suffix || (route->exact == 1 && len != prefix))
		return false;
	if (!equal(text + route->text, path, prefix))
		return false;
	tail = route->text + prefix;
	start = len - suffix;
	if (!equal(text + tail, path + start, suffix))
		return false;
	/*@ assert \forall integer i; 0 <= i < suffix ==> (text + tail)[i] == (path + start)[i]; */
	/*@ assert same(text, tail, path, start, suffix); */
	return true;
}

/* True if a prefix stands behind the len bytes at path, and a slash behind them if there is to be one, in the order of octets. */
/*@ requires \valid_read(prefix + (0 .. prefix_len - 1)) && \valid_read(path + (0 .. len - 1)) && prefix_len <= 65535;
  @ assigns \nothing;
  @*/
static bool is_behind(const uint8_t *prefix, uint32_t prefix_len, const uint8_t *path, uint32_t len, bool slash)
{
	/*@ loop invariant i <= prefix_len && i <= len;
	  @ loop assigns i;
	  @ loop variant prefix_len - i; */
	for (uint32_t i = 0; i < prefix_len && i < len; i++)
		if (prefix[i] != path[i])
			return prefix[i] > path[i];
	if (prefix_len <= len)
		return false;
	return !slash || prefix[len] > '/' || (prefix[len] == '/' && prefix_len - 1 > len);
}

/* Returns the number of routes whose prefixes do not stand behind a path, with a slash or without. */
/*@ requires \valid_read(routes) && routes_readable(*routes) && routes_inside(*routes);
  @ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= routes->count;
  @*/
static uint32_t count_before(const struct tux_routes *routes, const uint8_t *path, uint32_t len, bool slash)
{
	uint32_t low = 0, high = routes->count;

	/*@ loop invariant low <= high <= routes->count;
	  @ loop assigns low, high;
	  @ loop variant high - low; */
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct tux_route *one = &routes->route[middle];

		/*@ assert route_inside(*one, routes->text_len); */
		if (is_behind(routes->text + one->text, one->prefix_len, path, len, slash))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint32_t tux_route_find(const struct tux_routes *routes, const uint8_t *path, uint32_t len)
{
	uint32_t at = count_before(routes, path, len, false);

	/*@ loop invariant at <= routes->count;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0) {
		const struct tux_route *one = &routes->route[at - 1];

		/*@ assert route_inside(*one, routes->text_len) && one->next <= at - 1; */
		if (matches(one, routes->text, path, len))
			return at - 1;
		at = one->next;
	}
	return routes->count;
}

/* True if a route is the prefix of len bytes at path and a slash, and nothing else. */
/*@ requires \valid_read(route) && route_inside(*route, 8388608);
  @ requires \valid_read(text + (route->text .. route->text + route->prefix_len + route->suffix_len - 1));
  @ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> route->prefix_len == len + 1 && same(text, route->text, path, 0, len) && text[route->text + len] == '/';
  @*/
static bool matches_slash(const struct tux_route *route, const uint8_t *text, const uint8_t *path, uint32_t len)
{
	const uint32_t start = route->text;

	if (route->exact == 1 || route->suffix_len > 0 || route->prefix_len == 0 || route->prefix_len - 1u != len)
		return false;
	if (text[start + len] != '/' || !equal(text + start, path, len))
		return false;
	/*@ assert \forall integer i; 0 <= i < len ==> (text + start)[i] == path[i]; */
	/*@ assert same(text, start, path, 0, len); */
	return true;
}

uint32_t tux_route_find_slash(const struct tux_routes *routes, const uint8_t *path, uint32_t len)
{
	uint32_t at = count_before(routes, path, len, true);

	/*@ loop invariant at <= routes->count;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0) {
		const struct tux_route *one = &routes->route[at - 1];

		/*@ assert route_inside(*one, routes->text_len) && one->next <= at - 1; */
		if (matches_slash(one, routes->text, path, len))
			return at - 1;
		at = one->next;
	}
	return routes->count;
}

bool tux_route_link(struct tux_route *route, uint32_t number, const uint8_t *text)
{
	const uint32_t next = next_of(route, number, text);
	const uint32_t depth = next == 0 ? 1 : (uint32_t)route[next - 1].depth + 1;

	if (depth > TUX_MAX_ROUTE_DEPTH)
		return false;
	route[number].next = next;
	route[number].depth = (uint16_t)depth;
	return true;
}
