/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request's body on its way from the client to a peer, framed as the peer gets it; or what goes through a tunnel there. */
#ifndef TUX_ENGINE_BACKEND_REQUEST_BODY_H
#define TUX_ENGINE_BACKEND_REQUEST_BODY_H

#include "../../core/body.h"
#include "../io/splice.h"
#include "spool.h"
#include "../io/peer_stream.h"

struct request_body {
	bool chunked;              /* it goes out in chunks */
	bool begun;                /* some of it was sent */
	bool done;                 /* its end was sent, or there is none */
	bool deaf;                 /* the peer takes nothing more */
	bool blocked;              /* writable() of the stream is to come */
	struct splice splicing;
	struct spool spool;        /* a body that is kept until it is whole; empty: it is sent as it comes */
};

/* What became of a call of request_body_draw(). */
enum request_body_next {
	REQUEST_BODY_WAITS, /* for the client or the peer: request_body_draw() again behind readable() or writable() */
	REQUEST_BODY_WHOLE, /* the body has come to its end */
	REQUEST_BODY_ENDED, /* the client has closed its side */
	REQUEST_BODY_DEAF,  /* the peer takes nothing more */
	REQUEST_BODY_FAILED, /* a call failed: the peer cannot get the rest */
};

/* Whether more is to be given to the stream now. */
bool request_body_takes(const struct request_body *upload, const struct stream *to);

/* Bytes that the peer has not taken yet. */
uint64_t request_body_unsent(const struct request_body *upload, const struct stream *to);

/*
 * Reads the body and has its content sent, of len octets *used; a body of more than max octets is refused. TUX_PARSED: it is whole.
 * TUX_REFUSED: *refusal says why, TUX_ACCEPTED: there is no memory, the peer cannot be told the rest.
 */
enum tux_verdict request_body_read(struct request_body *upload, struct stream *to, struct tux_body *body, uint64_t max, const uint8_t *buf, uint32_t len,
                                   uint32_t *used, enum tux_refusal *refusal);

/*
 * Reads the body like request_body_read(), but keeps its content. TUX_REFUSED with TUX_ACCEPTED in *refusal: it cannot be kept, *error is
 * the positive errno.
 */
enum tux_verdict request_body_keep(struct request_body *upload, const struct spool_limits *limits, struct tux_body *body, uint64_t max,
                                   const uint8_t *buf, uint32_t len, uint32_t *used, enum tux_refusal *refusal, int *error);

/* Sends of what is kept, until enough waits to be sent. Returns the bytes, or a negative errno. */
int64_t request_body_feed(struct request_body *upload, struct stream *to);

/* Moves bytes on, out of the client's socket source; of body, or without one (NULL) whatever comes. */
enum request_body_next request_body_draw(struct request_body *upload, const struct streams *streams, struct stream *to, struct channel *source,
                                         struct tux_body *body);

#endif
