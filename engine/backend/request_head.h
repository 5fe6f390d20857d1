/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request as a backend gets it: a rewritten head for a server, environment variables for a program. */
#ifndef TUX_ENGINE_BACKEND_REQUEST_HEAD_H
#define TUX_ENGINE_BACKEND_REQUEST_HEAD_H

#include "../request.h"

/* Framing of the body as the backend gets it: a buffered body has a length. */
struct request_framing {
	uint8_t framing;         /* enum tux_framing */
	uint64_t content_length; /* bytes, with TUX_FRAMING_LENGTH */
};

/* Writes the request head for a server. upgrade: with its Upgrade. Returns 0, or the status of an error response. */
uint16_t request_head_write(const struct request *req, const struct tux_upstream *upstream, const struct request_framing *framing, bool upgrade,
                            struct buffer *head);

/*
 * Writes the environment of a program, without the variables that the spawner adds. Returns 0, or the status of an error
 * response.
 */
uint16_t request_head_environment(const struct request *req, const struct request_framing *framing, struct buffer *environment);

/* True if the method is idempotent, so that the request may reach a server twice, or two servers (RFC 9110 9.2.2). */
bool request_head_may_repeat(const struct tux_request *req);

/* True if the request lists all protocols of the response in thread->backends->received, which was parsed from head (RFC 9110 7.8). */
bool request_head_asked_for(const struct request *req, const uint8_t *head);

#endif
