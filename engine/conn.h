/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two structures that the files of the engine share: a worker thread, and a connection of a client. */
#ifndef TUX_ENGINE_CONN_H
#define TUX_ENGINE_CONN_H

#include <pthread.h>

#include "../core/response_parse.h"
#include "io/buffer.h"
#include "backend/cgi.h"
#include "kernel_link.h"
#include "io/loop.h"
#include "log/error_line.h"
#include "log/record_ring.h"
#include "log/request_id.h"
#include "io/splice.h"
#include "io/timer.h"
#include "backend/upstream.h"
#include "request.h"

enum {
	OUT_BYTES = 16384,         /* of heads and small bodies that are sent together */
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

enum conn_state {
	CONN_HEAD,                /* waits for a request head, or receives it */
	CONN_BODY,                /* discards the request body */
	CONN_LOADING,             /* the request waits for a file or a listing */
	CONN_HELD,                /* responds to the request as soon as the output has room */
	CONN_EXCHANGE,            /* a backend responds: exchange.h moves the bodies */
	CONN_LINGERING,           /* has responded and shut down; discards input until the client closes */
	CONN_HAND_BACK,           /* leaves the loop for another engine; input that arrives meanwhile is kept */
	CONN_CLOSED,
};

/* About 300 bytes. Data that only active connections need is behind pointers. */
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
	bool parked;              /* accepted over the limit: unread until another connection closes */
	bool from_kernel;         /* came from the kernel engine, and returns to it when idle */
	bool handover_failed;     /* the kernel engine could not hand it over: its next request gets 503 */
	bool log_waits;           /* waits for room for an access record */
	uint8_t phase;            /* enum tux_phase */
	uint8_t listener;         /* number of the listener that accepted it */
	uint16_t port;
	uint8_t address[16];
	int64_t unsent_us;        /* began_us of the first response that is not completely sent */
	unsigned unsent;          /* responses that are not completely sent */
	uint32_t seen;            /* bytes of in.data already found to be an incomplete head */
	struct buffer in;         /* received, not yet parsed */
	struct request *request;  /* from its complete head until its response has been sent; NULL: idle, or reads a head */
	struct out *out;
	struct body_source source;
	struct conn *next_waiting; /* waits for the log */
	uint64_t acked;           /* bytes acknowledged by the client at the last check of the send timeout */
};

struct passing;
struct totals;

struct worker {
	const struct tux_engine_config *config;
	const struct loop_ops *ops;
	struct loop *loop;
	struct files files;
	struct requests requests;
	struct timers timers;
	struct streams streams;       /* to and from backends */
	struct pipes pipes;           /* for splicing bodies of backends */
	struct upstream *upstreams;   /* config->upstream_count */
	struct cgi cgi;
	int spawner_fd;               /* -1: no spawner */
	struct record_ring records;
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
	struct tux_response received; /* scratch: a response of a backend */
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
