/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route PATTERN { }: what answers a path; and the rules about fields that routes and hosts may have. */
#ifndef TUX_PROGRAM_CONFIG_ROUTE_H
#define TUX_PROGRAM_CONFIG_ROUTE_H

#include "reading.h"

/* All routes that are said behind the key, for the host at hand. */
void routes_apply(struct reading *reading, const ucl_object_t *first);

/* header { add, set, remove }, into rules; first may be followed by more of them. */
void field_rules_apply(struct reading *reading, struct tux_field_rules *rules, const ucl_object_t *first);

/* When all is read: the routes' port is the one of the key handover, or there is no such key. */
void port_settle(struct reading *reading);

/* The same, if nothing was wrong: warns of modules, of which none is loaded now. */
void modules_settle(struct reading *reading);

#endif
