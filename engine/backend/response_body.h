/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A response body from a backend: its content goes to the sink of the request. */
#ifndef TUX_ENGINE_BACKEND_RESPONSE_BODY_H
#define TUX_ENGINE_BACKEND_RESPONSE_BODY_H

#include "../../core/body.h"
#include "../../core/response_parse.h"
#include "../request.h"

struct response_body {
	struct tux_body body;  /* framing of the backend's body */
	struct buffer trailer; /* trailer fields received so far */
	bool bodiless;         /* the response has no body */
};

/* Starts the body of res. */
void response_body_start(struct response_body *relay, const struct tux_response *res);

/*
 * Parses len bytes of the body and gives its content to the sink. Returns TUX_PARSED at its end; *used of the bytes belong to it.
 * Returns TUX_REFUSED if the body is malformed, or if out of memory.
 */
enum tux_verdict response_body_read(struct response_body *relay, struct request *req, const uint8_t *data, uint32_t len, uint32_t *used);

void response_body_free(struct response_body *relay);

#endif
