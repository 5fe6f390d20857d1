/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access to the status, and its requested form. Pure. */
#ifndef TUX_ENGINE_STATS_STATUS_QUERY_H
#define TUX_ENGINE_STATS_STATUS_QUERY_H

#include "../config.h"
#include "counters.h"

/*
 * True if a client may see the status: it is on this machine (loopback; on a Unix socket address and port are 0), or in a network
 * of the route.
 */
bool status_query_permits(const struct tux_status_route *route, const uint8_t address[16], uint16_t port);

/*
 * True if no foreign name can have led a browser on this machine here (DNS rebinding): Host is missing, an address, a name without
 * a dot, beneath "localhost", configured, or the machine's own name. host and listener are the request's.
 */
bool status_query_host_permits(const struct tux_host_names *names, uint32_t listener, const uint8_t *buf, struct tux_span host, const char *machine);

/*
 * Gets the requested form: from the query, ?format=prometheus, json or html. Else a page for clients that accept text/html by name,
 * like browsers; JSON for clients that prefer it; the Prometheus format for all others. Returns false for an unknown format.
 */
bool status_query_form(const uint8_t *buf, const struct tux_request *req, enum tux_report_form *form);

#endif
