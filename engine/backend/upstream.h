/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Upstream servers, per-thread: the choice of the next server, idle connections, and failures. */
#ifndef TUX_ENGINE_BACKEND_UPSTREAM_H
#define TUX_ENGINE_BACKEND_UPSTREAM_H

#include "../io/address.h"
#include "../config.h"
#include "../stats/counters.h"
#include "../io/peer_stream.h"
#include "../thread.h"
#include "../tls/client.h"

struct upstream;

struct upstream_server {
	const struct tux_upstream_server *config;
	struct upstream *upstream;
	struct tux_peer_counters *counters; /* the thread's */
	struct tls_peer *tls;      /* malloc'ed; NULL: connections are plain */
	struct peer_stream *idle;  /* idle connections, last used first */
	unsigned idle_count;
	struct sockaddr_storage address; /* last address read, of a server with a name */
	socklen_t address_len;
	uint32_t sequence;    /* tux_resolved.sequence of address */
	uint32_t text_len;
	char text[SOCKADDR_TEXT]; /* text of its address, for logs */
	unsigned active;      /* exchanges under way */
	unsigned fails;       /* since fails_ms, within the fail timeout */
	uint64_t fails_ms;    /* time of the first of these failures */
	uint64_t retry_ms;    /* excluded until then; 0: not excluded */
};

struct upstream {
	const struct tux_upstream *config;
	struct peer_streams *streams;
	struct thread *thread;     /* set by the owner; needed for TLS */
	struct upstream_server *server;
	unsigned next; /* index of the next server in round robin */
	struct timers timers;
};

/* Opens an upstream. Returns false if out of memory; upstream_free() is due in any case. streams belongs to the thread. */
bool upstream_open(struct upstream *upstream, const struct tux_upstream *config, struct peer_streams *streams);
void upstream_free(struct upstream *upstream);

/* Chooses the server for the next request and adds it to the bit set tried. Returns NULL if all servers are in tried. */
struct upstream_server *upstream_choose(struct upstream *upstream, uint64_t *tried);

/* Takes an idle connection to the server that is still open. Returns NULL if no such connection exists. */
struct peer_stream *upstream_take(struct upstream_server *server, const struct peer_stream_events *events, void *owner);

/* Starts a new connection; connected() follows, after the handshake of TLS if the server speaks it. Returns NULL with errno on failure. */
struct peer_stream *upstream_connect(struct upstream_server *server, const struct peer_stream_events *events, void *owner);

/* Keeps a connection for another request, or closes it if enough are idle. Consumes the stream. */
void upstream_keep(struct upstream_server *server, struct peer_stream *stream);

/* Records a failure to connect or to respond; or a response. */
void upstream_failed(struct upstream_server *server);
void upstream_answered(struct upstream_server *server);

/* Closes all idle connections. */
void upstream_close_unused(struct upstream *upstream);

#endif
