/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routes.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

enum { MAX_PATTERN = 4096, MAX_LOCATION = 2048, MAX_NETWORK_TEXT = 63 };

bool tux_routes_add(struct tux_route_table *table, const char *pattern, enum tux_handler handler, uint16_t argument,
                    char *error, size_t error_size)
{
	struct tux_route one = { .text = table->text_len, .handler = (uint8_t)handler, .argument = argument };
	const char *const star = strchr(pattern, '*');
	const char *path = pattern;
	struct tux_route_fields *fields;
	struct tux_route *route;
	size_t prefix_len, suffix_len;
	uint8_t *text;

	if (*path == '=') {
		one.exact = 1;
		path++;
	}
	prefix_len = star ? (size_t)(star - path) : strlen(path);
	suffix_len = star ? strlen(star + 1) : 0;
	if (*path != '/' || prefix_len + suffix_len > MAX_PATTERN || (star && (one.exact || strchr(star + 1, '*')))) {
		snprintf(error, error_size, "\"%s\" is no route: /PREFIX, /PREFIX*SUFFIX or =/PATH, of at most %d bytes", pattern,
		         MAX_PATTERN);
		return false;
	}
	if (table->count == TUX_MAX_ROUTES || table->text_len + prefix_len + suffix_len > TUX_MAX_ROUTE_TEXT) {
		snprintf(error, error_size, "there are more than %d routes, or more than %d bytes of them", TUX_MAX_ROUTES,
		         TUX_MAX_ROUTE_TEXT);
		return false;
	}
	one.prefix_len = (uint16_t)prefix_len;
	one.suffix_len = (uint16_t)suffix_len;
	route = realloc(table->route, (table->count + 1) * sizeof(*route));
	if (route)
		table->route = route;
	text = realloc(table->text, table->text_len + prefix_len + suffix_len);
	if (text)
		table->text = text;
	fields = realloc(table->fields, (table->count + 1) * sizeof(*fields));
	if (fields)
		table->fields = fields;
	if (!route || !text || !fields) {
		snprintf(error, error_size, "no memory for a route");
		return false;
	}
	memcpy(table->text + one.text, path, prefix_len);
	if (star)
		memcpy(table->text + one.text + prefix_len, star + 1, suffix_len);
	table->text_len += (uint32_t)(prefix_len + suffix_len);
	tux_routes_insert(table->route, table->count, one);
	for (table->last = 0; table->route[table->last].text != one.text; table->last++) /* no two begin at one place */
		;
	memmove(fields + table->last + 1, fields + table->last, (table->count - table->last) * sizeof(*fields));
	fields[table->last] = (struct tux_route_fields){ .max_body_bytes = TUX_BODY_UNSAID };
	table->count++;
	return true;
}

/* True if the pattern is the same as that of a route. */
static bool pattern_is(const struct tux_route_table *table, const struct tux_route *route, const char *pattern)
{
	const bool exact = *pattern == '=';
	const char *const path = pattern + exact;
	const char *const star = strchr(path, '*');
	const size_t prefix_len = star ? (size_t)(star - path) : strlen(path), suffix_len = star ? strlen(star + 1) : 0;

	return route->exact == exact && route->prefix_len == prefix_len && route->suffix_len == suffix_len &&
	       memcmp(table->text + route->text, path, prefix_len) == 0 &&
	       (suffix_len == 0 || memcmp(table->text + route->text + prefix_len, star + 1, suffix_len) == 0);
}

const char *tux_routes_unreachable(const struct tux_route_table *table, const char *pattern)
{
	static const char *const never[] = { "//", "/./", "/../" };
	uint32_t i;

	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (strstr(pattern, never[i]))
			return "paths are normalised: none has an empty segment, \".\" or \"..\"";
	for (i = 0; i < table->count; i++)
		if (pattern_is(table, &table->route[i], pattern))
			return "another route has the same pattern";
	return NULL;
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
	redirect = realloc(table->redirect, (table->redirect_count + 1) * sizeof(*redirect));
	if (!redirect) {
		snprintf(error, error_size, "no memory for a route");
		return false;
	}
	table->redirect = redirect;
	redirect[table->redirect_count] = (struct tux_redirect){
		.to = to, .len = (uint32_t)(to[len - 1] == '*' ? len - 1 : len), .status = status, .rest = to[len - 1] == '*',
	};
	if (!tux_routes_add(table, pattern, TUX_HANDLER_REDIRECT, (uint16_t)table->redirect_count, error, error_size))
		return false;
	table->redirect_count++;
	return true;
}

void tux_routes_last_fields(struct tux_route_table *table, struct tux_route_fields fields)
{
	table->fields[table->last] = fields;
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
	struct tux_status_route *status = realloc(table->status, (table->status_count + 1) * sizeof(*status));
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
	if (i < allow_count || !tux_routes_add(table, pattern, TUX_HANDLER_STATUS, (uint16_t)table->status_count, error, error_size)) {
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
	free(table->route);
	free(table->text);
	free(table->redirect);
	*table = (struct tux_route_table){ 0 };
}
