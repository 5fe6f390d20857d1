/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libucl reads the file; what its names mean is the command line's table. libucl keeps no line numbers, but without copying
 * its keys and texts point into the file that it read: where they point is where they stand.
 */
#define _GNU_SOURCE 1
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ucl.h>
#include <unistd.h>

#include "value.h"

enum {
	MAX_FILE = 16 * 1024 * 1024,
	ERROR_MAX = 512,
	MAX_ALLOW = 64, /* networks of a status */
};

#define HANDLERS "static on, redirect, handover PORT, cgi NAME, or status on"

struct text {
	struct text *next;
	char octets[];
};

struct tux_config {
	struct text *texts; /* the values, each ending in NUL */
};

struct reading {
	struct tux_config *config;
	struct tux_command *command;
	struct tux_host_options *host; /* of which is being said: the command's top, or one of its hosts */
	const char *host_at[TUX_MAX_SITES]; /* where each stands */
	const char *path;
	char *file; /* all of it, and a NUL behind it */
	size_t len; /* bytes, the NUL not counted */
	uint16_t route_port;       /* that routes hand over to; 0: none does */
	const char *route_port_at; /* where it stands */
	const char *cgi_at[TUX_MAX_CGI]; /* where each is referred to first */
	FILE *errors;
	unsigned wrong; /* how many errors there were */
};

/* The line of a place in the file; 0 if it is not in there. */
static unsigned line_of(const struct reading *reading, const char *at)
{
	unsigned line = 1;
	const char *p;

	if (!at || at < reading->file || at > reading->file + reading->len)
		return 0;
	for (p = reading->file; p < at; p++)
		line += *p == '\n';
	return line;
}

static void __attribute__((format(printf, 3, 4))) wrong(struct reading *reading, const char *at, const char *format, ...)
{
	const unsigned line = line_of(reading, at);
	va_list arguments;

	if (line)
		fprintf(reading->errors, "%s:%u: ", reading->path, line);
	else
		fprintf(reading->errors, "%s: ", reading->path);
	va_start(arguments, format);
	vfprintf(reading->errors, format, arguments);
	va_end(arguments);
	fputc('\n', reading->errors);
	reading->wrong++;
}

/* The value's text as it stands in the file: 64M is not to be what libucl takes it for. Behind its key, or the quote that ends that. */
static void bare_word(const struct reading *reading, const ucl_object_t *value, const char **text, size_t *len)
{
	const char *const end = reading->file + reading->len;
	const char *at = value->key ? value->key + value->keylen : NULL;

	*text = NULL;
	*len = 0;
	if (!at || at < reading->file || at >= end)
		return;
	if (*at == '"' || *at == '\'')
		at++;
	while (at < end && strchr(" \t\r\n=:", *at))
		at++;
	*text = at;
	while (at < end && !strchr(" \t\r\n;,}]#", *at))
		at++;
	*len = (size_t)(at - *text);
}

/* A copy of both, that ends in NUL and lives as long as the configuration. NULL, and an error said, without memory. */
static const char *text_keep(struct reading *reading, const char *front, size_t front_len, const char *text, size_t len, const char *at)
{
	struct text *const copy = malloc(sizeof(*copy) + front_len + len + 1);

	if (!copy) {
		wrong(reading, at, "no memory");
		return NULL;
	}
	memcpy(copy->octets, front, front_len);
	memcpy(copy->octets + front_len, text, len);
	copy->octets[front_len + len] = '\0';
	copy->next = reading->config->texts;
	reading->config->texts = copy;
	return copy->octets;
}

/* The value, kept. NULL, and an error said, for what is no text. */
static const char *value_text(struct reading *reading, const ucl_object_t *value, const char *at)
{
	const char *text;
	size_t len = 0;

	if (ucl_object_type(value) == UCL_STRING)
		text = ucl_object_tolstring(value, &len);
	else
		bare_word(reading, value, &text, &len);
	if (!text) {
		wrong(reading, at, "a number stands in a list; write it in quotes");
		return NULL;
	}
	if (memchr(text, '\0', len)) {
		wrong(reading, at, "there is a NUL byte in the value");
		return NULL;
	}
	return text_keep(reading, "", 0, text, len, at);
}

