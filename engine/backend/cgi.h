/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CGI programs of a thread: their pipes, their stderr, and their end. */
#ifndef TUX_ENGINE_BACKEND_CGI_H
#define TUX_ENGINE_BACKEND_CGI_H

#include "../log/cause.h"
#include "../config.h"
#include "../stats/counters.h"
#include "spawner_client.h"
#include "../io/peer_stream.h"

struct cgi_program;

/* Callbacks for the owner of a program. Only cgi_read() calls them. */
struct cgi_events {
	/* The program has ended or was not started. Its output may still arrive. status and cause apply if it wrote no response. */
	void (*ended)(void *owner, uint16_t status, struct cause cause);
};

struct cgi {
	struct spawner spawner;
	const struct tux_cgi *rules;
	struct tux_program_counters *counters; /* per rule */
	struct peer_streams *streams;
	const struct cgi_events *events;
	struct cgi_program *first;
	uint64_t lost_lines; /* lines of stderr that could not be logged */
};

/* Arguments of cgi_start(). */
struct cgi_start {
	struct spawn_order order; /* without descriptors, which cgi_start() adds */
	const struct peer_stream_events *stream_events; /* the owner's, for both streams */
	void *owner;
	struct cause cause; /* out: cause of a status other than 0 */
};

/* Initializes cgi. fd is the thread's socket to the spawner; -1: no spawner. Returns false with errno on failure. */
bool cgi_open(struct cgi *cgi, int fd, const struct tux_cgi *rules, struct tux_program_counters *counters, struct peer_streams *streams,
              const struct cgi_events *events);

/*
 * Starts a program. *to is its stdin and *from its stdout. The owner has to close both. Returns 0, or the status of an error
 * response with start->cause.
 */
uint16_t cgi_start(struct cgi *cgi, struct cgi_start *start, struct cgi_program **program, struct peer_stream **to,
                   struct peer_stream **from);

/* Sets whether the program waits for its client to send or to receive. Such time does not count for time_ms. */
void cgi_hold(struct cgi_program *program, bool held);

/* Counts an invalid or incomplete response. */
void cgi_garbled(struct cgi_program *program);

/* Removes the owner from a program. kill: also ends the program, else it may continue. The owner closes its streams. */
void cgi_leave(struct cgi_program *program, bool kill);

/*
 * Removes the owner from a program that continues to its end. Takes over the stream from, and discards the rest of its output.
 * readable: the loop's wait_readable() is pending for the stream.
 */
void cgi_leave_running(struct cgi_program *program, struct peer_stream *from, bool readable);

/* True if a program still runs after cgi_leave_running(). */
bool cgi_runs_unwatched(const struct cgi *cgi);

/* Handles all waiting results of the spawner. Call it when the source is readable. */
void cgi_read(struct cgi *cgi);

/* Frees all programs after the loop was freed. */
void cgi_free(struct cgi *cgi);

#endif
