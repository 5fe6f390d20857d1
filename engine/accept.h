/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections: accepted within the limits of connections and descriptors, handed up by the kernel engine, or passed. */
#ifndef TUX_ENGINE_ACCEPT_H
#define TUX_ENGINE_ACCEPT_H

#include "http/conn.h"

/* The listening sockets of a thread. The owner of the loop's events. */
struct accept {
	struct thread *thread;
	struct conns *conns;
	struct acceptor *acceptor; /* malloc'ed */
	unsigned count;            /* 0 after accept_close() */
	unsigned *threads;         /* the engine's: threads that accept. The last one closes the shared sockets; atomic */
	const bool *by_kernel;     /* the engine's, per listener: the kernel engine accepts there; atomic */
	bool accepting;
	uint64_t again_ms;         /* time to retry accepting; 0: no retry is due */
	uint64_t take_again_ms;    /* time to watch the kernel engine's device again; 0: it is watched */
};

/* Events of a thread's loop, with its struct accept as the owner. */
extern const struct loop_events accept_events;

/*
 * Gives the thread its share of the listening sockets: each has one thread, or each thread has one of each listener. Returns false if
 * out of memory.
 */
bool accept_open(struct accept *accept, unsigned index);

/* Starts or stops accepting. */
void accept_switch(struct accept *accept, bool wanted);

/* Starts parked connections and resumes accepting, within the limit. Retries later if the limit is reached. */
void accept_resume(struct accept *accept);

/*
 * Takes the connections that the kernel engine has handed up. If descriptors or memory run out, sets take_again_ms: the device stays
 * readable until then.
 */
void accept_take_handed_up(struct accept *accept);

/* Takes the idle connections that retired engines have passed. */
void accept_take_passed(struct accept *accept);

/*
 * Accepts all connections in the accept queues, whose clients are already connected, and closes the sockets. Returns false if the loop
 * still has an accept under way, which might already have a connection.
 */
bool accept_end(struct accept *accept);

/* Closes the thread's listening sockets, and the shared ones if no other thread accepts. */
void accept_close(struct accept *accept);

#endif
