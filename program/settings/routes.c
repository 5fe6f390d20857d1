/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "routes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

enum { MAX_PATTERN = 4096, MAX_LOCATION = 2048, MAX_NETWORK_TEXT = 63, MIN_SLOTS = 64 };

/* A pattern, cut into its parts: /PREFIX, /PREFIX*SUFFIX or =/PATH. */
struct pattern {
	const char *prefix, *suffix;
	size_t prefix_len, suffix_len;
	bool exact, starred;
};

/* A route with its settings, while the table is sorted. */
struct placed {
	struct tux_route route;
	struct tux_route_fields fields;
};

static struct pattern pattern_cut(const char *text)
{
	struct pattern pattern = { .exact = *text == '=' };
	const char *const star = strchr(text, '*');

	pattern.prefix = text + pattern.exact;
	pattern.starred = star;
	pattern.prefix_len = star ? (size_t)(star - pattern.prefix) : strlen(pattern.prefix);
	pattern.suffix = star ? star + 1 : "";
	pattern.suffix_len = strlen(pattern.suffix);
	return pattern;
}

static bool pattern_good(const struct pattern *pattern)
{
	return *pattern->prefix == '/' && pattern->prefix_len + pattern->suffix_len <= MAX_PATTERN &&
	       !(pattern->starred && (pattern->exact || strchr(pattern->suffix, '*')));
}

static uint32_t octets_hash(uint32_t hash, const void *octets, size_t len)
{
	const uint8_t *at = octets;

	for (; len > 0; len--)
		hash = (hash ^ *at++) * 16777619u; /* FNV-1a */
	return hash;
}

static uint32_t hash_of(const void *prefix, size_t prefix_len, const void *suffix, size_t suffix_len, bool exact)
{
	const uint8_t separator[] = { exact ? '=' : '*' };

	return octets_hash(octets_hash(octets_hash(2166136261u, prefix, prefix_len), separator, 1), suffix, suffix_len);
}

static bool pattern_is(const struct tux_route_table *table, const struct tux_route *route, const struct pattern *pattern)
{
	const uint8_t *const text = table->text + route->text;

	return route->exact == pattern->exact && route->prefix_len == pattern->prefix_len && route->suffix_len == pattern->suffix_len &&
	       memcmp(text, pattern->prefix, pattern->prefix_len) == 0 &&
	       memcmp(text + pattern->prefix_len, pattern->suffix, pattern->suffix_len) == 0;
}

static void slot_take(struct tux_route_table *table, uint32_t number)
{
	const struct tux_route *const route = &table->route[number];
	const uint8_t *const text = table->text + route->text;
	uint32_t at = hash_of(text, route->prefix_len, text + route->prefix_len, route->suffix_len, route->exact) & (table->slot_count - 1);

	while (table->slot[at] != 0)
		at = (at + 1) & (table->slot_count - 1);
	table->slot[at] = number + 1;
}

/* Makes room for one more route in the hash table. Returns false if out of memory. */
static bool slots_grow(struct tux_route_table *table)
{
	uint32_t count = MIN_SLOTS;
	uint32_t *slot;
	uint32_t i;

	if (2 * table->count < table->slot_count)
		return true;
	while (count <= 2 * table->count)
		count *= 2;
	slot = calloc(count, sizeof(*slot));
	if (!slot)
		return false;
	free(table->slot);
	table->slot = slot;
	table->slot_count = count;
	for (i = 0; i < table->count; i++)
		slot_take(table, i);
	return true;
}

/* Makes room for one more element in an array that has doubled at each power of two. Returns NULL if out of memory. */
static void *grown(void *array, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return realloc(array, (count > 0 ? 2 * (size_t)count : 1) * size);
}

static bool text_grow(struct tux_route_table *table, size_t len)
{
	const size_t room = 2 * (table->text_len + len);
	uint8_t *text;

	if (len <= table->text_room - table->text_len)
		return true;
	text = realloc(table->text, room);
	if (!text)
		return false;
	table->text = text;
	table->text_room = (uint32_t)room;
	return true;
}

static bool table_grow(struct tux_route_table *table, size_t len)
{
	struct tux_route *const route = grown(table->route, table->count, sizeof(*route));
	struct tux_route_fields *fields;

	if (!route)
		return false;
	table->route = route;
	fields = grown(table->fields, table->count, sizeof(*fields));
	if (!fields)
		return false;
	table->fields = fields;
	return text_grow(table, len) && slots_grow(table);
}

