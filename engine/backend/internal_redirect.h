/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Internal redirects: a backend makes TUX respond in its place. X-Accel-Redirect and X-Sendfile name a file. The local redirect
 * of a CGI program (RFC 3875 6.2.2) names a path. The kept request head is rewritten as if the client had requested that target.
 */
#ifndef TUX_ENGINE_BACKEND_INTERNAL_REDIRECT_H
#define TUX_ENGINE_BACKEND_INTERNAL_REDIRECT_H

#include "../request.h"

/*
 * Checks the response in thread->backends->received, parsed from head. Returns 0 if it is not an internal redirect. Returns 200 if it is:
 * then req->head is the new head, which dispatch() has to see, and req->own has the response fields to keep. Otherwise returns the
 * status of an error response to an invalid redirect, with its req->cause.
 */
uint16_t internal_redirect_begin(struct request *req, const uint8_t *head);

/*
 * Lets another target of the host respond: a path that begins with '/', and a query if need be. The fields in lines, each ending in CRLF,
 * remain in effect. Returns 200: then req->head is the new head, which dispatch() has to see; or the status of an error response, with
 * req->cause. The request is kept.
 */
uint16_t internal_redirect_to(struct request *req, struct tux_octets target, struct tux_octets lines);

#endif
