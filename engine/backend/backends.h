/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backends of a thread: its upstream servers, its CGI programs, and the streams and pipes to and from them. */
#ifndef TUX_ENGINE_BACKEND_BACKENDS_H
#define TUX_ENGINE_BACKEND_BACKENDS_H

#include "../../core/response_parse.h"
#include "../io/splice.h"
#include "../thread.h"
#include "cgi.h"
#include "upstream.h"

struct backends {
	struct peer_streams streams;
	struct pipes pipes;           /* for splicing bodies */
	struct upstream *upstreams;   /* config->upstream_count; malloc'ed */
	struct cgi cgi;
	struct tux_response received; /* scratch: the response of a backend that is being parsed */
};

/*
 * Prepares the backends of a thread whose config is set, and allocates the thread's peers and programs. spawner_fd is the thread's
 * socket to the spawner; -1: no spawner. events are those of CGI programs. Returns false with errno on failure; backends_free() is due
 * in any case.
 */
bool backends_open(struct backends *backends, struct thread *thread, int spawner_fd, const struct cgi_events *events);

/* Sets the thread's loop in the streams, which have the only copies of ops and loop. */
void backends_set_loop(struct backends *backends, const struct thread *thread);

/* Handles the expired timers of all connections to backends. */
void backends_expire(struct backends *backends, const struct thread *thread);

/* Returns milliseconds until the first deadline: 0 if it is past, -1 without timers. */
int backends_next(const struct backends *backends, const struct thread *thread);

/* Closes all idle connections. */
void backends_close_unused(struct backends *backends, const struct thread *thread);

/* Frees the backends and the thread's peers and programs, after the loop. */
void backends_free(struct backends *backends, struct thread *thread);

#endif
