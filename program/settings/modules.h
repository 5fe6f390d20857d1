/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of modules that routes say. Which of them are loaded is known when requests come, not here. */
#ifndef TUX_PROGRAM_SETTINGS_MODULES_H
#define TUX_PROGRAM_SETTINGS_MODULES_H

#include "../../engine/config.h"

/* Begins as zeros. */
struct tux_modules {
	const char *name[TUX_MAX_MODULES];
	unsigned count;
};

/* The number of a name, which is added if it is new, and stays. -1 with a sentence in error. */
int tux_modules_find(struct tux_modules *modules, const char *name, char *error, size_t error_size);

#endif
