/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suggests the TUX names for options and commands of other servers. */
#ifndef TUX_PROGRAM_SUGGESTION_H
#define TUX_PROGRAM_SUGGESTION_H

#include <stddef.h>

enum { TUX_NEAR_MISS = 2 }; /* letters by which a mistyped name may differ from a suggestion */

/* Returns how many letters to insert, delete or replace to make b of a; more than TUX_NEAR_MISS for long names. */
unsigned tux_suggestion_distance(const char *a, const char *b);

/* Returns the least distance that is too far from a mistyped name. */
unsigned tux_suggestion_limit(const char *name);

/* Returns a clause for an unknown short option, to follow "unknown option -X"; "" if there is no suggestion. */
const char *tux_suggestion_for_letter(int letter);

/* Like tux_suggestion_for_letter(), but for a long option, its name without "--". */
const char *tux_suggestion_for_option(const char *name);

/* Like tux_suggestion_for_letter(), but for an unknown command: follows "unknown command". */
const char *tux_suggestion_for_command(const char *name);

/*
 * Writes a clause for an argument that is no directory but may be an address or a port: "8080", ":80", "127.0.0.1:80". Writes ""
 * if it is neither, or if a directory of that name exists.
 */
void tux_suggestion_for_directory(const char *name, char *out, size_t out_size);

#endif
