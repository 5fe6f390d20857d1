/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request, from its head to the last byte of its response. It comes from a free list of the thread when a head is complete, or
 * when an error response is due without one. An idle connection has no request.
 */
#ifndef TUX_ENGINE_REQUEST_H
#define TUX_ENGINE_REQUEST_H

#include "../core/body.h"
#include "../core/request.h"
#include "files/lookup.h"
#include "io/buffer.h"
#include "log/cause.h"
#include "request_events.h"
#include "sink.h"
#include "thread.h"

enum {
	REQUEST_PATH_BYTES = 512, /* of a normalised path that is kept in the request itself; a longer one is malloc'ed */
};

struct conn;
struct exchange;
struct fetch;
struct tux_loaded;
struct tux_req;

/* The client of a request. */
struct client {
	struct channel *channel; /* the connection's socket: for its addresses, and for splicing from it */
	uint16_t port;           /* 0: a Unix socket, or addresses are not wanted (config->addresses) */
	uint8_t listener;        /* number of the listener that accepted the connection */
	bool secure;             /* the connection speaks TLS */
	bool resumed;            /* it has resumed a session of TLS */
	uint16_t tls_version;    /* 0x0303: TLS 1.2; 0x0304: TLS 1.3; 0: it does not speak TLS */
	uint16_t tls_cipher;     /* number of the cipher suite, as IANA assigns them */
	const char *tls_name;    /* of the host that the client named to TLS, of at most 255 bytes; NULL: it named none */
	const struct tls_context *context; /* certificates of the connection; NULL: it does not speak TLS */
	const struct tls_identity *identity; /* of the client; NULL: it has no certificate */
	const struct tls_context *selected; /* certificates of the host that the client named to TLS; NULL: it named none */
	uint8_t address[16];
};

/* The progress of a request. */
enum request_state {
	REQUEST_HEAD,      /* its head is complete */
	REQUEST_BODY,      /* its body is received and discarded */
	REQUEST_LOADING,   /* waits for a file or a listing */
	REQUEST_HELD,      /* its response is due as soon as the sink has room */
	REQUEST_HANDLER,   /* a handler that takes time responds, such as a backend: request_events.h */
	REQUEST_RESPONDED, /* its response was given to the sink, and is being sent */
};

/* The progress of a response that a module gives in pieces. */
enum module_stream {
	MODULE_STREAM_NONE,  /* the response is none, or has not begun */
	MODULE_STREAM_BEGUN, /* the sink has its head */
	MODULE_STREAM_ENDED, /* the sink has the end of its content */
};

/* The head that the client has sent, after an internal redirect has replaced it. */
struct client_head {
	struct buffer bytes;
	struct tux_request head;
};

/* A target of the host with which the module of a route has replied in the kernel. */
struct chosen_target {
	uint32_t target_len; /* bytes */
	uint32_t lines_len;  /* bytes of the field lines that the module has added */
	uint8_t text[];      /* the target, followed by the lines */
};

