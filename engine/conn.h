/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two structures that the files of the engine share: a worker thread, and a connection of a client. */
#ifndef TUX_ENGINE_CONN_H
#define TUX_ENGINE_CONN_H

#include <pthread.h>

#include "../core/body.h"
#include "../core/response_parse.h"
#include "io/buffer.h"
#include "backend/cgi.h"
#include "kernel_link.h"
#include "files/listing_cache.h"
#include "files/load.h"
#include "files/loader.h"
#include "io/loop.h"
#include "log/backend_note.h"
#include "log/error_line.h"
#include "log/record_ring.h"
#include "log/request_id.h"
#include "io/splice.h"
#include "io/timer.h"
#include "backend/upstream.h"

enum {
	OUT_BYTES = 16384,         /* of heads and small bodies that are sent together */
	MAX_MISSES = 1024,        /* loads under way, per thread; more is 503 */
	MAX_LOADED = 3,           /* paths per request: its own, the root's index, the page for 404 */
	MAX_WAITS = 8,             /* loads that one request may wait for; more is 503 */
};

struct conn;

/* Bytes being sent: heads and small bodies are copied here. Only connections that send have one. */
struct out {
	struct out *next;         /* next spare buffer */
	struct msghdr message;
	struct iovec iov[LOOP_MAX_IOV];
	uint32_t len;
	uint32_t sent;
	uint8_t data[OUT_BYTES];
};

/* A part of a body. */
struct body_part {
	const uint8_t *memory;    /* NULL: the part is in source.fd, from off */
	uint64_t off;
	uint64_t len;
};

/* A body that is sent after out, by reference. */
struct body_source {
	struct object *object;    /* reference that keeps memory and fd alive */
	int fd;
	bool pipe;                /* fd is the end of a pipe */
	uint32_t count;           /* parts; 0: no body */
	uint32_t at;
	struct body_part *piece;   /* &one, or malloc'ed */
	struct body_part one;
	uint8_t *text;         /* malloc'ed: part heads, a report */
	struct page *page;     /* a reference */
	uint8_t *window;          /* malloc'ed: buffer through which a file is copied */
	uint32_t window_len;
	uint32_t window_at;
};

/* An object being loaded or a listing being made, and the connections that wait for it. */
struct pending_load {
	struct listing_wait wait; /* first member: its job is the load's, or comes back with a listing */
	struct load load;
	struct pending_load *next;
	struct conn *waiting;
	unsigned generation;      /* of the watch at the start */
	bool listing;
	bool unfinished;          /* takes long: the loader continues it as a slow job */
	uint32_t key_len;
	uint8_t key[];
};

enum conn_state {
	CONN_HEAD,                /* waits for a request head, or receives it */
	CONN_BODY,                /* discards the request body; keeps the head */
	CONN_LOADING,             /* waits for a file or a listing; keeps the head */
	CONN_HELD,                /* responds to the kept head as soon as the output has room */
	CONN_EXCHANGE,            /* a backend responds: exchange.h moves the bodies */
	CONN_LINGERING,           /* has responded and shut down; discards input until the client closes */
	CONN_CLOSED,
};

/* About 500 bytes. Data that only active connections need is behind pointers. */
struct conn {
	struct channel channel;   /* first member: events of the loop pass its address */
	struct timer timer;
	struct worker *worker;
	struct conn *next, *prev; /* connections of the worker */
	uint8_t state;            /* enum conn_state */
	bool sending;
	bool direct;              /* the socket is set up for sendfile(2) */
	bool close_after_response; /* closes after everything queued has been sent */
	bool linger;              /* the client may still be sending: drain its input before closing */
	bool client_closed;       /* the client has sent its FIN */
	bool pipelined;           /* more input follows the current request: its response does not say Connection: close */
	bool parked;              /* accepted over the limit: unread until another connection closes */
	bool resumed;             /* bytes were just sent or received: the next wait begins now */
	bool from_kernel;         /* came from the kernel engine, and returns to it when idle */
	uint16_t error_status;    /* response to the kept head because its backend failed; 0: none */
	bool log_waits;           /* waits for room for an access record */
	bool returning;           /* being handed back: input that arrives meanwhile is kept */
	uint8_t phase;            /* enum tux_phase */
	uint8_t waits;            /* loads that the current request has waited for */
	uint8_t listener;         /* number of the listener that accepted it */
	uint8_t refused;          /* enum tux_refusal of the current request */
	struct cause cause;       /* of a 403 or 5xx for the current request */
	const struct tux_site *site; /* of the current request; the listener's fallback until the head is complete */
	const struct tux_fields *fields; /* of the current response: its route's or the site's */
	uint16_t port;
	uint8_t address[16];
	int64_t began_us;         /* completion of the current head, since 1970 */
	int64_t unsent_us;        /* began_us of the first response that is not completely sent */
	unsigned unsent;          /* responses that are not completely sent */
	uint32_t seen;            /* bytes of in.data already found to be an incomplete head */
	struct buffer in;         /* received, not yet parsed */
	struct buffer head;       /* of the current request, if it has to wait */
	struct buffer client_head; /* head as the client sent it, if an internal redirect has replaced it */
	struct tux_body body;
	uint64_t max_body_bytes;  /* of the current request: its route's or the site's; more is 413 */
	struct out *out;
	struct body_source source;
	struct pending_load *pending;
	struct conn *next_waiting; /* waits for the same load, or for the log */
	struct object *loaded[MAX_LOADED]; /* results of loads for the current request */
	struct page *listing;     /* like loaded: a reference to a listing */
	bool listing_failed;
	struct tux_access_record *record; /* of a response that takes time to send, followed by its texts */
	struct exchange *exchange; /* in state CONN_EXCHANGE */
	struct tux_fields *own;   /* malloc'ed: replaces the route's fields after an internal redirect; NULL: the route's */
	uint8_t internal_redirects; /* by backends, of the current request */
	struct backend *backend;  /* malloc'ed: the backend that failed to respond; NULL: unknown, or no backend failed */
	uint64_t id;              /* of the request under way, for logs; 0: no line needed it yet */
	bool internal;            /* internal routes and hidden files may respond */
	uint64_t acked;           /* bytes acknowledged by the client at the last check of the send timeout */
};

