/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exchange is at, for the two files that have it: exchange.c, the response and the peer, and exchange_request.c, the request's body. */
#ifndef TUX_ENGINE_BACKEND_EXCHANGE_STATE_H
#define TUX_ENGINE_BACKEND_EXCHANGE_STATE_H

#include "../conn.h"
#include "../log/error_line.h"
#include "response_body.h"
#include "request_body.h"

enum exchange_state {
	EXCHANGE_KEEPING,     /* the request's body comes and is kept; no peer has the request yet */
	EXCHANGE_CONNECTING,
	EXCHANGE_HEAD,        /* the response's head is awaited */
	EXCHANGE_BODY,
	EXCHANGE_TUNNEL,      /* both sides speak something else now */
	EXCHANGE_ENDED,       /* the response is in relay or sent, whole or cut short */
	EXCHANGE_NO_RESPONSE, /* status answers */
	EXCHANGE_ELSEWHERE,   /* the held head, rewritten, answers */
};

struct exchange {
	struct conn *conn;
	void (*resume)(struct conn *conn);
	struct upstream *upstream;      /* NULL: a program answers */
	struct upstream_server *server; /* that has the request */
	uint64_t tried;       /* a set of the upstream's servers */
	struct cgi_program *program;
	unsigned rule;        /* of the program: its kind */
	uint16_t end_status;  /* the program has ended, and this answers if it wrote nothing; 0: it runs */
	struct cause end_cause; /* of end_status */
	struct buffer program_name; /* its path, or the one of its script with what follows in the request's path */
	bool from_ended;      /* it has closed its output */
	struct stream *to;    /* takes the request; NULL: nothing does any more */
	struct stream *from;  /* brings the response; an upstream's is the same */
	uint8_t state;        /* enum exchange_state */
	bool head_request;    /* HEAD */
	bool old_client;      /* HTTP/1.0 */
	bool repeatable;      /* it does no harm if the request reaches two servers */
	bool measured;        /* the request says how long its body is */
	bool upgrade;         /* the client asks for one, and may have it */
	bool until_close;     /* it ends where the connection does */
	bool whole;           /* all of its body was moved on */
	bool truncated;       /* it broke off */
	bool keep_alive;      /* the peer's connection may carry another request */
	bool paused;          /* the peer waits, as relay is full */
	uint16_t status;      /* with EXCHANGE_NO_RESPONSE */
	struct cause cause;   /* of status, or why no server could be tried */
	uint32_t seen;        /* bytes of head that are known to be an incomplete head */
	struct buffer request; /* its head, written anew; until the response, as it may have to be sent again */
	struct buffer head;    /* of the response, as far as it has come */
	struct request_body upload;
	struct tux_route route; /* while the body is kept: that of the request */
	struct buffer path;      /* the same: its path, normalised */
	struct response_body relay;
	struct splice down; /* of the response, or of what comes through a tunnel */
	uint64_t sent_bytes;  /* to the client */
	int64_t asked_us;     /* when the backend got the request, since 1970; 0: it has not */
	int64_t ended_us;     /* when the exchange was done with the backend; 0: it is not */
};

/* Names the program of a route, or its script, for logs; without memory they lack the name. */
void exchange_name_program(struct exchange *exchange, const struct tux_route *route);

/* Returns the backend's name for logs. */
struct error_line_backend exchange_backend(const struct exchange *exchange);

/* Returns why the response's head was refused. */
struct cause exchange_head_cause(const struct exchange *exchange, const struct tux_received *res);

/* Enters the bytes of both sides and the backend's time into the access record of the response. */
void exchange_record(const struct exchange *exchange);

/* Leaves the response to the connection, with what logs say of the backend that does not give it. */
void exchange_leave_to_conn(struct exchange *exchange);

/* Starts or ends the wait for the peer, whichever is due. */
void exchange_wait(struct exchange *exchange);

/* Gives the request, whose body is whole and kept, to the peer of its route. The connection is to go on. */
void exchange_give(struct exchange *exchange);

/* No peer gets the request, as its body cannot be kept: status answers, because of cause. */
void exchange_keep_failed(struct exchange *exchange, uint16_t status, struct cause cause);

/* Sends the end of a request's body to a program. */
void exchange_end_input(struct exchange *exchange);

/* The peer takes nothing more. */
void exchange_deafen(struct exchange *exchange);

/* Ends an exchange whose peer cannot get the rest of the body: a part of it is never taken for the whole. The connection is to go on. */
void exchange_break(struct exchange *exchange, struct cause cause);

#endif
