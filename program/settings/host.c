/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/target.h"

/* Labels of letters, digits, '-' and '_' between single dots. */
static bool labels_good(const char *name)
{
	static const char inside[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (;;) {
		const size_t len = strspn(name, inside);

		if (len == 0 || len > TUX_MAX_LABEL)
			return false;
		if (name[len] == '\0')
			return true;
		if (name[len] != '.')
			return false;
		name += len + 1;
	}
}

static bool name_good(const char *name)
{
	const size_t len = strlen(name);

	if (len > TUX_MAX_HOST_NAME)
		return false;
	if (*name == '[')
		return len > 3 && name[len - 1] == ']' && strspn(name + 1, "0123456789abcdefABCDEF:.") == len - 2;
	return labels_good(strncmp(name, "*.", 2) == 0 ? name + 2 : name);
}

bool tux_host_name_add(struct tux_host_settings *host, const char *name, char *error, size_t error_size)
{
	const size_t len = strlen(name);
	char *copy = strndup(name, len > 1 && name[len - 1] == '.' ? len - 1 : len);
	const char **names;
	size_t i;

	if (copy && !name_good(copy)) {
		snprintf(error, error_size, "\"%s\" is not a name such as example.org or *.example.org, nor an address; a port is said "
		         "with listen", name);
		free(copy);
		return false;
	}
	names = realloc(host->name, (host->name_count + 1) * sizeof(*names));
	if (names)
		host->name = names;
	if (!names || !copy) {
		snprintf(error, error_size, "no memory for a name");
		free(copy);
		return false;
	}
	for (i = 0; copy[i]; i++)
		copy[i] = (char)(copy[i] >= 'A' && copy[i] <= 'Z' ? copy[i] + 0x20 : copy[i]);
	names[host->name_count++] = copy;
	return true;
}

bool tux_host_listen_add(struct tux_host_settings *host, const char *spec)
{
	const char **listen;

	if (host->listen_count == TUX_MAX_LISTENERS)
		return false;
	listen = realloc(host->listen, (host->listen_count + 1) * sizeof(*listen));
	if (!listen)
		return false;
	host->listen = listen;
	listen[host->listen_count++] = spec;
	return true;
}

bool tux_host_index_add(struct tux_host_settings *host, const char *name)
{
	struct tux_host_values *const values = &host->values;
	const char **index;

	if (values->index_count == TUX_MAX_INDEX_NAMES || *name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	index = realloc(values->index, (values->index_count + 1) * sizeof(*index));
	if (!index)
		return false;
	values->index = index;
	index[values->index_count++] = name;
	return true;
}

struct tux_route_table *tux_host_routes(struct tux_host_settings *host)
{
	if (!host->routes)
		host->routes = calloc(1, sizeof(*host->routes));
	return host->routes;
}

bool tux_host_page_add(struct tux_host_settings *host, unsigned status, const char *path, char *error, size_t error_size)
{
	const size_t len = strlen(path);
	uint8_t normal[TUX_MAX_TARGET];
	struct tux_error_page *page;
	uint32_t normal_len = 0;
	unsigned i;

	if (status < 400 || status > 599) {
		snprintf(error, error_size, "an error has a status from 400 to 599");
		return false;
	}
	if (*path != '/' || len > TUX_MAX_TARGET || path[len - 1] == '/' || strchr(path, '%') ||
	    tux_target_normalise((const uint8_t *)path, (uint32_t)len, normal, &normal_len) != TUX_ACCEPTED || normal_len != len ||
	    memcmp(normal, path, len) != 0) {
		snprintf(error, error_size, "\"%s\" is not the path of a file, such as /errors/404.html", path);
		return false;
	}
	for (i = 0; i < host->page_count; i++)
		if (host->page[i].status == status) {
			snprintf(error, error_size, "status %u has a page already", status);
			return false;
		}
	page = host->page_count < TUX_MAX_ERROR_PAGES - 1 ? realloc(host->page, (host->page_count + 1) * sizeof(*page)) : NULL;
	if (!page) {
		snprintf(error, error_size, "no room for more than %u pages", host->page_count);
		return false;
	}
	host->page = page;
	page[host->page_count++] = (struct tux_error_page){ (uint16_t)status, { path, (uint32_t)len } };
	return true;
}

/* One extension, len bytes of text. */
static bool extension_add(struct tux_host_settings *host, enum tux_file_handler selects, const char *text, size_t len)
{
	struct tux_file_type one = { .selects = (uint8_t)selects };
	struct tux_file_type *type;
	size_t i;

	if (len == 0 || len > TUX_MAX_EXTENSION || host->type_count == TUX_MAX_FILE_TYPES)
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '.' || text[i] == '/')
			return false;
		one.extension[i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 0x20 : text[i]);
	}
	for (i = 0; i < host->type_count; i++)
		if (memcmp(host->type[i].extension, one.extension, sizeof(one.extension)) == 0)
			return false;
	type = realloc(host->type, (host->type_count + 1) * sizeof(*type));
	if (!type)
		return false;
	host->type = type;
	type[host->type_count++] = one;
	return true;
}