/* One value of an option, which takes one. */
static void value_apply(struct reading *reading, const char *name, const ucl_object_t *value, const char *at)
{
	const enum ucl_type type = ucl_object_type(value);
	char error[ERROR_MAX];
	const char *text;

	if (type == UCL_STRING && value->value.sv && line_of(reading, value->value.sv))
		at = value->value.sv;
	if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA) {
		wrong(reading, at, "%s needs a value: %s", name, tux_command_option_expects(name));
		return;
	}
	text = value_text(reading, value, at);
	if (text && !tux_command_option(reading->command, reading->host, name, text, error, sizeof(error)))
		wrong(reading, at, "%s", error);
}

/* An option that takes no value is switched on or off. */
static void switch_apply(struct reading *reading, const char *name, const ucl_object_t *value, const char *at)
{
	char error[ERROR_MAX];

	if (ucl_object_type(value) != UCL_BOOLEAN)
		wrong(reading, at, "%s is on or off", name);
	else if (!tux_command_option(reading->command, reading->host, name, ucl_object_toboolean(value) ? NULL : "off", error, sizeof(error)))
		wrong(reading, at, "%s", error);
}

/* The port of a route to a server. */
static void port_apply(struct reading *reading, const ucl_object_t *value, const char *at)
{
	const int64_t port = ucl_object_type(value) == UCL_INT ? ucl_object_toint(value) : 0;

	if (port < 1 || port > 65535) {
		wrong(reading, at, "handover needs a port from 1 to 65535");
	} else if (reading->route_port != 0 && reading->route_port != port) {
		wrong(reading, at, "all routes hand over to one port, and another says %u", reading->route_port);
	} else {
		reading->route_port = (uint16_t)port;
		reading->route_port_at = at;
	}
}

/* When all is read: the routes' port is the one of the key handover, or there is no such key. */
static void port_settle(struct reading *reading)
{
	uint16_t *const port = &reading->command->engine.handover_port;

	if (reading->route_port != 0 && *port != 0 && *port != reading->route_port)
		wrong(reading, reading->route_port_at, "all hand over to one port, and the key handover says %u", *port);
	else if (reading->route_port != 0)
		*port = reading->route_port;
}

/* One rule about fields. */
static void field_rule_apply(struct reading *reading, struct tux_field_rules *rules, enum tux_field_rule_kind kind,
                             const ucl_object_t *value, const char *at)
{
	char error[ERROR_MAX];
	const char *text;

	if (ucl_object_type(value) != UCL_STRING) {
		wrong(reading, at, "a rule about a field needs a text: \"Name: value\", to remove it its name");
		return;
	}
	if (line_of(reading, value->value.sv))
		at = value->value.sv;
	text = value_text(reading, value, at);
	if (text && !tux_field_rules_add(rules, kind, text, error, sizeof(error)))
		wrong(reading, at, "%s", error);
}

/* header { add, set, remove }, into rules; first may be followed by more of them. */
static void field_rules_apply(struct reading *reading, struct tux_field_rules *rules, const ucl_object_t *first)
{
	static const char *const kinds[] = { [TUX_FIELD_ADD] = "add", [TUX_FIELD_SET] = "set", [TUX_FIELD_REMOVE] = "remove" };
	const ucl_object_t *block, *key, *value, *element;

	for (block = first; block; block = block->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(block) != UCL_OBJECT) {
			wrong(reading, block->key, "header needs { } with add, set and remove");
			continue;
		}
		while ((key = ucl_object_iterate(block, &each, true))) {
			unsigned kind = 0;

			while (kind < 3 && (key->keylen != strlen(kinds[kind]) || memcmp(key->key, kinds[kind], key->keylen) != 0))
				kind++;
			if (kind == 3) {
				wrong(reading, key->key, "unknown key \"%.*s\" in header; there are: add, set, remove", (int)key->keylen, key->key);
				continue;
			}
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

static void header_apply(struct reading *reading, const ucl_object_t *first)
{
	field_rules_apply(reading, &reading->host->fields, first);
}

/* error { STATUS PATH } */
static void error_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *block, *page, *value;
	char error[ERROR_MAX], number[8];

	for (block = first; block; block = block->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(block) != UCL_OBJECT) {
			wrong(reading, block->key, "error needs { } with statuses and their pages: error { 404 \"/404.html\" }");
			continue;
		}
		while ((page = ucl_object_iterate(block, &each, true)))
			for (value = page; value; value = value->next) {
				const char *path = ucl_object_type(value) == UCL_STRING ? value_text(reading, value, value->key) : NULL;
				uint64_t status = 0;

				snprintf(number, sizeof(number), "%.*s", (int)value->keylen, value->key);
				if (!path)
					wrong(reading, value->key, "status %s needs the path of a page", number);
				else if (!tux_value_count(number, 0, 999, &status))
					wrong(reading, value->key, "\"%s\" is not a status from 400 to 599", number);
				else if (!tux_host_page_add(reading->host, (unsigned)status, path, error, sizeof(error)))
					wrong(reading, value->key, "%s", error);
			}
	}
}

