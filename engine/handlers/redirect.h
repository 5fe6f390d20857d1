/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Redirects. Location is a path if possible, because TUX does not know the client's view of host and port behind a proxy. */
#ifndef TUX_ENGINE_HANDLERS_REDIRECT_H
#define TUX_ENGINE_HANDLERS_REDIRECT_H

#include "response.h"

/* Queues a redirect to path with a slash after it. */
enum response_step redirect_to_slash(struct request *req, uint16_t status, const uint8_t *path, uint32_t path_len);

/* Queues a redirect to the same target at the port for TLS of the request's host. */
enum response_step redirect_to_https(struct request *req);

/* Queues the redirect of a route. */
enum response_step redirect_by_route(struct request *req, const struct tux_route *route);

#endif
