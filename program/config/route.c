/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "route.h"

#include <string.h>

#include "cgi.h"
#include "module.h"
#include "types.h"
#include "upstream.h"

enum { MAX_ALLOW = 64 }; /* networks of a status page */

#define HANDLERS "static on, hidden on, redirect, handover PORT, upstream NAME, cgi NAME, module NAME, or status on"

/* Sets the handover port of a route. */
static void port_apply(struct reading *reading, const ucl_object_t *value, const char *at)
{
	const int64_t port = ucl_object_type(value) == UCL_INT ? ucl_object_toint(value) : 0;

	if (port < 1 || port > 65535) {
		reading_wrong(reading, at, "handover needs a port from 1 to 65535");
	} else if (reading->route_port != 0 && reading->route_port != port) {
		reading_wrong(reading, at, "all routes hand over to one port, and another says %u", reading->route_port);
	} else {
		reading->route_port = (uint16_t)port;
		reading->route_port_at = at;
	}
}

void port_settle(struct reading *reading)
{
	uint16_t *const port = &reading->settings->handover_port;

	if (reading->route_port != 0 && *port != 0 && *port != reading->route_port)
		reading_wrong(reading, reading->route_port_at, "all hand over to one port, and the key handover says %u", *port);
	else if (reading->route_port != 0)
		*port = reading->route_port;
}

/* Adds one rule for a field. */
static void field_rule_apply(struct reading *reading, struct tux_field_rules *rules, enum tux_field_rule_kind kind,
                             const ucl_object_t *value, const char *at)
{
	char error[CONFIG_ERROR_MAX];
	const char *text;

	if (ucl_object_type(value) != UCL_STRING) {
		reading_wrong(reading, at, "a rule about a field needs a text: \"Name: value\", to remove it its name");
		return;
	}
	if (reading_is_inside(reading, value->value.sv))
		at = value->value.sv;
	text = reading_text(reading, value, at);
	if (text && !tux_field_rules_add(rules, kind, text, error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
}

void field_rules_apply(struct reading *reading, struct tux_field_rules *rules, const ucl_object_t *first)
{
	static const char *const kinds[] = { [TUX_FIELD_ADD] = "add", [TUX_FIELD_SET] = "set", [TUX_FIELD_REMOVE] = "remove" };
	const ucl_object_t *block, *key, *value, *element;

	for (block = first; block; block = block->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(block) != UCL_OBJECT) {
			reading_wrong(reading, block->key, "header needs { } with add, set and remove");
			continue;
		}
		while ((key = ucl_object_iterate(block, &each, true))) {
			const struct tux_option *const option = reading_option(reading, key, "header", TUX_SCOPE_HEADER);
			unsigned kind = 0;

			if (!option)
				continue;
			while (strcmp(option->name, kinds[kind]) != 0)
				kind++;
			for (value = key; value; value = value->next) {
				ucl_object_iter_t all = NULL;

				if (ucl_object_type(value) != UCL_ARRAY)
					field_rule_apply(reading, rules, (enum tux_field_rule_kind)kind, value, value->key);
				else
					while ((element = ucl_object_iterate(value, &all, true)))
						field_rule_apply(reading, rules, (enum tux_field_rule_kind)kind, element, value->key);
			}
		}
	}
}

/* The parts of a route that have been read. */
struct route {
	unsigned handlers;
	enum tux_handler handler;
	int argument;            /* of the handler; -1 = invalid and reported */
	const char *to;          /* target of a redirect */
	uint16_t code;           /* status of a redirect; 0 = invalid */
	const char *code_at;     /* position of code in the file; NULL = not specified */
	const char *allow[MAX_ALLOW];
	const char *allow_at;
	unsigned allow_count;
	struct tux_route_fields fields;
};

/* Applies status: on selects the handler, a number is the status of a redirect. */
static void status_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	const int64_t code = ucl_object_type(key) == UCL_INT ? ucl_object_toint(key) : 0;

	if (ucl_object_type(key) == UCL_BOOLEAN && ucl_object_toboolean(key)) {
		route->handlers++;
		route->handler = TUX_HANDLER_STATUS;
	} else if (ucl_object_type(key) == UCL_INT) {
		route->code = code > 0 && code < 1000 ? (uint16_t)code : 0;
		route->code_at = key->key;
	} else {
		reading_wrong(reading, key->key, "status is on, or with a redirect its number");
	}
}

