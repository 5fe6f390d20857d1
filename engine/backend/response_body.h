/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A response on its way from a peer to the client: what of it is ready to be sent, framed as the client gets it. */
#ifndef TUX_ENGINE_BACKEND_RESPONSE_BODY_H
#define TUX_ENGINE_BACKEND_RESPONSE_BODY_H

#include "../../core/body.h"
#include "../../core/forward.h"
#include "../../core/received.h"
#include "../io/buffer.h"

enum {
	CHUNK_ROOM = TUX_MAX_CHUNK_HEAD + 2, /* a chunk's first line, and the end of its last one */
};

struct response_body {
	struct buffer ready;   /* for the client */
	struct tux_body body; /* as it comes */
	struct buffer trailer; /* as far as it has come */
	bool bodiless;        /* the response has no body */
	bool chunked;         /* it goes to the client in chunks */
	bool chunk_open;      /* of one that went out unseen, the end of its last line is still to be written */
};

/* Writes a head, parsed from buf. False without memory, or if it does not fit. */
bool response_body_head(struct response_body *relay, const uint8_t *buf, const struct tux_received *res, const struct tux_forwarding_response *how);

/* What comes next is the body of res. */
void response_body_start(struct response_body *relay, const struct tux_received *res, bool chunked);

/*
 * Reads the body. TUX_PARSED: it is whole, and *used of the len octets belong to it; TUX_REFUSED: it is broken, or there is no
 * memory for it.
 */
enum tux_verdict response_body_read(struct response_body *relay, const uint8_t *data, uint32_t len, uint32_t *used);

/*
 * Goes past len octets of content that are sent unseen, behind what this makes ready: in chunks, the head of theirs. TUX_PARSED:
 * the body is whole; TUX_REFUSED: there is no memory.
 */
enum tux_verdict response_body_pass(struct response_body *relay, uint32_t len);

/* Behind the last of a body: in chunks the last one, with the trailer fields that came. lines is scratch. False without memory. */
bool response_body_end(struct response_body *relay, struct tux_field_lines *lines);

void response_body_free(struct response_body *relay);

#endif
