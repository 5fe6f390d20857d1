/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration file: libucl's syntax, and the names and values of the command line's options. */
#ifndef TUX_PROGRAM_CONFIG_CONFIG_H
#define TUX_PROGRAM_CONFIG_CONFIG_H

#include "../command.h"

struct tux_config;

/*
 * Reads the file into *command, which begins as the defaults. Everything that is wrong with it is written to errors, a line each:
 * file, line, what was expected. NULL if there was anything; else what *command's texts point into.
 */
struct tux_config *tux_config_read(const char *path, struct tux_command *command, FILE *errors);

/* Frees it; NULL is allowed. */
void tux_config_free(struct tux_config *config);

#endif
