/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The upstream servers of a thread: which is next, the connections to them that are kept, and which of them fail. */
#ifndef TUX_ENGINE_BACKEND_UPSTREAM_H
#define TUX_ENGINE_BACKEND_UPSTREAM_H

#include "../io/address.h"
#include "../config.h"
#include "../stats/counters.h"
#include "../io/peer_stream.h"

struct upstream;

struct upstream_server {
	const struct tux_upstream_server *config;
	struct upstream *upstream;
	struct tux_peer_counters *counters; /* the worker's */
	struct stream *idle;  /* the one used last comes first */
	unsigned idle_count;
	struct sockaddr_storage address; /* that was connected to last, of a server with a name */
	socklen_t address_len;
	uint32_t sequence;    /* of that: struct tux_resolved */
	uint32_t text_len;
	char text[SOCKADDR_TEXT]; /* of its address, for logs */
	unsigned active;      /* exchanges under way */
	unsigned fails;       /* since fails_ms, within the fail timeout */
	uint64_t fails_ms;    /* when the first of those was */
	uint64_t retry_ms;    /* left alone until then; 0: it is not. After that one request tries it */
};

struct upstream {
	const struct tux_upstream *config;
	struct streams *streams;
	struct upstream_server *server;
	unsigned next; /* of round robin */
	struct timers timers;
};

/* False without memory; upstream_free() in any case. Streams are the thread's and end with it. */
bool upstream_open(struct upstream *upstream, const struct tux_upstream *config, struct streams *streams);
void upstream_free(struct upstream *upstream);

/* The server for the next request, but none of those in the set tried, which it joins; NULL when there is none left. */
struct upstream_server *upstream_choose(struct upstream *upstream, uint64_t *tried);

/* A kept connection to it, which stood a moment ago; NULL when there is none. */
struct stream *upstream_take(struct upstream_server *server, const struct stream_events *events, void *owner);

/* A new one: connected() tells. NULL with errno. */
struct stream *upstream_connect(struct upstream_server *server, const struct stream_events *events, void *owner);

/* Gives a connection back that may carry another request; it is kept or closed. */
void upstream_keep(struct upstream_server *server, struct stream *stream);

/* What came of trying a server: it could not be reached or did not answer, or it did. */
void upstream_failed(struct upstream_server *server);
void upstream_answered(struct upstream_server *server);

/* Closes the connections that are not used. */
void upstream_close_unused(struct upstream *upstream);

#endif
