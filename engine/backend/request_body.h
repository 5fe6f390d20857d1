/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request's body on its way from the client to a peer, framed as the peer gets it; or what goes through a tunnel there. */
#ifndef TUX_ENGINE_BACKEND_REQUEST_BODY_H
#define TUX_ENGINE_BACKEND_REQUEST_BODY_H

#include "../../core/body.h"
#include "../io/splice.h"
#include "spool.h"
#include "../io/peer_stream.h"

struct upload {
	bool chunked;              /* it goes out in chunks */
	bool begun;                /* some of it was sent */
	bool done;                 /* its end was sent, or there is none */
	bool deaf;                 /* the peer takes nothing more */
	bool blocked;              /* writable() of the stream is to come */
	struct splicing splicing;
	struct spool spool;        /* a body that is kept until it is whole; empty: it is sent as it comes */
};

/* What became of a call of upload_draw(). */
enum upload_next {
	UPLOAD_WAITS, /* for the client or the peer: upload_draw() again behind readable() or writable() */
	UPLOAD_WHOLE, /* the body has come to its end */
	UPLOAD_ENDED, /* the client has closed its side */
	UPLOAD_DEAF,  /* the peer takes nothing more */
	UPLOAD_FAILED, /* a call failed: the peer cannot get the rest */
};

/* Whether more is to be given to the stream now. */
bool upload_takes(const struct upload *upload, const struct stream *to);

/* Bytes that the peer has not taken yet. */
uint64_t upload_unsent(const struct upload *upload, const struct stream *to);

/*
 * Reads the body and has its content sent, of len octets *used; a body of more than max octets is refused. TUX_PARSED: it is whole.
 * TUX_REFUSED: *refusal says why, TUX_ACCEPTED: there is no memory, the peer cannot be told the rest.
 */
enum tux_verdict upload_read(struct upload *upload, struct stream *to, struct tux_body *body, uint64_t max, const uint8_t *buf, uint32_t len,
                             uint32_t *used, enum tux_refusal *refusal);

/*
 * Reads the body like upload_read(), but keeps its content. TUX_REFUSED with TUX_ACCEPTED in *refusal: it cannot be kept, *error is
 * the positive errno.
 */
enum tux_verdict upload_keep(struct upload *upload, const struct spool_limits *limits, struct tux_body *body, uint64_t max,
                             const uint8_t *buf, uint32_t len, uint32_t *used, enum tux_refusal *refusal, int *error);

/* Sends of what is kept, until enough waits to be sent. Returns the bytes, or a negative errno. */
int64_t upload_feed(struct upload *upload, struct stream *to);

/* Moves bytes on, out of the client's socket source; of body, or without one (NULL) whatever comes. */
enum upload_next upload_draw(struct upload *upload, const struct streams *streams, struct stream *to, struct channel *source,
                             struct tux_body *body);

#endif
