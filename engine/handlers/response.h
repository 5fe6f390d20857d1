/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads and bodies of responses, queued for the connection. */
#ifndef TUX_ENGINE_HANDLERS_RESPONSE_H
#define TUX_ENGINE_HANDLERS_RESPONSE_H

#include "../conn.h"

enum response_step {
	RESPONSE_QUEUED,
	RESPONSE_NO_ROOM,    /* call again after the queue has been sent */
	RESPONSE_WAIT,       /* call again when req->load.pending has brought the file */
	RESPONSE_BY_BACKEND, /* the backend of req->route responds */
};

/* Like lookup(), for a path of the request's site. */
struct object *response_lookup(struct request *req, const uint8_t *path, uint32_t len);

/*
 * Returns the start of every head: version, persistence, date and configured fields. Sets req->conn->close_after_response if the
 * connection closes after the response.
 */
struct tux_head response_head(struct request *req, uint16_t status);

/* False for HEAD: the head is the whole response. */
bool response_wants_body(const struct request *req);

/*
 * Queues a head and leaves room for body bytes after it. Returns the bytes of the head. Returns 0 if there is no room or no memory.
 * Then nothing is queued, and the caller returns error_page_no_room().
 */
uint32_t response_queue_head(struct request *req, const struct tux_head *head, uint64_t body);

/* Returns the number of body bytes that are copied after their head; 0 for a body by reference. */
uint32_t response_copied(const struct representation *rep, uint64_t body);

/* Queues one range of a body: copied if it is small, else by reference to the object. */
void response_queue_body(struct request *req, struct object *object, const struct representation *rep, struct tux_range range);

/* Queues "100 Continue". */
void response_continue(struct request *req);

#endif