/* The number of the cgi with this name; -1, and an error said, if there can be none. */
static int cgi_find(struct reading *reading, const char *name, const char *at)
{
	char error[ERROR_MAX];
	const int number = name ? tux_cgis_find(&reading->command->cgis, name, error, sizeof(error)) : -1;

	if (name && number < 0)
		wrong(reading, at, "%s", error);
	else if (name && !reading->cgi_at[number])
		reading->cgi_at[number] = at;
	return number;
}

/* One value of a cgi's key; front is what belongs before it. */
static void cgi_value_apply(struct reading *reading, unsigned number, const char *name, const char *front, const ucl_object_t *value,
                            const char *at)
{
	const enum ucl_type type = ucl_object_type(value);
	const char *text = NULL;
	char error[ERROR_MAX];

	if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA)
		wrong(reading, at, "%s needs a value: %s", name, tux_cgis_expects(name));
	else
		text = value_text(reading, value, at);
	if (text && *front)
		text = text_keep(reading, front, strlen(front), text, strlen(text), at);
	if (text && !tux_cgis_set(&reading->command->cgis, number, name, text, error, sizeof(error)))
		wrong(reading, at, "%s", error);
}

/* env { NAME = value } */
static void cgi_variables_apply(struct reading *reading, unsigned number, const char *name, const ucl_object_t *variables)
{
	ucl_object_iter_t each = NULL;
	const ucl_object_t *one;
	char front[256];

	while ((one = ucl_object_iterate(variables, &each, true))) {
		snprintf(front, sizeof(front), "%.*s=", (int)one->keylen, one->key);
		if (one->next)
			wrong(reading, one->next->key, "%.*s is said a second time; it takes one value", (int)one->keylen, one->key);
		else if (one->keylen + 2 > sizeof(front))
			wrong(reading, one->key, "the name of a variable is longer than %zu bytes", sizeof(front) - 2);
		else
			cgi_value_apply(reading, number, name, front, one, one->key);
	}
}

static void cgi_key_apply(struct reading *reading, unsigned number, const ucl_object_t *first)
{
	char name[64], error[ERROR_MAX];
	enum tux_cgi_use use;
	const ucl_object_t *value, *element;

	snprintf(name, sizeof(name), "%.*s", (int)first->keylen, first->key);
	use = tux_cgis_use(name);
	if (use == TUX_CGI_UNKNOWN) {
		wrong(reading, first->key, "unknown key \"%s\" in a cgi; there are: %s", name, tux_cgis_keys());
	} else if (use == TUX_CGI_SWITCH) {
		if (first->next || ucl_object_type(first) != UCL_BOOLEAN)
			wrong(reading, first->key, "%s is on or off, once", name);
		else if (ucl_object_toboolean(first) && !tux_cgis_set(&reading->command->cgis, number, name, NULL, error, sizeof(error)))
			wrong(reading, first->key, "%s", error);
	} else if (use == TUX_CGI_VALUE && first->next) {
		wrong(reading, first->next->key, "%s is said a second time; it takes one value", name);
	} else {
		for (value = first; value; value = value->next) {
			ucl_object_iter_t each = NULL;

			if (use == TUX_CGI_VARIABLES && ucl_object_type(value) == UCL_OBJECT)
				cgi_variables_apply(reading, number, name, value);
			else if (use != TUX_CGI_VALUE && ucl_object_type(value) == UCL_ARRAY)
				while ((element = ucl_object_iterate(value, &each, true)))
					cgi_value_apply(reading, number, name, "", element, value->key);
			else
				cgi_value_apply(reading, number, name, "", value, value->key);
		}
	}
}

