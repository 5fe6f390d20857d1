/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the files of a new module. */
#ifndef TUX_PROGRAM_MODULES_NEW_H
#define TUX_PROGRAM_MODULES_NEW_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes a module, its Makefile and its test to a folder, which is made if it does not exist. Never overwrites a file: returns false
 * with a sentence in error, and leaves no file behind.
 */
bool tux_module_new(const char *name, const char *folder, char *error, size_t error_size);

#endif
