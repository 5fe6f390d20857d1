/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads route PATTERN { }, which selects the handler of a path, and the rules for fields of routes and hosts. */
#ifndef TUX_PROGRAM_CONFIG_ROUTE_H
#define TUX_PROGRAM_CONFIG_ROUTE_H

#include "reading.h"

/* Reads all routes of the key for the current host. */
void routes_apply(struct reading *reading, const ucl_object_t *first);

/* Reads header { add, set, remove } into rules; more of them may follow first. */
void field_rules_apply(struct reading *reading, struct tux_field_rules *rules, const ucl_object_t *first);

/*
 * Sets the handover port from the routes, after the whole file was read. Reports an error if the key handover names another port.
 */
void port_settle(struct reading *reading);

#endif
