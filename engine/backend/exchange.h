/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An exchange: one request that a peer answers, an upstream server or a program. The request's head is written anew from what was
 * parsed, its body goes to the peer as it comes, or is kept until it is whole; the response comes back the same way. Either side waits for the other when
 * STREAM_ROOM bytes are on their way.
 */
#ifndef TUX_ENGINE_BACKEND_EXCHANGE_H
#define TUX_ENGINE_BACKEND_EXCHANGE_H

#include "../conn.h"

/* For cgi_open(): what a program's end means here. */
extern const struct cgi_events exchange_cgi_events;

/* What a connection does with an exchange next. */
enum exchange_next {
	EXCHANGE_QUEUED, /* there is something to be sent to the client */
	EXCHANGE_WAITS,  /* for the peer, or for the request's body */
	EXCHANGE_OVER,   /* the response is whole and sent: the connection goes on, unless conn->close_after_response */
	EXCHANGE_INSIDE, /* the peer has left the answer to us: the held head says what to; the exchange is gone */
	EXCHANGE_FAILED, /* nothing of a response was sent: answer with conn->error_status; the exchange is gone */
};

/*
 * Begins the exchange of the request in worker->request, whose head is held in conn->head, with the peer of its route. resume is
 * called when exchange_next() may say something new. 0, or the status that answers instead.
 */
uint16_t exchange_start(struct conn *conn, const struct tux_route *route, void (*resume)(struct conn *conn));

/* Ends it where it is, as the client is gone or was refused. */
void exchange_abandon(struct conn *conn);

/* Frees it, whose peer is gone already or goes with the loop. */
void exchange_free(struct conn *conn);

/* After whatever happened, when nothing is being sent to the client. */
enum exchange_next exchange_next(struct conn *conn);

/* True if both sides have agreed on an Upgrade. */
bool exchange_is_tunnel(const struct conn *conn);

/* Whether bytes of the request's body are wanted now, or what comes behind an Upgrade. */
bool exchange_takes(const struct conn *conn);

/* Whether nothing is to be received from the client, as exchange_splice_request() takes it out of the socket. */
bool exchange_splices_request(const struct conn *conn);

/* The client's channel says that it is readable. */
void exchange_readable(struct conn *conn);

/* Moves on what the client has sent, as far as it goes, while exchange_splices_request(). */
void exchange_splice_request(struct conn *conn);

/* Whether the request's body has not come to its end. */
bool exchange_awaits_body(const struct conn *conn);

/*
 * Takes body bytes that came from the client, while exchange_takes(). Returns how many were used, all but what belongs to the next
 * request; *refusal is TUX_ACCEPTED, or why the body is refused.
 */
uint32_t exchange_body(struct conn *conn, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal);

/* The client has closed its side: nobody waits for the response, and the peer is told so. The caller closes the connection. */
void exchange_client_ended(struct conn *conn);

/* Whether a response's head has gone out. */
bool exchange_answered(const struct conn *conn);

#endif
