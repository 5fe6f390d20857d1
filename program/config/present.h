/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a value names has to be there for a start: directories, users. `tux check` looks for it; a start finds out itself. */
#ifndef TUX_PROGRAM_CONFIG_PRESENT_H
#define TUX_PROGRAM_CONFIG_PRESENT_H

#include <stdbool.h>
#include <stddef.h>

/* Looks for what the value of an option names. Changes nothing. Returns false with a sentence in error. */
bool tux_present_check(const char *name, const char *value, char *error, size_t error_size);

#endif
