/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fetch: a request of the server's own to an upstream, on behalf of a client's request. It is a request and an exchange like those of a
 * client, with a sink that keeps the answer. It has no access record, and X-Accel-Redirect has no effect.
 */
#ifndef TUX_ENGINE_BACKEND_FETCH_H
#define TUX_ENGINE_BACKEND_FETCH_H

#include "../../core/response_parse.h"
#include "../request.h"

/* The request of a fetch. Octets and head stay until the fetch has begun, except the body, which stays until it ends. */
struct fetch_order {
	unsigned upstream;               /* number in the configuration */
	const struct tux_request *head;  /* of octets; its framing is that of the body */
	struct tux_octets octets;
	struct tux_octets body;
	uint32_t max_bytes;              /* of the content; more is EFBIG */
};

/* The answer. Zero-initialize before use. */
struct fetch_answer {
	int error;                 /* 0, or errno: then the rest is empty */
	struct tux_response head;  /* spans of octets */
	struct buffer octets;
	struct buffer content;
};

struct fetch;

/*
 * Starts a fetch for the request of a client, to which logs and fields about the client refer, and which outlasts it. Calls done(owner) once
 * it has ended, in the thread of the request; the owner may free it then. Returns NULL if it has ended already: then *answer is complete, and
 * done is not called.
 */
struct fetch *fetch_start(struct request *parent, const struct fetch_order *order, struct fetch_answer *answer, void (*done)(void *owner),
                          void *owner);

/* Frees a fetch, which may be under way: then it is abandoned. */
void fetch_end(struct fetch *fetch);

/* Like fetch_end(), but after the loop has ended. */
void fetch_free(struct fetch *fetch);

/* Frees what an answer holds. */
void fetch_answer_forget(struct fetch_answer *answer);

#endif