struct request {
	struct request *next;      /* next spare request */
	struct thread *thread;
	struct conn *conn;         /* connection that gets the response; for http/ only */
	const struct client *client; /* the connection's */
	const struct sink *sink;   /* gets the response */
	uint8_t state;             /* enum request_state */
	const uint8_t *bytes;      /* of the head: in the receive buffer, or in kept if the request has to wait */
	uint32_t bytes_len;
	struct buffer kept;
	const struct tux_host *host; /* NULL: not chosen yet */
	const struct tux_route *matched; /* route of the path; NULL: no route */
	const struct tux_route *route; /* like matched, or the one that responds in its place */
	const struct tux_fields *fields; /* of the response: the route's or the host's */
	uint64_t max_body_bytes;   /* the route's or the host's; more is 413 */
	struct tux_body body;
	uint8_t handler;           /* enum dispatch_handler */
	uint8_t body_use;          /* enum dispatch_body */
	bool lacks_slash;          /* a route has this path with a slash after it, unless a file has the path */
	bool pipelined;            /* more input follows: the response does not say Connection: close */
	bool unread;               /* the client may still be sending its body, which nobody reads: the connection ends after the response */
	bool by_reference;         /* the sink sends the response's body later, by reference */
	bool internal;             /* internal routes and hidden files may respond */
	uint8_t internal_redirects; /* by backends */
	uint8_t parsed;            /* heads parsed: one, and one for each internal redirect */
	uint8_t routed;            /* like parsed, but for routes */
	uint16_t status;           /* response to a method that no file has; 0: the method is GET or HEAD */
	uint16_t error_status;     /* response because the backend failed; 0: no failure */
	struct cause cause;        /* of a 403 or 5xx */
	bool chunked;              /* for the sink: the content of the response is sent in chunks */
	bool chunk_open;           /* for the sink: the CRLF after a spliced chunk is still due */
	struct buffer ready;       /* content of the response that the sink has not begun to send */
	uint64_t sent_bytes;       /* bytes of the response that the sink has begun to send */
	uint64_t tunnel_bytes;     /* bytes that the client has sent after an Upgrade */
	int64_t began_us;          /* completion of the head, since 1970 */
	uint64_t id;               /* for logs; 0: no line needed it yet */
	struct load_waiter load;   /* files and listings for the response */
	struct tux_access_record *record; /* of a response that takes time to send, followed by its texts; malloc'ed */
	const struct request_events *events; /* of the handler that takes time; NULL: none */
	struct exchange *exchange; /* with a backend */
	struct fetch *fetch;       /* whose request it is; NULL: a client's */
	struct tux_loaded *module; /* that responds; NULL: none */
	struct tux_req *call;      /* of the module */
	uint8_t module_stream;     /* enum module_stream */
	bool declined;             /* the module leaves the request to others */
	bool kernel_declined;      /* it has done so in the kernel; for the first dispatch */
	struct chosen_target *chosen; /* malloc'ed: its reply in the kernel, for HANDLER_CHOSEN; NULL: none */
	struct tux_fields *own;    /* malloc'ed: replaces the route's fields after an internal redirect; NULL: the route's */
	struct client_head *client_head; /* malloc'ed; NULL: head is the client's */
	struct backend *backend;   /* malloc'ed: the backend that failed to respond; NULL: unknown, or no backend failed */
	uint8_t *path;             /* normalised; in short_path or malloc'ed */
	uint32_t path_len;
	struct tux_request head;   /* spans of bytes */
	uint8_t short_path[REQUEST_PATH_BYTES];
};

/* The spare requests of a thread. Zero-initialize before use. */
struct requests {
	struct request *spare;
	unsigned spare_count;
};

/* Returns a request with everything unset but its thread; the head is undefined. Returns NULL if out of memory. */
struct request *request_get(struct thread *thread);

/* Frees what a request holds, except its access record, after its response was queued. */
void request_release(struct request *req);

/* Releases a request and puts it back. It waits for no load, and its exchange is freed. */
void request_put(struct request *req);

/* Sets the head of a request without one: no method, no target, HTTP/1.1. */
void request_without_head(struct request *req);

/* Copies the head out of the receive buffer, because the request has to wait. Returns false if out of memory. */
bool request_keep(struct request *req);

/* Points req->path at room for len bytes. Returns false if out of memory. */
bool request_path_room(struct request *req, uint32_t len);

/* Frees the spare requests. */
void requests_free(struct requests *requests);

/* True if one of the field lines of an application is a Cache-Control, which replaces that of the configuration. */
bool request_lines_cache(struct tux_octets lines);

/*
 * Copies field lines of an application, each ending in CRLF, to out, which has room for len bytes and may be lines. Leaves out those whose
 * fields the configuration sets or removes. Returns the bytes copied.
 */
uint32_t request_lines_kept(const struct request *req, uint8_t *out, const uint8_t *lines, uint32_t len);

#ifdef TUX_CHECK_REQUESTS
/* Ends the program unless the state can follow the request's. */
void request_check_state(const struct request *req, enum request_state state);
#else
static inline void request_check_state(const struct request *req, enum request_state state)
{
	(void)req;
	(void)state;
}
#endif

static inline void request_set_state(struct request *req, enum request_state state)
{
	request_check_state(req, state);
	req->state = (uint8_t)state;
}

/* Returns the request that waits. */
static inline struct request *request_of_waiter(struct load_waiter *waiter)
{
	return (struct request *)((char *)waiter - offsetof(struct request, load));
}

/* Returns the head as the client has sent it, before any internal redirect, and its bytes. */
static inline const struct tux_request *request_client_head(const struct request *req)
{
	return req->client_head != NULL ? &req->client_head->head : &req->head;
}

static inline const uint8_t *request_client_bytes(const struct request *req)
{
	return req->client_head != NULL ? req->client_head->bytes.data : req->bytes;
}

/* True if a body follows the head. */
static inline bool request_has_body(const struct request *req)
{
	return req->head.framing == TUX_FRAMING_CHUNKED || req->head.content_length > 0;
}

#endif
