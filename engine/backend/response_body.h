/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A response from a backend to the client: its bytes that are ready to be sent, framed for the client. */
#ifndef TUX_ENGINE_BACKEND_RESPONSE_BODY_H
#define TUX_ENGINE_BACKEND_RESPONSE_BODY_H

#include "../../core/body.h"
#include "../../core/forward.h"
#include "../../core/response_parse.h"
#include "../io/buffer.h"

enum {
	CHUNK_ROOM = TUX_MAX_CHUNK_HEAD + 2, /* the head of a chunk, and the CRLF after its content */
};

struct response_body {
	struct buffer ready;   /* bytes for the client */
	struct tux_body body; /* framing of the backend's body */
	struct buffer trailer; /* trailer fields received so far */
	bool bodiless;        /* the response has no body */
	bool chunked;         /* the client gets the body in chunks */
	bool chunk_open;      /* the CRLF after a spliced chunk is still due */
};

/* Adds the rewritten head of res, parsed from buf, to ready. Returns false if out of memory, or if it does not fit. */
bool response_body_head(struct response_body *relay, const uint8_t *buf, const struct tux_response *res, const struct tux_forwarding_response *how);

/* Starts the body of res. chunked: the client gets it in chunks. */
void response_body_start(struct response_body *relay, const struct tux_response *res, bool chunked);

/*
 * Parses len bytes of the body and adds its content to ready. Returns TUX_PARSED at its end; *used of the bytes belong to it.
 * Returns TUX_REFUSED if the body is malformed, or if out of memory.
 */
enum tux_verdict response_body_read(struct response_body *relay, const uint8_t *data, uint32_t len, uint32_t *used);

/*
 * Skips len bytes of content that are spliced to the client after ready. Adds their chunk head to ready if the client gets chunks.
 * Returns TUX_PARSED at the end of the body, and TUX_REFUSED if out of memory.
 */
enum tux_verdict response_body_pass(struct response_body *relay, uint32_t len);

/* Ends a body. Adds the last chunk and the trailer fields if chunked. lines is scratch. Returns false if out of memory. */
bool response_body_end(struct response_body *relay, struct tux_field_lines *lines);

void response_body_free(struct response_body *relay);

#endif
