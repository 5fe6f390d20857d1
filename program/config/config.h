/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file: libucl's syntax, and the names and values of the command line's options. */
#ifndef TUX_PROGRAM_CONFIG_CONFIG_H
#define TUX_PROGRAM_CONFIG_CONFIG_H

#include "../command.h"

struct tux_config;

/*
 * Reads the file into *command, which the caller has set to the defaults. Writes each error to errors, one a line: file, line,
 * expected value. Returns the owner of the texts that *command points into, or NULL after an error.
 */
struct tux_config *tux_config_read(const char *path, struct tux_command *command, FILE *errors);

/* Frees the texts; NULL is allowed. */
void tux_config_free(struct tux_config *config);

#endif
