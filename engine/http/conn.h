/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections of clients, from accept to close. */
#ifndef TUX_ENGINE_HTTP_CONN_H
#define TUX_ENGINE_HTTP_CONN_H

#include "../io/buffer.h"
#include "../log/log_wait.h"
#include "../output.h"
#include "../request.h"
#include "../slot.h"
#include "handshake.h"
#include "passing.h"

enum conn_state {
	CONN_PARKED,    /* accepted over the limit: unread until another connection closes */
	CONN_READ,      /* reads a request, or waits for its response; nothing is being sent */
	CONN_WRITE,     /* the loop sends the output, or the output waits for bytes of a file */
	CONN_LOG_WAIT,  /* waits for room for an access record */
	CONN_LINGER,    /* has responded and sent FIN; discards input until the client closes */
	CONN_HAND_BACK, /* leaves the loop for another engine, or has left it; input that arrives meanwhile is kept */
	CONN_BROKEN,    /* out of memory: conn_step() closes it */
	CONN_CLOSED,
};

/* The connections of a thread. */
struct conns {
	struct thread *thread;
	struct conn *first;
	struct slots slots;
	struct passing *passing; /* the engine's */
	struct handshakes *table; /* the engine's */
	unsigned open;
	unsigned parked;         /* of open: those that wait for others to close */
	unsigned handshakes;     /* of open: those whose handshake of TLS is under way */
	bool left;               /* a connection has closed since the flag was cleared, so another may fit */
	uint64_t pass_again_ms;  /* earliest time to pass the next connection; 0: now */
};

/* About 400 bytes. Data that only active connections need is behind pointers. */
struct conn {
	struct channel channel;    /* first member: events of the loop pass its address */
	struct timer timer;
	struct thread *thread;
	struct conns *conns;
	struct conn *next, *prev;  /* connections of the thread */
	const struct sink *sink;   /* writes responses in the version that the client speaks */
	struct client client;
	uint8_t state;             /* enum conn_state */
	uint8_t phase;             /* enum tux_phase */
	bool close_after_response; /* closes after everything queued has been sent */
	bool linger;               /* the client may still be sending: drain its input before closing */
	bool client_closed;        /* the client has sent its FIN */
	bool counted;              /* takes a slot of the limit */
	uint8_t handshake;         /* of TLS, under way: the enum why of its failure if it ends now; 0: none is under way */
	bool limited;              /* its handshake is counted at place */
	uint16_t place[2];         /* of its client in conns->table */
	bool truncated;            /* its last response is not complete, and the client must be able to tell */
	bool from_kernel;          /* came from the kernel engine, and returns to it when idle */
	bool stays;                /* input has arrived while it was to return: it returns if it is recalled */
	bool recalled;             /* the kernel engine has the module of the last request now */
	uint16_t gives;            /* attempts left to give it to the kernel engine before anything is read; 0: it was not passed, or is read */
	uint8_t kernel_reason;     /* enum tux_reason: why the kernel engine has handed up its next request */
	bool kernel_declined;      /* the module of the next request's route has declined it in the kernel */
	struct chosen_target *chosen; /* malloc'ed: reply of that module in the kernel; NULL: none */
	bool chosen_lost;          /* it has replied, and memory for a copy was short: 503, because it is not called a second time */
	unsigned unsent;           /* responses that are not completely sent */
	int64_t unsent_us;         /* began_us of the first of them */
	struct request *request;   /* from its complete head until its response has been sent; NULL: idle, or reads a head */
	struct buffer in;          /* received, not yet parsed */
	uint32_t seen;             /* bytes of in already found to be an incomplete head */
	struct log_waiter log_waiter;
	struct output output;
};

/* Initializes the connections of a thread. */
void conns_init(struct conns *conns, struct thread *thread, struct slots slots, struct passing *passing, struct handshakes *table);

/* Opens a connection for a connected socket, from which nothing has been read. Returns NULL and closes fd on failure. */
struct conn *conn_open(struct conns *conns, int fd, unsigned listener);

/* Starts to receive, unless conn->gives attempts of giving it to the kernel engine are due first. The connection takes a slot of the limit. */
void conn_start(struct conn *conn);

/* Queues an error response without a request, then closes the connection. */
void conn_refuse(struct conn *conn, enum tux_refusal refusal);

/* Handles the expired timer of a connection. */
void conn_timeout(struct conn *conn);

/* Resumes all connections that wait for a finished load. */
void conns_loaded(struct conns *conns, struct pending_load *miss);

/* Resumes all connections that wait for a finished read of a file. */
void conns_read(struct conns *conns, struct job *read);

/* Starts parked connections, within the limit. */
void conns_unpark(struct conns *conns);

/* Limits the idle timeout of present and future idle connections to limit_ms. */
void conns_hurry_idle(struct conns *conns, uint32_t limit_ms);

/* Tells the handlers of all tunnels that the process ends. */
void conns_end_tunnels(struct conns *conns);

/* Resumes connections that wait for room for access records, while room is left. */
void conns_log_resume(struct conns *conns);

/* Frees all connections, after the loop was freed. Closes their sockets. */
void conns_free(struct conns *conns);

static inline struct conn *conn_of_timer(struct timer *timer)
{
	return (struct conn *)((char *)timer - offsetof(struct conn, timer));
}

/* Returns the progress of the request; REQUEST_RESPONDED if the connection has no request: it reads the next head. */
static inline enum request_state conn_request_state(const struct conn *conn)
{
	return conn->request != NULL ? (enum request_state)conn->request->state : REQUEST_RESPONDED;
}

#endif
