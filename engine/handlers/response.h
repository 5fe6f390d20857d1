/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses of TUX itself: what all handlers give to the sink. */
#ifndef TUX_ENGINE_HANDLERS_RESPONSE_H
#define TUX_ENGINE_HANDLERS_RESPONSE_H

#include "../request.h"

enum response_step {
	RESPONSE_QUEUED,
	RESPONSE_NO_ROOM,    /* call again when the sink has room */
	RESPONSE_WAIT,       /* call again when req->load.pending has brought the file */
	RESPONSE_BY_HANDLER, /* a handler that takes time responds: dispatch_start() is due */
	RESPONSE_DECLINED,   /* a module leaves the request to others: for dispatch_respond() alone */
	RESPONSE_ANEW,       /* the head was replaced: for dispatch_respond() alone */
};

/* Like lookup(), for a path of the request's host. */
struct object *response_lookup(struct request *req, const uint8_t *path, uint32_t len);

/* Returns the start of every head: status and configured fields. */
struct tux_head response_head(const struct request *req, uint16_t status);

/* Returns a body without parts, to fill in. */
static inline struct body_source response_no_body(void)
{
	return (struct body_source){ .fd = -1 };
}

/*
 * Sends a response. Consumes the body, which may have no parts; to HEAD only the head is sent. A head that is too long for the sink
 * gets a short response in its place: 414 for a Location, whose length is the client's, and 500 for configured fields.
 */
enum response_step response_send(struct request *req, struct tux_head *head, const struct body_source *body);

/* Like response_send(), but with RESPONSE_NO_ROOM the body stays the caller's. */
enum response_step response_try(struct request *req, struct tux_head *head, const struct body_source *body);

/* Like response_send(), with a whole file and its prebuilt head. *fits is false if the response needs a head of its own: nothing is sent. */
enum response_step response_send_file(struct request *req, struct object *object, const struct representation *rep, bool *fits);

/* Sends a response with a built-in page as its body. why: a sentence for the page, or NULL. */
enum response_step response_send_page(struct request *req, struct tux_head *head, const char *why);

#endif
