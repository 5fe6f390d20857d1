/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short responses: errors and redirects, with the page that the host has for the status, or with a built-in one. */
#ifndef TUX_ENGINE_HANDLERS_ERROR_PAGE_H
#define TUX_ENGINE_HANDLERS_ERROR_PAGE_H

#include "response.h"

/* Sends a response with this head. why: a sentence for the built-in page, or NULL. */
enum response_step error_page_respond(struct request *req, struct tux_head *head, const char *why);

/* Sends a response with this status. */
enum response_step error_page_status(struct request *req, uint16_t status);

/* Like error_page_status(), for 403 and 5xx: the error log gives the cause. */
enum response_step error_page_failure(struct request *req, uint16_t status, struct cause cause);

/* Sends the response for req->head.refusal, and ends the connection. */
enum response_step error_page_refusal(struct request *req);

#endif