struct passing;
struct totals;

struct worker {
	const struct tux_engine_config *config;
	const struct loop_ops *ops;
	struct loop *loop;
	struct loader *loader;
	struct listing_cache *listings;    /* the engine's */
	struct cache cache;
	struct watch watch;
	struct timers timers;
	struct streams streams;       /* to and from backends */
	struct pipes pipes;           /* for splicing bodies of backends */
	struct upstream *upstreams;   /* config->upstream_count */
	struct cgi cgi;
	int spawner_fd;               /* -1: no spawner */
	struct record_ring records;
	struct inbox inbox;
	struct tux_counters counters; /* written by the worker, read by all threads */
	struct tux_peer_counters *peers; /* like counters: one per upstream server, in the order of the configuration */
	struct tux_program_counters *programs; /* like counters: one per kind of CGI programs */
	const struct totals *tally;    /* the engine's */
	struct source wake;
	struct source inotify;
	struct source finished;
	struct source handed_up;
	struct source passed;         /* delivers connections of retired engines; fd -1: unused */
	struct passing *passing;      /* the engine's: for passing connections after it retires */
	uint64_t pass_again_ms;       /* earliest time to pass the next connection; 0: now */
	struct kernel_link *kernel;        /* the engine's; fd -1: no kernel engine */
	struct acceptor *acceptor;    /* malloc'ed */
	const bool *by_kernel;        /* the engine's, per listener: true if the kernel engine accepts there */
	unsigned acceptor_count;      /* 0 after close_acceptors() */
	bool accepting;
	bool left;                    /* a connection has closed since the last turn, so another may fit */
	uint64_t accept_again_ms;     /* time to retry accepting; 0: no retry is due */
	unsigned open;
	unsigned parked;              /* of open: those that wait for others to close */
	unsigned *active;             /* connections of all workers and the kernel engine that are not parked */
	struct conn *conns;
	struct pending_load *misses;
	unsigned miss_count;
	struct conn *log_first;       /* connections that wait for room for access records, oldest first */
	struct conn **log_end;
	struct error_lines error_lines;
	struct request_ids ids;
	uint64_t log_full_ms;         /* start of the current shortage of room for records; 0: no shortage */
	struct out *spare;
	unsigned spare_count;
	uint64_t now_ms;              /* monotonic, at the start of this turn of the loop */
	int64_t now_s;
	int64_t now_us;               /* since 1970 */
	uint8_t date[TUX_DATE_LEN];
	bool leaving;                 /* responses have Connection: close */
	bool draining;                /* accepts no more; implies leaving */
	bool hurried;                 /* idle connections have the final short timeout */
	bool *keeps_listeners;        /* the engine's, like the flags go to stop */
	unsigned *accepting_workers;  /* the engine's: the last worker closes the shared listeners */
	bool *go;                     /* start to accept. Until then the engine may still fail to start, so it accepts no client */
	bool *leave;
	bool *drain;
	bool *retire;
	bool *stop;
	int log_event_fd;
	bool *log_sleeps;
	struct tux_request request;   /* scratch: the current request */
	const struct tux_route *route; /* scratch: route of request; NULL: no route */
	struct tux_response received; /* scratch: a response of a backend */
	uint32_t path_len;
	uint8_t path[TUX_MAX_TARGET]; /* scratch: normalised path of request */
	pthread_t thread;
	bool started;
	pthread_mutex_t state_lock;   /* protects the members after it */
	pthread_cond_t state_moved;
	bool serving;
	bool fell_back;               /* to epoll, because the limit of locked memory is reached */
	bool ended;
	int error;                    /* errno that prevented serving */
};

/* Sets the phase of a connection, and updates the counters of both phases. */
static inline void conn_phase(struct conn *conn, enum tux_phase phase)
{
	uint64_t *phases = conn->worker->counters.phase;

	if (conn->phase == phase)
		return;
	count(&phases[conn->phase], UINT64_MAX);
	count(&phases[phase], 1);
	conn->phase = (uint8_t)phase;
}

#endif
