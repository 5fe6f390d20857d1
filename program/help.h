/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts of `tux help`. Those of options come from the table in settings/options.c. */
#ifndef TUX_PROGRAM_HELP_H
#define TUX_PROGRAM_HELP_H

#include <stdio.h>

/* Prints the text of `tux help`: the commands. */
void tux_help(FILE *out);

/* Prints the text of `tux help serve`: the options of the command line. */
void tux_help_serve(FILE *out);

/* Prints the text of `tux help configuration`: every option with its values, default, places and version. tools/options reads it. */
void tux_help_configuration(FILE *out);

#endif
