/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way from http/ to a handler that takes time: it reads the request's body, or gives its response in pieces. Such a handler sets
 * req->events when it starts, and clears it when it has freed what it holds for the request. As long as it is set, abandon() or free() is due
 * when the request ends.
 */
#ifndef TUX_ENGINE_REQUEST_EVENTS_H
#define TUX_ENGINE_REQUEST_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/refusal.h"

struct request;

/* Next step of a request whose handler takes time. */
enum request_next {
	NEXT_QUEUED, /* bytes in a pipe, or of a file, were given to the sink */
	NEXT_AGAIN,  /* the handler takes more of the request body than before */
	NEXT_READY,  /* content waits in req->ready. writable() is due after it was taken */
	NEXT_WAITS,  /* waits for the handler, or for the request body */
	NEXT_OVER,   /* the response was given to the sink, and ended. req->events is NULL */
	NEXT_INSIDE, /* an internal redirect: respond to the kept head, which is rewritten. req->events is NULL */
	NEXT_RESPOND, /* nothing of a response was sent: dispatch_respond() is due */
};

/* Only the request's own thread calls these functions, and none of them from within a function of the sink but resume(). */
struct request_events {
	/* Returns the next step. http/ calls it after every event, while no send to the client is under way. */
	enum request_next (*next)(struct request *req);

	/* Tells that req->ready was taken, so there is room for more content. */
	void (*writable)(struct request *req);

	/* True if the response head has been queued or sent. */
	bool (*answered)(const struct request *req);

	/* True if both sides have agreed on an Upgrade. */
	bool (*is_tunnel)(const struct request *req);

	/* True once after bytes have passed through the tunnel: its time limit begins anew. */
	bool (*moved)(struct request *req);

	/*
	 * Continues while a send to the client is under way, if is_tunnel(): the handler may use what the client has sent. Gives nothing to the
	 * sink.
	 */
	void (*received)(struct request *req);

	/*
	 * Tells that the client has closed its side, after all that it had sent was given to body(); more than once. Returns true if the
	 * handler goes on: in a tunnel whose other direction may stay open. Otherwise client_closed() is due.
	 */
	bool (*client_ended)(struct request *req);

	/* Tells that the server process ends, if is_tunnel(): the handler should end the tunnel. */
	void (*drain)(struct request *req);

	/* True if the handler accepts bytes now: of the request body, or of the tunnel after an Upgrade. */
	bool (*takes)(const struct request *req);

	/* True if the client has to send more of the request body, and may be late. */
	bool (*awaits_body)(const struct request *req);

	/* True if all of the request body was given to body(), so that what follows is the next request. */
	bool (*body_ended)(const struct request *req);

	/*
	 * Consumes len body bytes from the client, if takes(). Returns the number consumed. The rest belongs to the next request.
	 * *refusal is TUX_ACCEPTED, or the reason for refusing the body.
	 */
	uint32_t (*body)(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal);

	/* True if splice() reads the client's socket. Then the loop must not receive from it. */
	bool (*splices)(const struct request *req);

	/*
	 * Moves available bytes from the client to the handler, if splices(). All input received before was given to body(). Returns
	 * false if the client has closed its side.
	 */
	bool (*splice)(struct request *req);

	/* Handles the readable event of the client's channel, while splices(). */
	void (*readable)(struct request *req);

	/* Ends the handler's part after the client has closed its side. The caller closes the connection. */
	void (*client_closed)(struct request *req);

	/* Ends the handler's part early, because the client disconnected or its request was refused. */
	void (*abandon)(struct request *req);

	/* Completes the access record of a request whose thread stops. What else the handler holds stays, because the loop is freed. */
	void (*stop)(struct request *req);

	/* Frees what the handler holds. Its streams are closed already, or are freed with the thread. */
	void (*free)(struct request *req);
};

#endif
