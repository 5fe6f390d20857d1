/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may see the status, and as what it is asked for. Pure. */
#ifndef TUX_ENGINE_STATS_STATUS_QUERY_H
#define TUX_ENGINE_STATS_STATUS_QUERY_H

#include "../config.h"
#include "counters.h"

/* Whether a client may see it: one on this machine (loopback; on a Unix socket address and port are 0), or in a network of the route. */
bool status_query_permits(const struct tux_status_route *route, const uint8_t address[16], uint16_t port);

/*
 * True if a browser on this machine cannot have been led here by a name of another's (DNS rebinding): Host is missing, an address, a
 * name without a dot, beneath "localhost", configured, or the machine's own name. host and listener are the request's.
 */
bool status_query_host_permits(const struct tux_hosts *hosts, uint32_t listener, const uint8_t *buf, struct tux_span host, const char *machine);

/*
 * The form that a request wants: by its query, ?format=prometheus, json or html; else a page for who accepts text/html by that name,
 * as browsers do, JSON for who prefers that, and Prometheus' text for all others. False for another format.
 */
bool status_query_form(const uint8_t *buf, const struct tux_request *req, enum tux_report_form *form);

#endif
