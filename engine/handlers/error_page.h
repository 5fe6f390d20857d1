/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short responses: errors and redirects, with the page that the site has for the status, or with a built-in one. */
#ifndef TUX_ENGINE_HANDLERS_ERROR_PAGE_H
#define TUX_ENGINE_HANDLERS_ERROR_PAGE_H

#include "response.h"

/* Queues a response with this head. why: a sentence for the built-in page, or NULL. */
enum response_step error_page_respond(struct request *req, struct tux_head *head, const char *why);

/* Queues a response with this status. */
enum response_step error_page_status(struct request *req, uint16_t status);

/* Like error_page_status(), for 403 and 5xx: the error log gives the cause. */
enum response_step error_page_failure(struct request *req, uint16_t status, struct cause cause);

/*
 * Responds if a head had no room. A head that is too long for an empty buffer gets a short response in its place: 414 for a
 * Location, whose length is the client's, and 500 for configured fields.
 */
enum response_step error_page_no_room(struct request *req, const struct tux_head *head);

/* Queues the response for req->head.refusal, and ends the connection. */
enum response_step error_page_refusal(struct request *req);

#endif
