/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgi NAME { }: the kinds of CGI programs. */
#ifndef TUX_PROGRAM_CONFIG_CGI_H
#define TUX_PROGRAM_CONFIG_CGI_H

#include "reading.h"

/* All that are said behind the key. */
void cgis_apply(struct reading *reading, const ucl_object_t *first);

/* The number of the one that a route's key names; -1 with the error said. */
int cgi_named(struct reading *reading, const ucl_object_t *key);

/* When all is read: what routes refer to is there. */
void cgis_settle(struct reading *reading);

#endif
