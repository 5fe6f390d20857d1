/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sink of a request: a handler gives it the response, and the sink writes it in the HTTP version that the client speaks. A response
 * of TUX itself is a head, at most one body, and an end. A response of a backend, or a stream of a module, is a head, content as it
 * arrives, and an end.
 */
#ifndef TUX_ENGINE_SINK_H
#define TUX_ENGINE_SINK_H

#include <stdlib.h>

#include "../core/response.h"
#include "../core/response_parse.h"
#include "body_part.h"
#include "files/listing_cache.h"
#include "files/object.h"

struct request;

enum {
	SINK_COPY_BYTES = 4096, /* bodies in memory up to this size are copied and sent together with their head */
};

/* Owns what a body lends to the sink: memory, or a descriptor. */
struct body_owner {
	void (*end)(struct body_owner *owner); /* frees the owner and what it owns */
};

/* A body. Zeroed except for fd: no body. */
struct body_source {
	struct object *object;   /* borrowed: keeps memory and fd alive; the sink takes a reference of its own. NULL: text or page does */
	int fd;                  /* of the parts without memory; -1: no such part */
	bool pipe;               /* fd is the read end of a pipe, which holds all bytes of the part */
	uint32_t count;          /* parts */
	struct body_part one;    /* the part, if parts is NULL */
	struct body_part *parts; /* malloc'ed: the sink frees it, like text */
	uint8_t *text;           /* malloc'ed: part heads, a report, bytes of a backend */
	struct page *page;       /* a reference, which the sink puts */
	struct body_owner *owner; /* of memory or fd; the sink ends it. NULL: another member owns them */
};

enum sink_result {
	SINK_DONE,
	SINK_WAITS,  /* no room now: give the response again when the sink calls for it */
	SINK_UNFIT,  /* this head cannot be sent: give another one */
	SINK_FAILED, /* out of memory: the connection ends without a response */
};

struct sink {
	/*
	 * Starts a response with this head, except for the version, the persistence and the date, which the sink adds. SINK_UNFIT: the
	 * head is too long.
	 */
	enum sink_result (*head)(struct request *req, struct tux_head *head);

	/* Starts a response with status 200 and the prebuilt head of a file. SINK_UNFIT: the response needs a head of its own. */
	enum sink_result (*file_head)(struct request *req, const struct representation *rep);

	/*
	 * Sends the body of a response that head() or file_head() has started, and owns what body_source says from then on. Memory that
	 * nobody owns has at most SINK_COPY_BYTES, and is copied, like a small part of an object. SINK_FAILED: the sink owns nothing.
	 */
	enum sink_result (*body)(struct request *req, const struct body_source *body);

	/*
	 * Starts a response with the head of a backend's, parsed from buf; or sends an interim response, if the client understands it.
	 * The content follows. Returns false if the head cannot be written.
	 */
	bool (*backend_head)(struct request *req, const uint8_t *buf, const struct tux_response *res);

	/*
	 * Starts a response with this head like head(), but its content follows in pieces. Without a length it lasts until content_end().
	 * Returns false if out of memory, or if the head is too long.
	 */
	bool (*stream_head)(struct request *req, struct tux_head *head);

	/*
	 * Starts a tunnel: this head, whose status is 101, with the protocol in Upgrade (RFC 9110 7.8). What follows as content is neither framed
	 * nor counted. Returns false like stream_head().
	 */
	bool (*tunnel_head)(struct request *req, struct tux_head *head, struct tux_octets protocol);

	/* Adds a copy of content. It waits in req->ready until it is sent. Returns false if out of memory. */
	bool (*content)(struct request *req, const uint8_t *data, uint32_t len);

	/* Adds len bytes of content in a pipe with the read end fd, if req->ready is empty. Returns false if out of memory. */
	bool (*content_pipe)(struct request *req, int fd, uint32_t len);

	/*
	 * Like content_pipe(), but adds the one part of a body: of a file, or of memory that its object keeps alive. Bytes in req->ready go
	 * first; they fit in the output together with a head.
	 */
	bool (*content_file)(struct request *req, const struct body_source *body);

	/* Asks a client that waits for 100 (Continue) to send the request's body. No response has begun. */
	void (*go_on)(struct request *req);

	/* Ends the content. Adds the trailer fields in len bytes at buf, if the client can get them. Returns false if out of memory. */
	bool (*content_end)(struct request *req, const uint8_t *buf, uint32_t len);

	/* Ends the server's side of a tunnel, all of whose content was sent. The client may still send. */
	void (*end_output)(struct request *req);

	/* Ends the response. Not complete: the client must not take it for a whole one, and the connection closes. */
	void (*end)(struct request *req, bool complete);

	/* Tells that the handler has something to send, or accepts more of the request's body. */
	void (*resume)(struct request *req);
};

/* Frees what a body owns. */
static inline void body_discard(const struct body_source *body)
{
	free(body->parts);
	free(body->text);
	page_put(body->page);
	if (body->owner != NULL)
		body->owner->end(body->owner);
}

/* Returns the parts of a body. */
static inline struct body_part *body_parts(struct body_source *body)
{
	return body->parts != NULL ? body->parts : &body->one;
}

#endif