static void cgi_apply(struct reading *reading, const ucl_object_t *cgi)
{
	struct tux_cgis *const cgis = &reading->command->cgis;
	const char *const name = text_keep(reading, cgi->key, cgi->keylen, "", 0, cgi->key);
	const int number = cgi_find(reading, name, cgi->key);
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key;
	char error[ERROR_MAX];

	if (number < 0)
		return;
	if (cgis->said[number]) {
		wrong(reading, cgi->key, "cgi %s is said a second time", name);
		return;
	}
	cgis->said[number] = true;
	if (ucl_object_type(cgi) != UCL_OBJECT) {
		wrong(reading, cgi->key, "cgi %s needs { } with what its programs are", name);
		return;
	}
	while ((key = ucl_object_iterate(cgi, &each, true)))
		cgi_key_apply(reading, (unsigned)number, key);
	if (!tux_cgis_complete(cgis, (unsigned)number, error, sizeof(error)))
		wrong(reading, cgi->key, "%s", error);
}

/* cgi NAME { }, as often as there are kinds of CGI programs: libucl makes one object of them, or one for each. */
static void cgis_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *cgis, *cgi;

	for (cgis = first; cgis; cgis = cgis->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(cgis) != UCL_OBJECT) {
			wrong(reading, cgis->key, "cgi needs a name, and { } with what its programs are");
			continue;
		}
		while ((cgi = ucl_object_iterate(cgis, &each, true)))
			for (; cgi; cgi = cgi->next)
				cgi_apply(reading, cgi);
	}
}

/* When all is read: what routes refer to is there. */
static void cgis_settle(struct reading *reading)
{
	const struct tux_cgis *const cgis = &reading->command->cgis;
	unsigned i;

	for (i = 0; i < cgis->count; i++)
		if (!cgis->said[i])
			wrong(reading, reading->cgi_at[i], "there is no cgi %s", cgis->cgi[i].name);
}

/* What a route does, as far as it has been read. */
struct route {
	unsigned handlers;
	bool handover, status;
	int cgi;                 /* its number; -1: none */
	const char *to;          /* of a redirect */
	uint16_t code;           /* the same: its status; 0: not a good one */
	const char *code_at;     /* where it stands; NULL: not said */
	const char *allow[MAX_ALLOW];
	const char *allow_at;
	unsigned allow_count;
	struct tux_route_fields fields;
};

/* status: the handler that is on, or the number of a redirect. */
static void status_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	const int64_t code = ucl_object_type(key) == UCL_INT ? ucl_object_toint(key) : 0;

	if (ucl_object_type(key) == UCL_BOOLEAN && ucl_object_toboolean(key)) {
		route->handlers++;
		route->status = true;
	} else if (ucl_object_type(key) == UCL_INT) {
		route->code = code > 0 && code < 1000 ? (uint16_t)code : 0;
		route->code_at = key->key;
	} else {
		wrong(reading, key->key, "status is on, or with a redirect its number");
	}
}

static void network_add(struct reading *reading, const ucl_object_t *value, const char *at, struct route *route)
{
	const char *const text = ucl_object_type(value) == UCL_STRING ? value_text(reading, value, at) : NULL;

	if (!text)
		wrong(reading, at, "allow needs networks in quotes, such as \"192.0.2.0/24\"");
	else if (route->allow_count == MAX_ALLOW)
		wrong(reading, at, "allow has more than %d networks", MAX_ALLOW);
	else
		route->allow[route->allow_count++] = text;
}

/* The networks that may see a status: one, or a list. */
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

