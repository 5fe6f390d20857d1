/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A mend for libucl, which takes a bracket in a value, or in the comment behind it, for the beginning of a block. */
#ifndef TUX_PROGRAM_CONFIG_ASSIGN_H
#define TUX_PROGRAM_CONFIG_ASSIGN_H

#include <stddef.h>

/*
 * Writes = in place of a blank between a name and its value, where libucl would look for a block: `listen "[::1]:80"`, `threads 2 # [2]`. Keeps
 * the length and all lines. text has len bytes, followed by a zero.
 */
void assign_values(char *text, size_t len);

#endif