bool tux_routes_add(struct tux_route_table *table, const char *text, enum tux_handler handler, uint32_t argument,
                    char *error, size_t error_size)
{
	const struct pattern pattern = pattern_cut(text);
	const size_t len = pattern.prefix_len + pattern.suffix_len;

	if (!pattern_good(&pattern)) {
		snprintf(error, error_size, "\"%s\" is no route: /PREFIX, /PREFIX*SUFFIX or =/PATH, of at most %d bytes", text, MAX_PATTERN);
		return false;
	}
	if (table->count == TUX_MAX_ROUTES || table->text_len + len > TUX_MAX_ROUTE_TEXT) {
		snprintf(error, error_size, "there are more than %d routes, or more than %d bytes of them", TUX_MAX_ROUTES,
		         TUX_MAX_ROUTE_TEXT);
		return false;
	}
	if (!table_grow(table, len)) {
		snprintf(error, error_size, "no memory for a route");
		return false;
	}
	table->route[table->count] = (struct tux_route){
		.text = table->text_len,
		.argument = argument,
		.prefix_len = (uint16_t)pattern.prefix_len,
		.suffix_len = (uint16_t)pattern.suffix_len,
		.handler = (uint8_t)handler,
		.exact = pattern.exact,
	};
	table->fields[table->count] = (struct tux_route_fields){ .max_body_bytes = TUX_BODY_UNSAID };
	memcpy(table->text + table->text_len, pattern.prefix, pattern.prefix_len);
	memcpy(table->text + table->text_len + pattern.prefix_len, pattern.suffix, pattern.suffix_len);
	table->text_len += (uint32_t)len;
	slot_take(table, table->count++);
	return true;
}

const char *tux_routes_unreachable(const struct tux_route_table *table, const char *text)
{
	static const char *const never[] = { "//", "/./", "/../" };
	const struct pattern pattern = pattern_cut(text);
	uint32_t i;

	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strstr(text, never[i]))
			return "paths are normalised: none has an empty segment, \".\" or \"..\"";
	if (table->slot_count == 0)
		return NULL;
	i = hash_of(pattern.prefix, pattern.prefix_len, pattern.suffix, pattern.suffix_len, pattern.exact) & (table->slot_count - 1);
	for (; table->slot[i] != 0; i = (i + 1) & (table->slot_count - 1))
		if (pattern_is(table, &table->route[table->slot[i] - 1], &pattern))
			return "another route has the same pattern";
	return NULL;
}

static int placed_compare(const void *one, const void *other, void *text)
{
	return tux_route_compare(((const struct placed *)one)->route, ((const struct placed *)other)->route, text);
}

bool tux_routes_settle(struct tux_route_table *table, char *error, size_t error_size)
{
	struct placed *placed;
	uint32_t i;

	free(table->slot);
	table->slot = NULL;
	table->slot_count = 0;
	if (table->count == 0)
		return true;
	placed = calloc(table->count, sizeof(*placed));
	if (!placed) {
		snprintf(error, error_size, "no memory for the routes");
		return false;
	}
	for (i = 0; i < table->count; i++)
		placed[i] = (struct placed){ table->route[i], table->fields[i] };
	qsort_r(placed, table->count, sizeof(*placed), placed_compare, table->text);
	for (i = 0; i < table->count; i++) {
		table->route[i] = placed[i].route;
		table->fields[i] = placed[i].fields;
	}
	free(placed);
	for (i = 0; i < table->count && tux_route_link(table->route, i, table->text); i++)
		;
	if (i == table->count)
		return true;
	snprintf(error, error_size, "one path would be compared with more than %d routes, because their prefixes begin each other",
	         TUX_MAX_ROUTE_DEPTH);
	return false;
}

/* Whether a text may stand in Location as it is: visible ASCII (RFC 3986). */
static bool location_good(const char *to)
{
	const size_t len = strlen(to);
	size_t i;

	if (len == 0 || len > MAX_LOCATION)
		return false;
	for (i = 0; i < len; i++)
		if (to[i] <= ' ' || to[i] >= 0x7f || strchr("\"<>\\^`{|}", to[i]) || (to[i] == '*' && i + 1 < len))
			return false;
	if (*to == '/')
		return true;
	if (strncmp(to, "http://", 7) != 0 && strncmp(to, "https://", 8) != 0)
		return false;
	to = strchr(to, ':') + 3; /* the host; what the star stands for is to be no part of it */
	return strcspn(to, "/*") > 0 && (to[strlen(to) - 1] != '*' || strchr(to, '/') != NULL);
}