/* One key of a route. */
static void route_key_apply(struct reading *reading, const ucl_object_t *key, struct route *route)
{
	const char *const name = key->key;
	const size_t len = key->keylen;

	if (len == 6 && memcmp(name, "header", 6) == 0) {
		field_rules_apply(reading, &route->fields.rules, key);
	} else if (key->next) {
		wrong(reading, key->next->key, "%.*s is said a second time; it takes one value", (int)len, name);
	} else if (len == 6 && memcmp(name, "static", 6) == 0) {
		route->handlers++;
		if (ucl_object_type(key) != UCL_BOOLEAN || !ucl_object_toboolean(key))
			wrong(reading, name, "static is on");
	} else if (len == 8 && memcmp(name, "redirect", 8) == 0) {
		route->handlers++;
		route->to = ucl_object_type(key) == UCL_STRING ? value_text(reading, key, name) : NULL;
		if (!route->to)
			wrong(reading, name, "redirect needs a path or a URL");
	} else if (len == 8 && memcmp(name, "handover", 8) == 0) {
		route->handlers++;
		route->handover = true;
		port_apply(reading, key, name);
	} else if (len == 3 && memcmp(name, "cgi", 3) == 0) {
		route->handlers++;
		route->cgi = ucl_object_type(key) == UCL_STRING ? cgi_find(reading, value_text(reading, key, name), name) : -1;
		if (ucl_object_type(key) != UCL_STRING)
			wrong(reading, name, "cgi needs the name of a cgi");
	} else if (len == 13 && memcmp(name, "cache-control", 13) == 0) {
		route->fields.cache_control = ucl_object_type(key) == UCL_STRING ? value_text(reading, key, name) : NULL;
		if (!route->fields.cache_control || !tux_field_value_good(route->fields.cache_control))
			wrong(reading, name, "cache-control needs %s", tux_command_option_expects("cache-control"));
	} else if (len == 6 && memcmp(name, "status", 6) == 0) {
		status_apply(reading, key, route);
	} else if (len == 5 && memcmp(name, "allow", 5) == 0) {
		allow_apply(reading, key, route);
	} else {
		wrong(reading, name, "unknown key \"%.*s\" in a route; there are: static, redirect, handover, cgi, status, allow, header, cache-control", (int)len, name);
	}
}

/* Adds a route that nothing is wrong with, as far as can be told from it alone. */
static bool route_add(struct reading *reading, const char *pattern, const struct route *route, char *error, size_t error_size)
{
	struct tux_route_table *const table = &reading->host->routes;

	if (route->to)
		return tux_routes_add_redirect(table, pattern, route->to, route->code, error, error_size);
	if (route->cgi >= 0)
		return tux_routes_add(table, pattern, TUX_HANDLER_CGI, (uint16_t)route->cgi, error, error_size);
	if (route->status)
		return tux_routes_add_status(table, pattern, route->allow, route->allow_count, error, error_size);
	return tux_routes_add(table, pattern, route->handover ? TUX_HANDLER_HANDOVER : TUX_HANDLER_STATIC, 0, error, error_size);
}

/* One route: its pattern, and what it does. */
static void route_apply(struct reading *reading, const ucl_object_t *object)
{
	struct route route = { .code = 301, .cgi = -1 };
	const unsigned before = reading->wrong;
	const ucl_object_t *key;
	ucl_object_iter_t each = NULL;
	char pattern[4200], error[ERROR_MAX];

	snprintf(pattern, sizeof(pattern), "%.*s", (int)object->keylen, object->key);
	if (ucl_object_type(object) != UCL_OBJECT) {
		wrong(reading, object->key, "route \"%s\" needs { } with what it does: " HANDLERS, pattern);
		return;
	}
	while ((key = ucl_object_iterate(object, &each, true)))
		route_key_apply(reading, key, &route);
	if (route.handlers != 1 && reading->wrong == before)
		wrong(reading, object->key, "route \"%s\" does one thing: " HANDLERS, pattern);
	if (route.code_at && !route.to)
		wrong(reading, route.code_at, "a number as status goes with redirect");
	if (route.allow_at && !route.status)
		wrong(reading, route.allow_at, "allow goes with status on");
	if (reading->wrong == before && !route_add(reading, pattern, &route, error, sizeof(error)))
		wrong(reading, object->key, "%s", error);
	if (reading->wrong == before)
		tux_routes_last_fields(&reading->host->routes, route.fields);
	else
		tux_field_rules_free(&route.fields.rules);
}

