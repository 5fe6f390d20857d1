/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modules of the configuration file, and the names of modules in routes. */
#ifndef TUX_PROGRAM_SETTINGS_MODULES_H
#define TUX_PROGRAM_SETTINGS_MODULES_H

#include "../../engine/config.h"
#include "option.h"

/* tux_options_init() sets the defaults; the rest is zero. */
struct tux_modules {
	struct tux_module_config module[TUX_MAX_MODULES];
	struct tux_module_value *values[TUX_MAX_MODULES]; /* malloc'ed: the values of each module */
	unsigned line[TUX_MAX_MODULES]; /* of its block in the file */
	bool said[TUX_MAX_MODULES]; /* the file has a block for it; else a route names it */
	const char *historic[TUX_MAX_MODULES]; /* path of a historic module, which libtux.so runs; NULL: file is the module */
	const char *isolated[TUX_MAX_MODULES]; /* name of an option of the block that is for isolated modules alone; NULL: none */
	bool in_server[TUX_MAX_MODULES]; /* isolate is off, and not by default */
	struct tux_module_config defaults;
	unsigned count;
};

/*
 * Returns the number of the module with this name, which is added with the defaults if it is new. The name stays. Returns -1 with a sentence
 * in error.
 */
int tux_modules_find(struct tux_modules *modules, const char *name, char *error, size_t error_size);

/* Sets an option of a module, like tux_option_set(). */
bool tux_modules_set(struct tux_modules *modules, unsigned number, const struct tux_option *option, const char *value, char *error,
                     size_t error_size);

/* Adds a value to config { } of a module. The texts stay. Returns false with a sentence in error. */
bool tux_modules_value_add(struct tux_modules *modules, unsigned number, const char *key, const char *text, char *error, size_t error_size);

/*
 * Completes a module that is historic: library, which stays, is its file, and the library gets its settings as values. It runs in a process
 * of its own. Returns false with a sentence in error.
 */
bool tux_modules_historic(struct tux_modules *modules, unsigned number, const char *library, char *error, size_t error_size);

/* Checks the options of a module together. Returns false with a sentence in error. */
bool tux_modules_agree(const struct tux_modules *modules, unsigned number, char *error, size_t error_size);

/* Frees the values. */
void tux_modules_free(struct tux_modules *modules);

#endif
