/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the host, the route and the handler of a request, once, and responds with the handler. */
#ifndef TUX_ENGINE_HANDLERS_DISPATCH_H
#define TUX_ENGINE_HANDLERS_DISPATCH_H

#include "response.h"

enum dispatch_handler {
	HANDLER_REFUSAL,  /* req->head.refusal */
	HANDLER_METHOD,   /* no file has the method: req->status */
	HANDLER_REDIRECT,
	HANDLER_TO_HTTPS, /* redirect to the same target over TLS */
	HANDLER_MODULE,
	HANDLER_CHOSEN,   /* the target with which the module has replied in the kernel */
	HANDLER_BACKEND,  /* that of req->route */
	HANDLER_FILE_TYPE, /* like HANDLER_METHOD, unless the type of the file selects another handler */
	HANDLER_HIDDEN,
	HANDLER_STATUS,
	HANDLER_CHALLENGE, /* of a certificate authority */
	HANDLER_FILE,
};

enum dispatch_body {
	BODY_DISCARDED,  /* received and discarded before the response */
	BODY_TO_HANDLER, /* a backend or a module gets it */
	BODY_UNREAD,     /* the response comes first: the client, or the type of the file, decides whether a body is wanted */
};

/*
 * Chooses the host, unless the request has one, then the route, the handler, the use of the body and its limit. req->head is
 * complete. Call it once for each head.
 */
void dispatch(struct request *req);

/* Chooses the listener's fallback host for a request that is refused before its host is known. */
void dispatch_refused(struct request *req, enum tux_refusal refusal);

/* Responds with the chosen handler. Call it again after RESPONSE_NO_ROOM and RESPONSE_WAIT. */
enum response_step dispatch_respond(struct request *req);

/*
 * Starts the handler that takes time, after RESPONSE_BY_HANDLER or for BODY_TO_HANDLER. The request is kept. Returns 0: req->events is set;
 * or the status of an error response.
 */
uint16_t dispatch_start(struct request *req);

/* True if the handler of the request asks the client for its body: then no 100 (Continue) is due before. */
bool dispatch_asks_for_body(const struct request *req);

#endif
