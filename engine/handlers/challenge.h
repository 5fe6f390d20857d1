/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses to certificate authorities that verify a name of this server (RFC 8555 8.3). */
#ifndef TUX_ENGINE_HANDLERS_CHALLENGE_H
#define TUX_ENGINE_HANDLERS_CHALLENGE_H

#include "response.h"

/* True if a challenge of a certificate authority is at the path of the request. */
bool challenge_is_at(const struct request *req);

/* Responds with the challenge; 404 if it has ended since. */
enum response_step challenge_respond(struct request *req);

#endif
