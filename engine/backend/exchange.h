/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An exchange: one request, and the response of a backend (an upstream server or a CGI program). The exchange writes a new request
 * head from the parsed one. The request body is forwarded while it arrives, or after it has been received completely. The response
 * is forwarded while it arrives. Each side pauses when PEER_STREAM_ROOM bytes wait for the other.
 */
#ifndef TUX_ENGINE_BACKEND_EXCHANGE_H
#define TUX_ENGINE_BACKEND_EXCHANGE_H

#include "../request.h"
#include "cgi.h"

/* Events of CGI programs, for cgi_open(). */
extern const struct cgi_events exchange_cgi_events;

/* Next step of a connection with an exchange. */
enum exchange_next {
	EXCHANGE_QUEUED, /* bytes in a pipe were given to the sink */
	EXCHANGE_READY,  /* content waits in req->ready. exchange_writable() is due after it was taken */
	EXCHANGE_WAITS,  /* waits for the backend, or for the request body */
	EXCHANGE_OVER,   /* the response was given to the sink, and ended. The exchange is freed */
	EXCHANGE_INSIDE, /* an internal redirect: respond to the kept head, which is rewritten. The exchange is freed */
	EXCHANGE_FAILED, /* nothing of a response was sent: respond with req->error_status. The exchange is freed */
};

/*
 * Starts the exchange of a request, which is kept, with the backend of its route. The sink's resume() is called when exchange_next() may
 * return a new result. Returns 0, or the status of an error response.
 */
uint16_t exchange_start(struct request *req);

/* Ends the exchange early, because the client disconnected or its request was refused. */
void exchange_abandon(struct request *req);

/* Completes the access record of a request whose thread stops. Its backend stays as it is, because the loop is freed. */
void exchange_stop(struct request *req);

/* Frees the exchange. Its streams are closed already, or peer_streams_free() frees them. */
void exchange_free(struct request *req);

/* Returns the next step. Call it after every event, while no send to the client is under way. */
enum exchange_next exchange_next(struct request *req);

/* Resumes a backend that was paused because too much content waited. Call it after req->ready was taken. */
void exchange_writable(struct request *req);

/* True if both sides have agreed on an Upgrade. */
bool exchange_is_tunnel(const struct request *req);

/* True if the exchange accepts bytes now: of the request body, or of the tunnel after an Upgrade. */
bool exchange_takes(const struct request *req);

/* True if exchange_splice_request() reads the client's socket. Then the loop must not receive from it. */
bool exchange_splices_request(const struct request *req);

/* Handles the readable event of the client's channel. */
void exchange_readable(struct request *req);

/*
 * Splices available bytes from the client to the backend, if exchange_splices_request(). All input received before was given to
 * exchange_body(). Returns false if the client has closed its side.
 */
bool exchange_splice_request(struct request *req);

/* True if the end of the request body has not been received. */
bool exchange_awaits_body(const struct request *req);

/*
 * Consumes len body bytes from the client, if exchange_takes(). Returns the number consumed. The rest belongs to the next request.
 * *refusal is TUX_ACCEPTED, or the reason for refusing the body.
 */
uint32_t exchange_body(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal);

/* Ends the exchange after the client has closed its side. The caller closes the connection. */
void exchange_client_ended(struct request *req);

/* True if the response head has been queued or sent. */
bool exchange_answered(const struct request *req);

#endif
