/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 64 };

/* True if a name may be the path of a file beneath a root: a file can select a module by it. */
static bool is_path(const char *name)
{
	size_t len;

	do {
		len = strcspn(name, "/");
		if (len == 0 || (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		name += len + (name[len] == '/');
	} while (name[-1] == '/');
	return true;
}

int tux_modules_find(struct tux_modules *modules, const char *name, char *error, size_t error_size)
{
	static const char inside[] = "/-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t len = strlen(name);
	unsigned i;

	for (i = 0; i < modules->count; i++)
		if (strcmp(modules->module[i].name, name) == 0)
			return (int)i;
	if (len == 0 || len > MAX_NAME || strspn(name, inside) != len || !is_path(name)) {
		snprintf(error, error_size, "\"%s\" is not the name of a module: 1 to %d letters, digits, '-', '.' and '_', or the path of a file beneath the root",
		         name, MAX_NAME);
		return -1;
	}
	if (modules->count == TUX_MAX_MODULES) {
		snprintf(error, error_size, "there are more than %d modules", TUX_MAX_MODULES);
		return -1;
	}
	modules->module[modules->count] = modules->defaults;
	modules->module[modules->count].name = name;
	return (int)modules->count++;
}

/* True if an option is for isolated modules alone. */
static bool is_of_isolated(const char *name)
{
	static const char *const of_isolated[] = { "user", "root", "memory", "processes", "files", "programs", "writes", "network",
	                                     "require-sandbox" };

	for (size_t i = 0; i < sizeof(of_isolated) / sizeof(of_isolated[0]); i++)
		if (strcmp(name, of_isolated[i]) == 0)
			return true;
	return false;
}

bool tux_modules_set(struct tux_modules *modules, unsigned number, const struct tux_option *option, const char *value, char *error,
                     size_t error_size)
{
	if (is_of_isolated(option->name))
		modules->isolated[number] = option->name;
	if (option->type != TUX_TYPE_BLOCK) {
		const bool set = tux_option_set(option, &modules->module[number], value, error, error_size);

		if (strcmp(option->name, "isolate") == 0)
			modules->in_server[number] = !modules->module[number].isolate;
		return set;
	}
	if (strcmp(option->name, "root") == 0)
		modules->module[number].root = value;
	else if (strcmp(option->name, "historic") == 0)
		modules->historic[number] = value;
	else if (strcmp(option->name, "bpf") == 0)
		modules->module[number].bpf = value;
	else
		modules->module[number].file = value; /* the other option of this type whose value is a text */
	if (*value == '/')
		return true;
	snprintf(error, error_size, "%s: \"%s\" is not %s", option->name, value, option->expected);
	return false;
}

bool tux_modules_value_add(struct tux_modules *modules, unsigned number, const char *key, const char *text, char *error, size_t error_size)
{
	struct tux_module_config *const module = &modules->module[number];
	struct tux_module_value *values;

	if (module->value_count == TUX_MAX_MODULE_VALUES) {
		snprintf(error, error_size, "config of a module has more than %d values", TUX_MAX_MODULE_VALUES);
		return false;
	}
	values = realloc(modules->values[number], (module->value_count + 1) * sizeof(*values));
	if (!values) {
		snprintf(error, error_size, "no memory");
		return false;
	}
	modules->values[number] = values;
	module->value = values;
	values[module->value_count++] = (struct tux_module_value){ key, text };
	return true;
}

bool tux_modules_historic(struct tux_modules *modules, unsigned number, const char *library, char *error, size_t error_size)
{
	struct tux_module_config *const module = &modules->module[number];

	if (!modules->historic[number])
		return true;
	if (module->file) {
		snprintf(error, error_size, "module %s has a file and a historic module: libtux.so is the file of a historic one", module->name);
		return false;
	}
	if (modules->in_server[number]) {
		snprintf(error, error_size, "module %s has isolate off, and a historic module always runs in a process of its own", module->name);
		return false;
	}
	for (unsigned i = 0; i < module->value_count; i++) {
		const char *const key = module->value[i].key;

		if (strcmp(key, "historic") == 0 || strcmp(key, "root") == 0) {
			snprintf(error, error_size, "module %s has %s in config { }, which historic sets", module->name, key);
			return false;
		}
	}
	module->file = library;
	module->isolate = true;
	return tux_modules_value_add(modules, number, "historic", modules->historic[number], error, error_size) &&
	       tux_modules_value_add(modules, number, "name", module->name, error, error_size) &&
	       (!module->root || tux_modules_value_add(modules, number, "root", module->root, error, error_size));
}

bool tux_modules_agree(const struct tux_modules *modules, unsigned number, char *error, size_t error_size)
{
	const struct tux_module_config *const module = &modules->module[number];

	if (modules->isolated[number] && !module->isolate)
		snprintf(error, error_size, "module %s has %s, which is for a process of its own: isolate is off", module->name, modules->isolated[number]);
	else if (module->writes && !module->root)
		snprintf(error, error_size, "module %s has writes, which needs a root: without one the process opens no file", module->name);
	else
		return true;
	return false;
}

void tux_modules_free(struct tux_modules *modules)
{
	while (modules->count > 0)
		free(modules->values[--modules->count]);
	memset(modules, 0, sizeof(*modules));
}
