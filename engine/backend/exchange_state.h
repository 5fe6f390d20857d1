/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State of an exchange, shared by exchange.c (the response and the backend), exchange_request.c (the request body) and
 * exchange_handler.c (the functions that http/ calls).
 */
#ifndef TUX_ENGINE_BACKEND_EXCHANGE_STATE_H
#define TUX_ENGINE_BACKEND_EXCHANGE_STATE_H

#include "../request.h"
#include "../log/error_line.h"
#include "response_body.h"
#include "request_body.h"
#include "request_head.h"

enum exchange_state {
	EXCHANGE_KEEPING,     /* receives and spools the request body; no backend has the request yet */
	EXCHANGE_CONNECTING,
	EXCHANGE_HEAD,        /* waits for the response head */
	EXCHANGE_BODY,
	EXCHANGE_TUNNEL,      /* both sides speak another protocol after an Upgrade */
	EXCHANGE_ENDED,       /* the sink has the response, complete or truncated */
	EXCHANGE_NO_RESPONSE, /* an error response with status is due */
	EXCHANGE_ELSEWHERE,   /* an internal redirect: the kept head is rewritten */
};

struct exchange {
	struct request *req;
	struct upstream *upstream;      /* NULL: the backend is a program */
	struct upstream_server *server; /* the server that has the request */
	uint64_t tried;       /* bit set of the upstream's servers */
	struct cgi_program *program;
	unsigned rule;        /* index of the program's kind */
	uint16_t end_status;  /* response status if the ended program wrote nothing; 0: it runs */
	struct cause end_cause; /* cause of end_status */
	struct buffer program_name; /* its path, or that of its script and the rest of the request path */
	bool from_ended;      /* the program has closed its output */
	struct peer_stream *to;    /* for the request; NULL: closed */
	struct peer_stream *from;  /* for the response; equals to for an upstream */
	uint8_t state;        /* enum exchange_state */
	bool head_request;    /* the method is HEAD */
	bool repeatable;      /* the request may reach two servers without harm */
	bool measured;        /* the request has a Content-Length */
	bool upgrade;         /* the client requests an Upgrade that is allowed */
	bool until_close;     /* the response ends when its connection closes */
	bool whole;           /* the whole response body has been spliced */
	bool truncated;       /* the response is incomplete */
	bool keep_alive;      /* the backend's connection may carry another request */
	bool paused;          /* the backend is paused because the sink is full */
	uint16_t status;      /* valid in EXCHANGE_NO_RESPONSE */
	struct cause cause;   /* cause of status, or of the last failed attempt */
	uint32_t seen;        /* bytes of head already found to be an incomplete head */
	struct buffer request; /* rewritten request head, kept for retries until the response */
	struct buffer head;    /* response head received so far */
	struct request_body upload;
	struct request_framing framing; /* of the body for the backend */
	struct response_body relay;
	struct splice down; /* splice of the response, or of the tunnel to the client */
	int64_t asked_us;     /* time of sending the request to the backend, since 1970; 0: not sent */
	int64_t ended_us;     /* time of releasing the backend, since 1970; 0: not released */
};

/* Starts the exchange of a request like exchange_start(), but leaves req->events. */
uint16_t exchange_open(struct request *req);

/* Splices bytes from the backend. Returns true if bytes for the client are queued. */
bool exchange_draw(struct exchange *exchange);

/* Ends the exchange early, because the client disconnected or its request was refused. */
void exchange_abandon(struct request *req);

/* Frees the exchange, and clears req->events. Its streams are closed already, or peer_streams_free() frees them. */
void exchange_free(struct request *req);

/* Sets program_name for logs: the program of a route, or its script. The name stays empty or short if out of memory. */
void exchange_name_program(struct exchange *exchange, const struct tux_route *route);

/* Returns the backend's name for logs. */
struct error_line_backend exchange_backend(const struct exchange *exchange);

/* Returns the cause of refusing the response head. */
struct cause exchange_head_cause(const struct exchange *exchange, const struct tux_response *res);

/* Returns the cause of a failed connection to a backend. If TLS failed, error is EPROTO, and it is the reason of TLS. */
struct cause exchange_stream_cause(const struct peer_stream *stream, enum why why, int error);

/* Returns the cause of a connection to a server that is not established in time. */
struct cause exchange_connect_time_cause(const struct peer_stream *stream);

/* Writes the bytes of both sides and the backend's time into the access record of the response. */
void exchange_record(const struct exchange *exchange);

/* Copies the cause and the backend's name to the request, whose response is then an error. */
void exchange_leave_to_request(struct exchange *exchange);

/* Starts or stops the timer of the backend, as the state requires. */
void exchange_wait(struct exchange *exchange);

/* Sends a request with a completely spooled body to its backend. The caller resumes the connection. */
void exchange_give(struct exchange *exchange);

/* Prepares an error response with status, because the body cannot be spooled. No backend gets the request. */
void exchange_keep_failed(struct exchange *exchange, uint16_t status, struct cause cause);

/* Closes the input of a program after the last byte of the request body was written. */
void exchange_end_input(struct exchange *exchange);

/* Marks the backend as accepting no more bytes. */
void exchange_deafen(struct exchange *exchange);

/*
 * Ends an exchange whose backend cannot get the rest of the body. The backend must never treat a partial body as complete. The
 * caller resumes the connection.
 */
void exchange_break(struct exchange *exchange, struct cause cause);

/* Functions of struct request_events, for the request body and the tunnel. */
bool exchange_takes(const struct request *req);
bool exchange_is_tunnel(const struct request *req);
bool exchange_awaits_body(const struct request *req);
bool exchange_splices_request(const struct request *req);
bool exchange_splice_request(struct request *req);
void exchange_readable(struct request *req);
uint32_t exchange_body(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal);

#endif