/* route PATTERN { }, as often as there are routes: libucl makes one object of them, or one for each. */
static void routes_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *routes, *route;

	for (routes = first; routes; routes = routes->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(routes) != UCL_OBJECT) {
			wrong(reading, routes->key, "route needs a pattern, and { } with what it does");
			continue;
		}
		while ((route = ucl_object_iterate(routes, &each, true)))
			for (; route; route = route->next)
				route_apply(reading, route);
	}
}

static void name_add(struct reading *reading, const char *name, const char *at)
{
	char error[ERROR_MAX];

	if (!tux_host_name_add(reading->host, name, error, sizeof(error)))
		wrong(reading, at, "%s", error);
}

/* Further names of a host. */
static void name_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *value, *element;

	for (value = first; value; value = value->next) {
		ucl_object_iter_t each = NULL;
		const char *text;

		if (ucl_object_type(value) != UCL_ARRAY && (text = value_text(reading, value, first->key)))
			name_add(reading, text, value->key);
		while (ucl_object_type(value) == UCL_ARRAY && (element = ucl_object_iterate(value, &each, true)))
			if ((text = value_text(reading, element, first->key)))
				name_add(reading, text, line_of(reading, element->value.sv) ? element->value.sv : first->key);
	}
}

static void default_apply(struct reading *reading, const ucl_object_t *first)
{
	if (first->next || ucl_object_type(first) != UCL_BOOLEAN)
		wrong(reading, first->key, "default is on or off");
	else
		reading->host->is_default = ucl_object_toboolean(first);
}

static void keys_apply(struct reading *reading, const ucl_object_t *block);

/* host NAME { } */
static void host_apply(struct reading *reading, const ucl_object_t *block)
{
	char name[TUX_MAX_HOST_NAME + 8];

	if (ucl_object_type(block) != UCL_OBJECT) {
		wrong(reading, block->key, "host needs a name, and { } with what it serves");
		return;
	}
	reading->host = tux_command_host_add(reading->command);
	if (reading->host) {
		reading->host_at[reading->command->host_count - 1] = block->key;
		snprintf(name, sizeof(name), "%.*s", (int)block->keylen, block->key);
		name_add(reading, name, block->key);
		keys_apply(reading, block);
	} else {
		wrong(reading, block->key, "there are more than %d hosts, or no memory for them", TUX_MAX_SITES);
	}
	reading->host = &reading->command->top;
}

/* host NAME { }, as often as there are hosts: as with routes. */
static void hosts_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *hosts, *host;

	for (hosts = first; hosts; hosts = hosts->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(hosts) != UCL_OBJECT) {
			wrong(reading, hosts->key, "host needs a name, and { } with what it serves");
			continue;
		}
		while ((host = ucl_object_iterate(hosts, &each, true)))
			for (; host; host = host->next)
				host_apply(reading, host);
	}
}

/* Two hosts of one name, or that are both for all other names, where both listen. */
static void hosts_compare(struct reading *reading, unsigned one, unsigned other)
{
	const struct tux_host_options *const top = &reading->command->top;
	const struct tux_host_options *const host = &reading->command->host[one], *const before = &reading->command->host[other];
	unsigned i, k;

	for (i = 0; i < host->name_count; i++)
		for (k = 0; k < before->name_count; k++)
			if (strcmp(host->name[i], before->name[k]) == 0 && tux_hosts_meet(host, before, top))
				wrong(reading, reading->host_at[one], "\"%s\" is a name of another host that listens there, too", host->name[i]);
	if (host->is_default && before->is_default && tux_hosts_meet(host, before, top))
		wrong(reading, reading->host_at[one], "another host that listens there is the default");
}

/* Whether a host listens on what the top says. */
static bool host_is_on(const struct tux_command *command, const char *spec)
{
	unsigned i, k;

	for (i = 0; i < command->host_count; i++) {
		const struct tux_host_options *const host = &command->host[i];

		for (k = 0; k < host->listen_count && strcmp(host->listen[k], spec) != 0; k++)
			;
		if (host->listen_count == 0 || k < host->listen_count)
			return true;
	}
	return false;
}

