/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two structures that the engine's files share: a thread, and a connection of it. */
#ifndef TUX_ENGINE_CONN_H
#define TUX_ENGINE_CONN_H

#include <pthread.h>

#include "../core/body.h"
#include "../core/received.h"
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
	MAX_MISSES = 1024,         /* loads under way, a thread; more is 503 */
	MAX_LOADED = 3,            /* paths that one request may be about: its own, the root's index, the page for 404 */
	MAX_WAITS = 8,             /* loads that one request may wait for; more is 503 */
};

struct conn;

/* What is being sent: heads and small bodies, copied here. Only connections that send have one. */
struct out {
	struct out *next; /* of the spare ones */
	struct msghdr message;
	struct iovec iov[LOOP_MAX_IOV];
	uint32_t len;
	uint32_t sent;
	uint8_t data[OUT_BYTES];
};

/* A part of a body. */
struct piece {
	const uint8_t *memory; /* NULL: in the file fd of the answer, from off */
	uint64_t off;
	uint64_t len;
};

/* The body behind out, when it is not copied there. */
struct answer {
	struct object *object; /* the reference that keeps memory and fd alive */
	int fd;
	bool pipe;             /* fd is a pipe's end: what is in there is sent */
	uint32_t count;        /* of pieces; 0: there is no such body */
	uint32_t at;
	struct piece *piece;   /* &one, or malloc'ed */
	struct piece one;
	uint8_t *text;         /* malloc'ed: part heads, a report */
	struct page *page;     /* a reference */
	uint8_t *window;       /* malloc'ed: what a file is copied through */
	uint32_t window_len;
	uint32_t window_at;
};

/* An object being loaded or a listing being made, and who waits for it. */
struct miss {
	struct listing_wait wait; /* first: its job is the load's, or delivered with a listing */
	struct load load;
	struct miss *next;
	struct conn *waiting;
	unsigned generation;  /* of the watch when it began */
	bool listing;
	bool unfinished;      /* it takes long: the loader shall run it as a slow job */
	uint32_t key_len;
	uint8_t key[];
};

enum conn_state {
	CONN_HEAD,      /* a request head is awaited or comes in */
	CONN_BODY,      /* its body is read past; the head is held */
	CONN_LOADING,   /* a miss is under way; the head is held */
	CONN_HELD,      /* the held head is to be answered as soon as there is room */
	CONN_EXCHANGE,  /* a peer answers it: exchange.h has the request's body and the response */
	CONN_LINGERING, /* answered and shut down; what comes is dropped */
	CONN_CLOSED,
};

/* About 400 bytes; what is only needed while something happens hangs on pointers. */
struct conn {
	struct channel channel; /* first: the loop's events give this */
	struct timer timer;
	struct worker *worker;
	struct conn *next, *prev; /* all of the worker's */
	uint8_t state;            /* enum conn_state */
	bool sending;
	bool direct;              /* the socket is set up for sendfile(2) */
	bool last;                /* close when what is queued has been sent */
	bool linger;              /* the peer may still be sending: do not reset it */
	bool ended;               /* the peer has sent its FIN */
	bool followed;            /* bytes have come behind the request under way: the connection is not told to close yet */
	bool parked;              /* accepted beyond the limit: nothing is read of it until there is room */
	bool resumed;             /* just sent: the next wait begins now */
	bool from_kernel;         /* the kernel engine gave it, and gets it back when it is idle */
	uint16_t failed;          /* the status that answers the next request, as its peer does not; 0: none */
	bool log_waits;           /* what comes next has to wait until there is room for its access record */
	bool returning;           /* on its way there: what comes meanwhile is kept */
	uint8_t phase;            /* enum tux_phase */
	uint8_t waits;            /* loads that the held request has waited for */
	uint8_t listener;         /* that accepted it: its number */
	uint8_t refused;          /* enum tux_refusal: why the request under way is to be refused */
	struct cause cause;       /* of the 403 or 5xx that the request under way gets from us */
	const struct tux_site *site; /* of the request under way; before it is known, the listener's fallback */
	const struct tux_fields *fields; /* of the answer under way: its route's, or the site's */
	uint16_t port;
	uint8_t address[16];
	int64_t began_us;         /* when the head of the request under way was whole, since 1970 */
	int64_t unsent_us;        /* the same, of the first answer that is not with the kernel yet */
	unsigned unsent;          /* such answers */
	uint32_t seen;            /* bytes of in.data that are known to be an incomplete head */
	struct bytes in;          /* came in and not yet parsed */
	struct bytes held;        /* the head of the request under way */
	struct bytes asked;       /* the same as the client has sent it, where a peer has put another one in its place */
	struct tux_body body;
	uint64_t max_body_bytes;  /* of the request under way, its route's or the site's; more is 413 */
	struct out *out;
	struct answer answer;
	struct miss *miss;
	struct conn *next_waiting; /* for the same miss, or for the log */
	struct object *loaded[MAX_LOADED]; /* what misses brought: for the held request alone */
	struct page *listing;     /* the same: a listing, a reference */
	bool listing_failed;
	struct tux_record *record; /* of an answer that takes time to send, its texts behind it */
	struct exchange *exchange; /* with CONN_EXCHANGE */
	struct tux_fields *own;   /* malloc'ed: in place of the route's, for an answer that a peer has left to us; NULL: they hold */
	uint8_t inside;           /* times that the request was sent elsewhere by its peers */
	struct backend *backend;  /* malloc'ed: it failed to respond to the request under way; NULL: none did, or it is not known */
	uint64_t id;              /* of the request under way, for logs; 0: no line needed it yet */
	bool hidden;              /* what is hidden from clients may answer it */
	uint64_t acked;           /* bytes that the peer had acknowledged when the send timeout last looked */
};

