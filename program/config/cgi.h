/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads cgi NAME { }: the kinds of CGI programs. */
#ifndef TUX_PROGRAM_CONFIG_CGI_H
#define TUX_PROGRAM_CONFIG_CGI_H

#include "reading.h"

/* Reads all cgi blocks of the key. */
void cgis_apply(struct reading *reading, const ucl_object_t *first);

/* Returns the number of the CGI kind that a route's key names; -1 after an error message. */
int cgi_named(struct reading *reading, const ucl_object_t *key);

/* Checks, after the whole file was read, that every CGI kind that a route refers to is defined. */
void cgis_settle(struct reading *reading);

#endif