/* When all is read: whether each request has one host to go to. */
static void hosts_settle(struct reading *reading)
{
	const struct tux_command *const command = reading->command;
	const struct tux_host_options *const top = &command->top;
	unsigned i, k;

	for (i = 0; i < command->host_count; i++)
		for (k = 0; k < i; k++)
			hosts_compare(reading, i, k);
	for (i = 0; command->host_count > 0 && i < top->listen_count; i++)
		if (!host_is_on(command, top->listen[i]))
			wrong(reading, NULL, "listen \"%s\": each host says listen itself, and none says this", top->listen[i]);
}

enum {
	AT_TOP = 1,
	IN_HOST = 2,
};

/* What is said in the file alone. The rest is the command line's table. */
static const struct key {
	const char *name;
	unsigned where; /* AT_TOP, IN_HOST */
	void (*apply)(struct reading *reading, const ucl_object_t *first);
} keys[] = {
	{ "host", AT_TOP, hosts_apply },
	{ "name", IN_HOST, name_apply },
	{ "default", IN_HOST, default_apply },
	{ "cgi", AT_TOP, cgis_apply },
	{ "error", AT_TOP | IN_HOST, error_apply },
	{ "header", AT_TOP | IN_HOST, header_apply },
	{ "route", AT_TOP | IN_HOST, routes_apply },
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static unsigned place(const struct reading *reading)
{
	return reading->host == &reading->command->top ? AT_TOP : IN_HOST;
}

/* Whether it was a key of the file alone, which is then done with. */
static bool own_key_apply(struct reading *reading, const char *name, const ucl_object_t *first)
{
	unsigned i;

	for (i = 0; i < KEYS; i++)
		if ((keys[i].where & place(reading)) && strcmp(keys[i].name, name) == 0) {
			keys[i].apply(reading, first);
			return true;
		}
	return false;
}

/* What is known of a key that is not known here. */
static void key_wrong(struct reading *reading, const char *name, const char *at)
{
	const char *near = tux_command_option_near(name);
	unsigned i;

	for (i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].name, name) == 0) {
			wrong(reading, at, "%s is said %s", name, keys[i].where == IN_HOST ? "in a host's { } alone" : "at the top of the file alone");
			return;
		}
		if (!near && (keys[i].where & place(reading)) && tux_command_is_near(name, keys[i].name))
			near = keys[i].name;
	}
	wrong(reading, at, near ? "unknown key \"%s\"; did you mean \"%s\"?" : "unknown key \"%s\"", name, near);
}

/* All that the file says under one key: a value, a list, or the key again. */
static void key_apply(struct reading *reading, const ucl_object_t *first)
{
	char name[64];
	const char *const at = first->key;
	const ucl_object_t *value, *element;
	enum tux_option_use use;

	snprintf(name, sizeof(name), "%.*s", (int)first->keylen, first->key);
	if (own_key_apply(reading, name, first))
		return;
	use = tux_command_option_use(name);
	if (use == TUX_OPTION_UNKNOWN) {
		key_wrong(reading, name, at);
		return;
	}
	if (place(reading) == IN_HOST && !tux_command_option_of_host(name)) {
		wrong(reading, at, "%s is not of a host: it is said at the top of the file", name);
		return;
	}
	if (use != TUX_OPTION_LIST && first->next) {
		wrong(reading, first->next->key, "%s is said a second time; it takes one value", name);
		return;
	}
	for (value = first; value; value = value->next) {
		ucl_object_iter_t each = NULL;

		if (use == TUX_OPTION_SWITCH) {
			switch_apply(reading, name, value, value->key);
		} else if (use == TUX_OPTION_LIST && ucl_object_type(value) == UCL_ARRAY) {
			while ((element = ucl_object_iterate(value, &each, true)))
				value_apply(reading, name, element, value->key);
		} else {
			value_apply(reading, name, value, value->key);
		}
	}
}

/* All that stands in a block, or at the top of the file. */
static void keys_apply(struct reading *reading, const ucl_object_t *block)
{
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key;

	while ((key = ucl_object_iterate(block, &each, true)))
		key_apply(reading, key);
}

