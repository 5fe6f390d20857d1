/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file: libucl's syntax, and the names and values of the command line's options. */
#ifndef TUX_PROGRAM_CONFIG_CONFIG_H
#define TUX_PROGRAM_CONFIG_CONFIG_H

#include <stdio.h>

#include "../settings/settings.h"

struct tux_config;

/*
 * Reads the file into *settings, which the caller has set to the defaults. Writes each error to errors, one a line: file, line,
 * expected value. check: also reports directories and users that do not exist. Returns the owner of the texts that *settings points
 * into, or NULL after an error.
 */
struct tux_config *tux_config_read(const char *path, struct tux_settings *settings, bool check, FILE *errors);

/* Frees the texts; NULL is allowed. */
void tux_config_free(struct tux_config *config);

#endif
