/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads upstream NAME { }: the servers that requests are forwarded to. */
#ifndef TUX_PROGRAM_CONFIG_UPSTREAM_H
#define TUX_PROGRAM_CONFIG_UPSTREAM_H

#include "reading.h"

/* Reads all upstreams of the key. */
void upstreams_apply(struct reading *reading, const ucl_object_t *first);

/* Returns the number of the upstream that a route's key names; -1 after an error message. */
int upstream_named(struct reading *reading, const ucl_object_t *key);

/* Checks, after the whole file was read, that each named upstream has servers. */
void upstreams_settle(struct reading *reading);

#endif
