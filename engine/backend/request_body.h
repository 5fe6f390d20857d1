/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request body from the client to a backend, framed for the backend; or the bytes of a tunnel in this direction. */
#ifndef TUX_ENGINE_BACKEND_REQUEST_BODY_H
#define TUX_ENGINE_BACKEND_REQUEST_BODY_H

#include "../../core/body.h"
#include "../io/splice.h"
#include "spool.h"
#include "../io/peer_stream.h"

struct request_body {
	bool chunked;              /* the backend gets the body in chunks */
	bool begun;                /* part of it has been sent */
	bool done;                 /* the whole body has been received, or the request has no body */
	bool deaf;                 /* the backend accepts no more bytes */
	bool blocked;              /* waits for writable() of the stream */
	struct splice splicing;
	struct spool spool;        /* a body that is received completely first; empty: forwarded while it arrives */
};

/* Result of request_body_draw(). */
enum request_body_next {
	REQUEST_BODY_WAITS, /* waits for the client or the backend: call again after readable() or writable() */
	REQUEST_BODY_WHOLE, /* the end of the body has been forwarded */
	REQUEST_BODY_ENDED, /* the client has closed its side */
	REQUEST_BODY_DEAF,  /* the backend accepts no more bytes */
	REQUEST_BODY_FAILED, /* a system call failed: the backend cannot get the rest */
};

/* True if the stream accepts more bytes now. */
bool request_body_takes(const struct request_body *upload, const struct peer_stream *to);

/* Returns the bytes that wait to be sent to the backend. */
uint64_t request_body_unsent(const struct request_body *upload, const struct peer_stream *to);

/*
 * Parses *used of len bytes of the body and queues their content. Refuses a body of more than max bytes. Returns TUX_PARSED at
 * the end of the body. Returns TUX_REFUSED with the reason in *refusal; TUX_ACCEPTED there means out of memory: the backend
 * cannot get the rest.
 */
enum tux_verdict request_body_read(struct request_body *upload, struct peer_stream *to, struct tux_body *body, uint64_t max,
                                   const uint8_t *buf, uint32_t len, uint32_t *used, enum tux_refusal *refusal);

/*
 * Like request_body_read(), but writes the content to the spool. TUX_REFUSED with TUX_ACCEPTED in *refusal means that the spool
 * failed, with the positive errno in *error.
 */
enum tux_verdict request_body_keep(struct request_body *upload, const struct spool_limits *limits, struct tux_body *body, uint64_t max,
                                   const uint8_t *buf, uint32_t len, uint32_t *used, enum tux_refusal *refusal, int *error);

/* Queues bytes of the spool until PEER_STREAM_ROOM bytes wait in the stream. Returns their number, or a negative errno. */
int64_t request_body_feed(struct request_body *upload, struct peer_stream *to);

/*
 * Splices bytes from the client's socket source to the stream: those of body, or all bytes if body is NULL (a tunnel). Adds their number to
 * *moved.
 */
enum request_body_next request_body_draw(struct request_body *upload, const struct peer_streams *streams, struct peer_stream *to,
                                         struct channel *source, struct tux_body *body, uint64_t *moved);

#endif
