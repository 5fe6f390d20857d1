/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers that a peer leaves to TUX: X-Accel-Redirect and X-Sendfile, which name a file, and the local redirect of a CGI program
 * (RFC 3875 6.2.2), which names a path. The request's held head is written anew, as if the client had asked for that.
 */
#ifndef TUX_ENGINE_BACKEND_INTERNAL_REDIRECT_H
#define TUX_ENGINE_BACKEND_INTERNAL_REDIRECT_H

#include "../conn.h"

/*
 * Looks at the response in worker->received, parsed from head. 0: it answers itself. 200: conn->head is the new request, and
 * what the client is to have of the response's fields is in conn->own. Else the status that answers, since the peer asks for what
 * cannot be; conn->cause says why.
 */
uint16_t internal_redirect_begin(struct conn *conn, const uint8_t *head);

/* Forgets what internal_redirect_begin() kept: the request is answered. */
void internal_redirect_end(struct conn *conn);

#endif