bool tux_routes_add_redirect(struct tux_route_table *table, const char *pattern, const char *to, uint16_t status, char *error,
                             size_t error_size)
{
	struct tux_redirect *redirect;
	const size_t len = strlen(to);

	if (!location_good(to)) {
		snprintf(error, error_size, "\"%s\" is nowhere to redirect to: /PATH, http:// or https:// and visible ASCII, "
		         "with a '*' only at its end", to);
		return false;
	}
	if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
		snprintf(error, error_size, "a redirect has status 301, 302, 303, 307 or 308");
		return false;
	}
	redirect = grown(table->redirect, table->redirect_count, sizeof(*redirect));
	if (!redirect) {
		snprintf(error, error_size, "no memory for a route");
		return false;
	}
	table->redirect = redirect;
	redirect[table->redirect_count] = (struct tux_redirect){
		.to = to, .len = (uint32_t)(to[len - 1] == '*' ? len - 1 : len), .status = status, .rest = to[len - 1] == '*',
	};
	if (!tux_routes_add(table, pattern, TUX_HANDLER_REDIRECT, table->redirect_count, error, error_size))
		return false;
	table->redirect_count++;
	return true;
}

void tux_routes_last_fields(struct tux_route_table *table, struct tux_route_fields fields)
{
	table->fields[table->count - 1] = fields;
}

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits behind the prefix have to be 0: else one of the two is a mistake. */
static bool network_read(const char *text, struct tux_network *network)
{
	const size_t address_len = strcspn(text, "/");
	char address[MAX_NETWORK_TEXT + 1];
	unsigned bits = 128, before = 0, i;
	uint64_t prefix_len;

	if (address_len > MAX_NETWORK_TEXT)
		return false;
	memcpy(address, text, address_len);
	address[address_len] = '\0';
	*network = (struct tux_network){ { [10] = 0xff, 0xff }, 0 };
	if (inet_pton(AF_INET, address, network->address + 12) == 1) {
		bits = 32;
		before = 96;
	} else if (inet_pton(AF_INET6, address, network->address) != 1) {
		return false;
	}
	prefix_len = bits;
	if (text[address_len] == '/' && !tux_value_count(text + address_len + 1, 0, bits, &prefix_len))
		return false;
	network->prefix_len = (uint8_t)(before + prefix_len);
	for (i = network->prefix_len; i < 128; i++)
		if (network->address[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

bool tux_routes_add_status(struct tux_route_table *table, const char *pattern, const char *const *allow, unsigned allow_count,
                           char *error, size_t error_size)
{
	struct tux_status_route *status = grown(table->status, table->status_count, sizeof(*status));
	struct tux_network *network = calloc(allow_count + 1, sizeof(*network));
	unsigned i;

	if (status)
		table->status = status;
	if (!status || !network) {
		free(network);
		snprintf(error, error_size, "no memory for a route");
		return false;
	}
	for (i = 0; i < allow_count; i++)
		if (!network_read(allow[i], &network[i]))
			break;
	if (i < allow_count)
		snprintf(error, error_size, "allow: \"%s\" is no network, such as 192.0.2.0/24 or 2001:db8::/32, or an address", allow[i]);
	if (i < allow_count || !tux_routes_add(table, pattern, TUX_HANDLER_STATUS, table->status_count, error, error_size)) {
		free(network);
		return false;
	}
	status[table->status_count++] = (struct tux_status_route){ network, allow_count };
	return true;
}

void tux_routes_free(struct tux_route_table *table)
{
	uint32_t i;

	for (i = 0; i < table->count; i++) {
		tux_field_rules_free(&table->fields[i].rules);
		tux_media_type_settings_free(&table->fields[i].media_types);
	}
	free(table->fields);
	for (i = 0; i < table->status_count; i++)
		free((void *)(uintptr_t)table->status[i].allow);
	free(table->status);
	free(table->slot);
	free(table->route);
	free(table->text);
	free(table->redirect);
	*table = (struct tux_route_table){ 0 };
}
