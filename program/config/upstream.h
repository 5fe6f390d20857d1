/* SPDX-License-Identifier: GPL-2.0-or-later */
/* upstream NAME { }: the servers that requests are forwarded to. */
#ifndef TUX_PROGRAM_CONFIG_UPSTREAM_H
#define TUX_PROGRAM_CONFIG_UPSTREAM_H

#include "reading.h"

/* All upstreams that are said behind the key. */
void upstreams_apply(struct reading *reading, const ucl_object_t *first);

/* The number of the upstream that a route's key names; -1 with the error said. */
int upstream_named(struct reading *reading, const ucl_object_t *key);

/* When all is read: each upstream that is named has servers. */
void upstreams_settle(struct reading *reading);

#endif
