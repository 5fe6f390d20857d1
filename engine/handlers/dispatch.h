/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the host, the route and the handler of a request. */
#ifndef TUX_ENGINE_HANDLERS_DISPATCH_H
#define TUX_ENGINE_HANDLERS_DISPATCH_H

#include "response.h"

/* Sets conn->site for the request in worker->request, parsed from buf; the listener's fallback if buf is NULL. */
void dispatch_choose_site(struct conn *conn, const uint8_t *buf);

/* Responds to the request in worker->request, parsed from buf. */
enum response_step dispatch_request(struct conn *conn, const uint8_t *buf);

/* Sets conn->max_body_bytes for the request in worker->request, parsed from buf. */
void dispatch_measure(struct conn *conn, const uint8_t *buf);

/* True if a backend responds to the request in worker->request, parsed from buf; then worker->route is its route. */
bool dispatch_is_for_backend(struct conn *conn, const uint8_t *buf);

/* True if the type of a file decides whether a backend responds. */
bool dispatch_is_for_file(struct conn *conn, const uint8_t *buf);

#endif
