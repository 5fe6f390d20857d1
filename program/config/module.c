/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#ifndef TUX_LIBTUX
#define TUX_LIBTUX "/usr/lib/tux/libtux.so"
#endif

/* Returns the number of the module with this name; -1 after an error message. */
static int find(struct reading *reading, const char *name, const char *at)
{
	char error[CONFIG_ERROR_MAX] = "module needs the name of a module";
	const int number = name ? tux_modules_find(&reading->settings->modules, name, error, sizeof(error)) : -1;

	if (number < 0)
		reading_wrong(reading, at, "%s", error);
	else if (!reading->module_at[number])
		reading->module_at[number] = at;
	return number;
}

int module_named(struct reading *reading, const ucl_object_t *key)
{
	return find(reading, ucl_object_type(key) == UCL_STRING ? reading_text(reading, key, key->key) : NULL, key->key);
}

/* Applies config { KEY = VALUE }, whose keys are the module's. */
static void values_apply(struct reading *reading, unsigned number, const ucl_object_t *values)
{
	ucl_object_iter_t each = NULL;
	const ucl_object_t *value;
	char error[CONFIG_ERROR_MAX];

	if (ucl_object_type(values) != UCL_OBJECT) {
		reading_wrong(reading, values->key, "config needs { } with the values of the module");
		return;
	}
	while ((value = ucl_object_iterate(values, &each, true))) {
		const enum ucl_type type = ucl_object_type(value);
		const char *key, *text;

		if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA) {
			reading_wrong(reading, value->key, "%.*s needs one value: a text, a number, or on or off", (int)value->keylen, value->key);
			continue;
		}
		if (!reading_once(reading, value))
			continue;
		key = reading_keep(reading, value->key, value->keylen);
		text = reading_text(reading, value, value->key);
		if (text && !tux_modules_value_add(&reading->settings->modules, number, key, text, error, sizeof(error)))
			reading_wrong(reading, value->key, "%s", error);
	}
}

static void key_apply(struct reading *reading, unsigned number, const ucl_object_t *key)
{
	const struct tux_option *const option = reading_option(reading, key, "a module", TUX_SCOPE_MODULE);
	char error[CONFIG_ERROR_MAX];
	const char *text;

	if (!option || !reading_once(reading, key))
		return;
	if (strcmp(option->name, "config") == 0) {
		values_apply(reading, number, key);
		return;
	}
	if (!option->value) {
		if (ucl_object_type(key) != UCL_BOOLEAN)
			reading_wrong(reading, key->key, "%s is on or off", option->name);
		else if (!tux_modules_set(&reading->settings->modules, number, option, ucl_object_toboolean(key) ? NULL : "off", error, sizeof(error)))
			reading_wrong(reading, key->key, "%s", error);
		return;
	}
	text = reading_text(reading, key, key->key);
	if (text && !tux_modules_set(&reading->settings->modules, number, option, text, error, sizeof(error)))
		reading_wrong(reading, key->key, "%s", error);
}

/* Returns the path of libtux.so: where it is installed, or else beside this program in the folder of a build. */
static const char *library(void)
{
	static char built[PATH_MAX];
	const char *slash;
	ssize_t len;

	if (access(TUX_LIBTUX, F_OK) == 0)
		return TUX_LIBTUX;
	len = readlink("/proc/self/exe", built, sizeof(built) - sizeof("libtux/libtux.so"));
	if (len <= 0 || (size_t)len >= sizeof(built) - sizeof("libtux/libtux.so"))
		return TUX_LIBTUX;
	built[len] = '\0';
	slash = strrchr(built, '/');
	memcpy(built + (slash - built) + 1, "libtux/libtux.so", sizeof("libtux/libtux.so"));
	return access(built, F_OK) == 0 ? built : TUX_LIBTUX;
}

static void module_apply(struct reading *reading, const ucl_object_t *module)
{
	char error[CONFIG_ERROR_MAX];
	struct tux_modules *const modules = &reading->settings->modules;
	const char *const name = reading_keep(reading, module->key, module->keylen);
	const int number = find(reading, name, module->key);
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key;

	if (number < 0)
		return;
	if (modules->said[number]) {
		reading_wrong(reading, module->key, "module %s is said a second time", name);
		return;
	}
	modules->said[number] = true;
	modules->line[number] = reading_line(reading, module->key);
	if (ucl_object_type(module) != UCL_OBJECT) {
		reading_wrong(reading, module->key, "module %s needs { } with its file", name);
		return;
	}
	while ((key = ucl_object_iterate(module, &each, true)))
		key_apply(reading, (unsigned)number, key);
	if (!tux_modules_historic(modules, (unsigned)number, library(), error, sizeof(error)))
		reading_wrong(reading, module->key, "%s", error);
	else if (!tux_modules_agree(modules, (unsigned)number, error, sizeof(error)))
		reading_wrong(reading, module->key, "%s", error);
	if (!modules->module[number].file && !modules->module[number].kernel && !modules->module[number].bpf && reading->wrong == 0)
		reading_wrong(reading, module->key, "module %s needs a file, the path of its shared object, or historic, bpf, or kernel on", name);
}

void modules_apply(struct reading *reading, const ucl_object_t *first)
{
	reading_blocks(reading, first, "module needs a name, and { } with its file", module_apply);
}

/* Marks the modules that routes of a table (NULL: no routes) name. */
static void mark(const struct tux_route_table *table, bool used[TUX_MAX_MODULES])
{
	uint32_t i;

	for (i = 0; table && i < table->count; i++)
		if (table->route[i].handler == TUX_HANDLER_MODULE)
			used[table->route[i].argument] = true;
}

void modules_settle(struct reading *reading)
{
	const struct tux_settings *const settings = reading->settings;
	const struct tux_modules *const modules = &settings->modules;
	bool used[TUX_MAX_MODULES] = { false }, of_top = settings->host_count == 0;
	unsigned i;

	for (i = 0; i < settings->host_count && reading->wrong == 0; i++) {
		mark(settings->host[i].routes, used);
		of_top = of_top || !settings->host[i].routes; /* a host with routes has none of the top */
	}
	if (of_top)
		mark(settings->top.routes, used);
	for (i = 0; i < modules->count && reading->wrong == 0; i++)
		if (used[i] && !modules->said[i])
			reading_warn(reading, reading->module_at[i], "module %s is not loaded; until it is, requests for it are answered 503",
			             modules->module[i].name);
}
