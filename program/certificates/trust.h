/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux trust`. */
#ifndef TUX_PROGRAM_CERTIFICATES_TRUST_H
#define TUX_PROGRAM_CERTIFICATES_TRUST_H

#include <stdio.h>

/*
 * Prints the certificate of TUX's authority to out, and how to trust it to help. state_directory: NULL for the default. Returns the exit
 * status.
 */
int tux_trust(const char *state_directory, FILE *out, FILE *help);

#endif
