/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of uacme, which reads what an authority sends. */
#ifndef TUX_PROGRAM_CERTIFICATES_LIMITS_H
#define TUX_PROGRAM_CERTIFICATES_LIMITS_H

#include <sys/types.h>

/* Sets the limits of the calling process, which is about to become uacme of this user. */
void tux_uacme_limits_set(uid_t uid);

/*
 * Returns the limit that a failed uacme seems to have reached, such as "60 s of CPU time"; NULL: none. status: its wait status; output: its
 * messages.
 */
const char *tux_uacme_limit_reached(int status, const char *output);

#endif
