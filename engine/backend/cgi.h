/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CGI programs that a thread has started: their pipes, what they say on stderr, and how they end. */
#ifndef TUX_ENGINE_BACKEND_CGI_H
#define TUX_ENGINE_BACKEND_CGI_H

#include "../log/cause.h"
#include "../config.h"
#include "../stats/counters.h"
#include "spawner_client.h"
#include "../io/peer_stream.h"

struct cgi_program;

/* None of them is called from within a function of this file. */
struct cgi_events {
	/* It has ended, or was never started; what it wrote may still come. status answers if it wrote no response, because of cause. */
	void (*ended)(void *owner, uint16_t status, struct cause cause);
};

struct cgi {
	struct spawner spawner;
	const struct tux_cgi *rules;
	struct tux_program_counters *counters; /* of each rule */
	struct streams *streams;
	const struct cgi_events *events;
	struct cgi_program *first;
	uint64_t lost_lines; /* of stderr, that could not be written */
};

/* What is started, and by whom. */
struct cgi_start {
	struct spawn_order order; /* but for its descriptors */
	const struct stream_events *stream_events; /* of the owner, for both streams */
	void *owner;
	struct cause cause; /* out: of a status that is not 0 */
};

/* fd is the thread's socket to the spawner; -1: there is none. False with errno. */
bool cgi_open(struct cgi *cgi, int fd, const struct tux_cgi *rules, struct tux_program_counters *counters, struct streams *streams,
              const struct cgi_events *events);

/*
 * Starts a program; *to is where it reads, *from what it writes, both the owner's. 0, or the status that answers instead, because of
 * start->cause.
 */
uint16_t cgi_start(struct cgi *cgi, struct cgi_start *start, struct cgi_program **program, struct stream **to,
                   struct stream **from);

/* Whether it has to wait for its client, to send or to take something: that is not its own time. */
void cgi_hold(struct cgi_program *program, bool held);

/* What it has written is no answer, or not a whole one. */
void cgi_garbled(struct cgi_program *program);

/* The owner has no more interest in it; it may go on, or is killed. Its streams are the owner's to close. */
void cgi_leave(struct cgi_program *program, bool kill);

/*
 * The owner has no more interest in it, but it runs to its end: the rest of its output, which comes from the stream, is read and dropped.
 * readable: the loop was told to wait for the stream (wait_readable()), and the event is to come.
 */
void cgi_leave_running(struct cgi_program *program, struct stream *from, bool readable);

/* True if a program runs that cgi_leave_running() was called for. */
bool cgi_runs_unwatched(const struct cgi *cgi);

/* Takes what the spawner has to say: the source's readable. */
void cgi_read(struct cgi *cgi);

/* Frees what is known of programs, when the loop is gone. */
void cgi_free(struct cgi *cgi);

#endif