static void network_add(struct reading *reading, const ucl_object_t *value, const char *at, struct route *route)
{
	const char *const text = ucl_object_type(value) == UCL_STRING ? reading_text(reading, value, at) : NULL;

	if (!text)
		reading_wrong(reading, at, "allow needs networks in quotes, such as \"192.0.2.0/24\"");
	else if (route->allow_count == MAX_ALLOW)
		reading_wrong(reading, at, "allow has more than %d networks", MAX_ALLOW);
	else
		route->allow[route->allow_count++] = text;
}

/* Applies the networks that may see a status page: one, or a list. */
static void allow_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	const ucl_object_t *element;
	ucl_object_iter_t each = NULL;

	route->allow_at = key->key;
	if (ucl_object_type(key) != UCL_ARRAY)
		network_add(reading, key, key->key, route);
	else
		while ((element = ucl_object_iterate(key, &each, true)))
			network_add(reading, element, key->key, route);
}

/* Applies a key whose value is true: static on, hidden on. */
static void handler_on(struct reading *reading, const ucl_object_t *key, struct route *route, enum tux_handler handler)
{
	route->handlers++;
	route->handler = handler;
	if (ucl_object_type(key) != UCL_BOOLEAN || !ucl_object_toboolean(key))
		reading_wrong(reading, key->key, "%.*s is on", (int)key->keylen, key->key);
}

static void static_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	handler_on(reading, key, route, TUX_HANDLER_STATIC);
}

static void hidden_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	handler_on(reading, key, route, TUX_HANDLER_HIDDEN);
}

static void redirect_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	route->handlers++;
	route->to = ucl_object_type(key) == UCL_STRING ? reading_text(reading, key, key->key) : NULL;
	if (!route->to)
		reading_wrong(reading, key->key, "redirect needs a path or a URL");
}

static void handover_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	route->handlers++;
	route->handler = TUX_HANDLER_HANDOVER;
	port_apply(reading, key, key->key);
}

static void cgi_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	route->handlers++;
	route->handler = TUX_HANDLER_CGI;
	route->argument = cgi_named(reading, key);
}

static void upstream_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	route->handlers++;
	route->handler = TUX_HANDLER_UPSTREAM;
	route->argument = upstream_named(reading, key);
}

static void module_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	route->handlers++;
	route->handler = TUX_HANDLER_MODULE;
	route->argument = module_named(reading, key);
}

static void header_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	field_rules_apply(reading, &route->fields.rules, key);
}

static void types_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	for (; key; key = key->next)
		media_types_apply(reading, &route->fields.media_types, key);
}

static void type_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	media_type_apply(reading, &route->fields.media_types.every, key);
}

static void default_type_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	media_type_apply(reading, &route->fields.media_types.fallback, key);
}

/* The blocks of the table that a route has. repeated: the function reads all values, or reports the second one. */
static const struct {
	const char *name;
	void (*apply)(struct reading *reading, const ucl_object_t *key, struct route *route);
	bool repeated;
} blocks[] = {
	{ "static", static_apply, false },
	{ "hidden", hidden_apply, false },
	{ "redirect", redirect_apply, false },
	{ "handover", handover_apply, false },
	{ "upstream", upstream_apply, false },
	{ "cgi", cgi_apply, false },
	{ "module", module_apply, false },
	{ "status", status_apply, false },
	{ "allow", allow_apply, false },
	{ "header", header_apply, true },
	{ "type", type_apply, true },
	{ "types", types_apply, true },
	{ "default-type", default_type_apply, true },
};