bool tux_host_type_add(struct tux_host_settings *host, const char *text)
{
	static const struct {
		const char *name;
		enum tux_file_handler selects;
	} types[] = { { "TUX/CGI=", TUX_FILE_HANDLER_CGI }, { "TUX/module=", TUX_FILE_HANDLER_MODULE }, { "TUX/redirect=", TUX_FILE_HANDLER_REDIRECT } };
	unsigned i = 0;
	size_t len;

	while (i < 3 && strncmp(text, types[i].name, strlen(types[i].name)) != 0)
		i++;
	if (i == 3)
		return false;
	for (text += strlen(types[i].name);; text += len + 1) {
		len = strcspn(text, ",");
		if (!extension_add(host, types[i].selects, text, len))
			return false;
		if (text[len] == '\0')
			return true;
	}
}

static bool has_type(const struct tux_host_settings *host, enum tux_file_handler selects)
{
	unsigned i = 0;

	while (i < host->type_count && host->type[i].selects != selects)
		i++;
	return i < host->type_count;
}

bool tux_host_has_programs(const struct tux_host_settings *host)
{
	return host->values.mode_cgi != 0 || has_type(host, TUX_FILE_HANDLER_CGI);
}

bool tux_host_has_modules(const struct tux_host_settings *host)
{
	return host->values.mode_module != 0 || has_type(host, TUX_FILE_HANDLER_MODULE);
}

bool tux_host_redirects(const struct tux_host_settings *host)
{
	return has_type(host, TUX_FILE_HANDLER_REDIRECT);
}

bool tux_hosts_meet(const struct tux_host_settings *host, const struct tux_host_settings *other, const struct tux_host_settings *top)
{
	unsigned i, k;

	if (host->listen_count == 0)
		host = top;
	if (other->listen_count == 0)
		other = top;
	if (host->listen_count == 0 || other->listen_count == 0)
		return true; /* one of them is everywhere */
	for (i = 0; i < host->listen_count; i++)
		for (k = 0; k < other->listen_count; k++)
			if (strcmp(host->listen[i], other->listen[k]) == 0)
				return true;
	return false;
}

void tux_host_free(struct tux_host_settings *host, const struct tux_host_settings *top)
{
	unsigned i;

	for (i = 0; i < host->name_count; i++)
		free((void *)host->name[i]);
	free(host->name);
	if (host->found_by) { /* everything else is its pattern's */
		free((void *)(uintptr_t)host->directory);
		*host = (struct tux_host_settings){ 0 };
		return;
	}
	free(host->page);
	tux_certificates_free(&host->tls);
	if (!top || host->listen != top->listen)
		free(host->listen);
	if (!top || host->type != top->type)
		free(host->type);
	tux_field_rules_free(&host->fields);
	tux_media_type_settings_free(&host->media_types);
	if (!top || host->values.index != top->values.index)
		free(host->values.index);
	if (host->routes)
		tux_routes_free(host->routes);
	free(host->routes);
	free(host->pattern);
	*host = (struct tux_host_settings){ 0 };
}
