/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 64 };

int tux_modules_find(struct tux_modules *modules, const char *name, char *error, size_t error_size)
{
	static const char inside[] = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t len = strlen(name);
	unsigned i;

	for (i = 0; i < modules->count; i++)
		if (strcmp(modules->name[i], name) == 0)
			return (int)i;
	if (len == 0 || len > MAX_NAME || strspn(name, inside) != len) {
		snprintf(error, error_size, "\"%s\" is not the name of a module: 1 to %d letters, digits, '-', '.' and '_'", name, MAX_NAME);
		return -1;
	}
	if (modules->count == TUX_MAX_MODULES) {
		snprintf(error, error_size, "there are more than %d modules", TUX_MAX_MODULES);
		return -1;
	}
	modules->name[modules->count] = name;
	return (int)modules->count++;
}
