/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks that directories and users named by values exist. `tux check` calls it; `tux serve` finds out when it starts. */
#ifndef TUX_PROGRAM_CONFIG_PRESENT_H
#define TUX_PROGRAM_CONFIG_PRESENT_H

#include <stdbool.h>
#include <stddef.h>

#include "../settings/option.h"

/* Looks up the directory or user that the value of an option names. Changes nothing. Returns false with a sentence in error. */
bool tux_present_check(const struct tux_option *option, const char *value, char *error, size_t error_size);

#endif
