/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes: a table that is searched linearly. */
#include "route.h"

bool tux_routes_valid(const struct tux_routes *routes)
{
	if (routes->count > TUX_MAX_ROUTES || routes->text_len > TUX_MAX_ROUTE_TEXT)
		return false;
	/*@ loop invariant i <= routes->count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> route_inside(routes->route[k], routes->text_len);
	  @ loop assigns i;
	  @ loop variant routes->count - i; */
	for (uint32_t i = 0; i < routes->count; i++) {
		const struct tux_route *one = &routes->route[i];
		const uint32_t len = (uint32_t)one->prefix_len + one->suffix_len;

		if (len > routes->text_len || one->text > routes->text_len - len || one->handler >= TUX_HANDLERS || one->exact > 1 ||
		    (one->exact == 1 && one->suffix_len != 0))
			return false;
	}
	return true;
}

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

/*@ requires \valid_read(route) && route_inside(*route, 262144);
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

uint32_t tux_route_find(const struct tux_routes *routes, const uint8_t *path, uint32_t len)
{
	/*@ loop invariant i <= routes->count;
	  @ loop assigns i;
	  @ loop variant routes->count - i; */
	for (uint32_t i = 0; i < routes->count; i++)
		if (matches(&routes->route[i], routes->text, path, len))
			return i;
	return routes->count;
}

/* True if the pattern of a route is exactly the len bytes at path and a slash. */
/*@ requires \valid_read(route) && route_inside(*route, 262144);
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
	/*@ loop invariant i <= routes->count;
	  @ loop assigns i;
	  @ loop variant routes->count - i; */
	for (uint32_t i = 0; i < routes->count; i++)
		if (matches_slash(&routes->route[i], routes->text, path, len))
			return i;
	return routes->count;
}

/* Returns the search rank of a route: greater ranks come first. */
/*@ assigns \nothing;
  @ ensures \result <= 131071;
  @*/
static uint32_t rank(struct tux_route route)
{
	return 2 * (uint32_t)route.prefix_len + (route.exact == 1 ? 1 : 0);
}

void tux_routes_insert(struct tux_route *route, uint32_t count, struct tux_route one)
{
	uint32_t at = count;

	/*@ loop invariant at <= count;
	  @ loop assigns at, route[0 .. count];
	  @ loop variant at; */
	while (at > 0 && rank(route[at - 1]) < rank(one)) {
		route[at] = route[at - 1];
		at--;
	}
	route[at] = one;
}