/* What libucl has to say of a file that it cannot read, without where: the line we have ourselves, and the name is not known to it. */
static void syntax_wrong(struct reading *reading, struct ucl_parser *parser)
{
	static const char *const before[] = { " - '", "at the end of chunk: ", "memory:" };
	const char *said = ucl_parser_get_error(parser), *found = NULL;
	size_t i, len;

	if (!said)
		said = "it cannot be read";
	for (i = 0; i < 3 && !found; i++)
		if ((found = strstr(said, before[i])))
			said = found + strlen(before[i]);
	if (found && i == 3)
		said += strspn(said, "0123456789 ");
	found = strstr(said, "', character: ");
	len = found ? (size_t)(found - said) : strcspn(said, ";\n");
	fprintf(reading->errors, "%s:%u: %.*s\n", reading->path, ucl_parser_get_linenum(parser), (int)len, said);
	reading->wrong++;
}

/* .include and the like would bring in what stands in no line of this file. */
static bool macros_refuse(struct reading *reading)
{
	const char *at = reading->file;
	const unsigned before = reading->wrong;

	while (at) {
		at += strspn(at, " \t");
		if (*at == '.' && at[1] >= 'a' && at[1] <= 'z')
			wrong(reading, at, "\"%.*s\" is not known here: macros are not read", (int)strcspn(at, " \t\r\n(\""), at);
		at = strchr(at, '\n');
		at += at ? 1 : 0;
	}
	return reading->wrong == before;
}

static void parse(struct reading *reading)
{
	struct ucl_parser *parser =
		ucl_parser_new(UCL_PARSER_ZEROCOPY | UCL_PARSER_NO_TIME | UCL_PARSER_DISABLE_MACRO | UCL_PARSER_NO_FILEVARS);
	ucl_object_t *top;

	if (!parser) {
		wrong(reading, NULL, "no memory");
		return;
	}
	if (!ucl_parser_add_chunk(parser, (const unsigned char *)reading->file, reading->len)) {
		syntax_wrong(reading, parser);
	} else if ((top = ucl_parser_get_object(parser))) {
		if (ucl_object_type(top) != UCL_OBJECT)
			wrong(reading, reading->file, "a list stands where names with values were expected");
		else
			keys_apply(reading, top);
		port_settle(reading);
		cgis_settle(reading);
		hosts_settle(reading);
		ucl_object_unref(top);
	}
	ucl_parser_free(parser);
}

/* The file's bytes; false with errno. */
static bool file_read(struct reading *reading, int fd)
{
	struct stat status;
	ssize_t got = 0;

	if (fstat(fd, &status) < 0)
		return false;
	if (!S_ISREG(status.st_mode) || status.st_size > MAX_FILE) {
		errno = S_ISREG(status.st_mode) ? EFBIG : EISDIR;
		return false;
	}
	reading->file = malloc((size_t)status.st_size + 1);
	if (!reading->file)
		return false;
	while (reading->len < (size_t)status.st_size &&
	       (got = read(fd, reading->file + reading->len, (size_t)status.st_size - reading->len)) > 0)
		reading->len += (size_t)got;
	reading->file[reading->len] = '\0';
	return got >= 0;
}

static void load(struct reading *reading)
{
	int fd = open(reading->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !file_read(reading, fd))
		wrong(reading, NULL, "%s", errno == EISDIR ? "it is not a file" : strerror(errno));
	else if (strlen(reading->file) != reading->len)
		wrong(reading, reading->file + strlen(reading->file), "there is a NUL byte in the file");
	else if (macros_refuse(reading))
		parse(reading);
	if (fd >= 0)
		close(fd);
}

struct tux_config *tux_config_read(const char *path, struct tux_command *command, FILE *errors)
{
	struct reading reading = { .command = command, .host = &command->top, .path = path, .errors = errors };

	reading.config = calloc(1, sizeof(*reading.config));
	if (!reading.config) {
		wrong(&reading, NULL, "no memory");
		return NULL;
	}
	load(&reading);
	free(reading.file);
	if (reading.wrong == 0)
		return reading.config;
	tux_config_free(reading.config);
	return NULL;
}

void tux_config_free(struct tux_config *config)
{
	if (!config)
		return;
	while (config->texts) {
		struct text *text = config->texts;

		config->texts = text->next;
		free(text);
	}
	free(config);
}