/* Applies an option whose value the table places in struct tux_route_fields. */
static void value_apply(struct reading *reading, const struct tux_option *option, const ucl_object_t *key, struct route *route)
{
	const enum ucl_type type = ucl_object_type(key);
	const bool is_text = type == UCL_STRING || (option->type != TUX_TYPE_SPECIAL && (type == UCL_INT || type == UCL_FLOAT));
	const char *const text = is_text ? reading_text(reading, key, key->key) : NULL;
	char expected[TUX_OPTION_EXPECTED];

	if (text && tux_option_read(option, &route->fields, text))
		return;
	tux_option_expects(option, expected);
	reading_wrong(reading, key->key, "%s needs %s", option->name, expected);
}

/* Applies one key of a route. */
static void route_key_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	const struct tux_option *const option = reading_option(reading, key, "a route", TUX_SCOPE_ROUTE);
	unsigned i = 0;

	if (!option)
		return;
	while (i < sizeof(blocks) / sizeof(blocks[0]) && strcmp(blocks[i].name, option->name) != 0)
		i++;
	if (i < sizeof(blocks) / sizeof(blocks[0])) {
		if (blocks[i].repeated || reading_once(reading, key))
			blocks[i].apply(reading, key, route);
	} else if (reading_once(reading, key)) {
		value_apply(reading, option, key, route);
	}
}

/* Adds a route that has no errors of its own. */
static bool route_add(struct reading *reading, const char *pattern, const struct route *route, char *error, size_t error_size)
{
	struct tux_route_table *const table = reading->host->routes;

	if (route->to)
		return tux_routes_add_redirect(table, pattern, route->to, route->code, error, error_size);
	if (route->handler == TUX_HANDLER_STATUS)
		return tux_routes_add_status(table, pattern, route->allow, route->allow_count, error, error_size);
	return tux_routes_add(table, pattern, route->handler, (uint32_t)route->argument, error, error_size);
}

/* Frees the settings of an invalid route. */
static void route_fields_free(struct tux_route_fields *fields)
{
	tux_field_rules_free(&fields->rules);
	tux_media_type_settings_free(&fields->media_types);
}

/* Applies one route: its pattern and its handler. */
static void route_apply(struct reading *reading, const ucl_object_t *object)
{
	struct route route = { .code = 301, .handler = TUX_HANDLER_STATIC, .fields = { .max_body_bytes = TUX_BODY_UNSAID } };
	const unsigned before = reading->wrong;
	const ucl_object_t *key;
	ucl_object_iter_t each = NULL;
	char pattern[4200], error[CONFIG_ERROR_MAX];
	const char *unreachable;

	snprintf(pattern, sizeof(pattern), "%.*s", (int)object->keylen, object->key);
	if (ucl_object_type(object) != UCL_OBJECT) {
		reading_wrong(reading, object->key, "route \"%s\" needs { } with what it does: " HANDLERS, pattern);
		return;
	}
	if (!tux_host_routes(reading->host)) {
		reading_wrong(reading, NULL, "no memory");
		return;
	}
	while ((key = ucl_object_iterate(object, &each, true)))
		route_key_apply(reading, key, &route);
	if (route.handlers != 1 && reading->wrong == before)
		reading_wrong(reading, object->key, "route \"%s\" does one thing: " HANDLERS, pattern);
	if (route.code_at && !route.to)
		reading_wrong(reading, route.code_at, "a number as status goes with redirect");
	if (route.allow_at && route.handler != TUX_HANDLER_STATUS)
		reading_wrong(reading, route.allow_at, "allow goes with status on");
	unreachable = tux_routes_unreachable(reading->host->routes, pattern);
	if (reading->wrong == before && unreachable)
		reading_wrong(reading, object->key, "route \"%s\" is never reached: %s", pattern, unreachable);
	if (reading->wrong == before && !route_add(reading, pattern, &route, error, sizeof(error)))
		reading_wrong(reading, object->key, "%s", error);
	if (reading->wrong == before)
		tux_routes_last_fields(reading->host->routes, route.fields);
	else
		route_fields_free(&route.fields);
}

void routes_apply(struct reading *reading, const ucl_object_t *first)
{
	reading_blocks(reading, first, "route needs a pattern, and { } with what it does", route_apply);
}