struct passing;
struct tally;

struct worker {
	const struct tux_engine_config *config;
	const struct loop_ops *ops;
	struct loop *loop;
	struct loader *loader;
	struct listings *listings;    /* the engine's */
	struct cache cache;
	struct watch watch;
	struct timers timers;
	struct streams streams;       /* to peers */
	struct pipes pipes;           /* that bodies of peers go through */
	struct upstream *upstreams;   /* as many as the config has */
	struct cgi cgi;
	int spawner_fd;               /* -1: there is no spawner */
	struct records records;
	struct inbox inbox;
	struct tux_counters counters; /* written by the worker, read by all */
	struct tux_peer_counters *peers; /* the same: one for each upstream server, in the configuration's order */
	struct tux_program_counters *programs; /* the same: one for each kind of CGI programs */
	const struct tally *tally;    /* the engine's */
	struct source wake;
	struct source inotify;
	struct source finished;
	struct source handed_up;
	struct source passed;         /* connections of engines that retired; fd -1: none come */
	struct passing *passing;      /* the engine's: its own, when it retires */
	uint64_t pass_again_ms;       /* when the next one may be sent; 0: now */
	struct kernel *kernel;        /* the engine's; fd -1: there is none */
	struct acceptor *acceptor;    /* malloc'ed */
	const bool *by_kernel;        /* the engine's, of each listener: whether the kernel engine accepts there */
	unsigned acceptor_count;      /* 0 behind close_acceptors() */
	bool accepting;
	bool left;                    /* a connection has closed: there may be room for another */
	uint64_t accept_again_ms;     /* after running out of descriptors; 0: nothing to wait for */
	unsigned open;
	unsigned parked;              /* of those: they wait for others to close */
	unsigned *active;             /* connections of all workers and the kernel engine that are not parked */
	struct conn *conns;
	struct miss *misses;
	unsigned miss_count;
	struct conn *log_first;       /* they wait for room for access records, the longest first */
	struct conn **log_end;
	struct error_lines error_lines;
	struct request_ids ids;
	uint64_t log_full_ms;         /* when there was no room any more; 0: there is */
	struct out *spare;
	unsigned spare_count;
	uint64_t now_ms;              /* monotonic, of this turn of the loop */
	int64_t now_s;
	int64_t now_us;               /* since 1970 */
	uint8_t date[TUX_DATE_LEN];
	bool leaving;                 /* responses tell clients to close */
	bool draining;                /* accepts no more; leaving, too */
	bool hurried;                 /* idle connections have a last limit */
	bool *keeps_listeners;        /* the engine's flags */
	unsigned *accepting_workers;  /* the engine's: the last one closes what all share */
	bool *go;                     /* to accept: nobody is taken by an engine that may still fail to start */
	bool *leave;
	bool *drain;
	bool *retire;
	bool *stop;
	int log_event_fd;
	bool *log_sleeps;
	struct tux_request request;   /* scratch: of the request being answered */
	const struct tux_route *route; /* the same: its route; NULL: none */
	struct tux_received received; /* scratch: a response of a peer */
	uint32_t path_len;
	uint8_t path[TUX_MAX_TARGET]; /* the same: its path, normalised */
	pthread_t thread;
	bool started;
	pthread_mutex_t state_lock;   /* of what follows */
	pthread_cond_t state_moved;
	bool serving;
	bool fell_back;               /* to epoll, for want of memory that may be locked */
	bool ended;
	int error;                    /* why it ended without serving */
};

/* What a connection is at, from here on. */
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
