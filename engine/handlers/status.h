/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status page and its other forms, for clients that the route permits. */
#ifndef TUX_ENGINE_HANDLERS_STATUS_H
#define TUX_ENGINE_HANDLERS_STATUS_H

#include "response.h"

/* Queues a report. */
enum response_step status_report(struct request *req, const struct tux_status_route *route);

#endif
