/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the modules of a configuration for `tux check`, each in a process of its own. */
#ifndef TUX_PROGRAM_MODULES_CHECK_H
#define TUX_PROGRAM_MODULES_CHECK_H

#include <stdio.h>

#include "../settings/settings.h"

/*
 * Loads each module as a server would, with the server's user if this process is root, and ends the process. So neither a constructor
 * nor load() of a module can change, stop or crash this process. Writes each failure to errors, after the name of the configuration file
 * and the line. Returns the number of failures.
 */
unsigned tux_modules_check(const struct tux_settings *settings, const char *path, FILE *errors);

#endif
