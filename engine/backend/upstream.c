/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../io/keepalive.h"
#include "../tls/session.h"

enum { ADDRESS_LOOKS = 100 }; /* attempts to read an address during a write */

static const struct peer_stream_events idle_events;

/* Sets up TLS to a server. Returns false if out of memory. */
static bool open_tls(struct upstream_server *server, const struct tux_upstream *config)
{
	const char *name = config->files.name != NULL ? config->files.name : server->config->name + server->config->host_at;
	const size_t len = config->files.name != NULL ? strlen(name) : server->config->host_len;

	if (!server->config->tls)
		return true;
	server->tls = tls_peer_new(config->tls, name, len);
	return server->tls != NULL;
}

bool upstream_open(struct upstream *upstream, const struct tux_upstream *config, struct peer_streams *streams)
{
	*upstream = (struct upstream){ .config = config, .streams = streams };
	timers_init(&upstream->timers);
	upstream->timers.duration_ms[TIMER_CONNECT] = config->connect_timeout_ms;
	upstream->timers.duration_ms[TIMER_REQUEST] = config->send_timeout_ms;
	upstream->timers.duration_ms[TIMER_RESPONSE] = config->read_timeout_ms;
	upstream->timers.duration_ms[TIMER_UNUSED] = config->unused_timeout_ms;
	upstream->server = calloc(config->server_count, sizeof(*upstream->server));
	for (unsigned i = 0; upstream->server != NULL && i < config->server_count; i++) {
		struct upstream_server *server = &upstream->server[i];

		*server = (struct upstream_server){ .config = &config->server[i], .upstream = upstream };
		server->text_len = sockaddr_text(&server->config->address, server->config->address_len, server->text);
		if (!open_tls(server, config))
			return false;
	}
	return upstream->server != NULL;
}

void upstream_free(struct upstream *upstream)
{
	for (unsigned i = 0; upstream->server != NULL && i < upstream->config->server_count; i++)
		tls_peer_free(upstream->server[i].tls);
	free(upstream->server);
}

/* True if a server is preferred to the best so far. */
static bool is_better(const struct upstream *upstream, const struct upstream_server *server, const struct upstream_server *best)
{
	return best == NULL || (upstream->config->balance == TUX_BALANCE_LEAST_CONNECTIONS && server->active < best->active);
}

/* Removes an idle connection from its server's list. */
static void unlink_idle(struct peer_stream *stream)
{
	struct upstream_server *server = stream->owner;
	struct peer_stream **at = &server->idle;

	while (*at != stream)
		at = &(*at)->next_idle;
	*at = stream->next_idle;
	server->idle_count--;
}

/* Closes a connection after its last response. Over TLS the server learns that the end is intended. */
static void close_idle(struct peer_stream *stream)
{
	if (stream->channel.tls != NULL)
		tls_say_end(&stream->channel);
	peer_stream_close(stream);
}

static void close_unused(struct upstream_server *server)
{
	struct peer_stream *stream;

	while ((stream = server->idle) != NULL) {
		unlink_idle(stream);
		close_idle(stream);
	}
}

/* True if the address of a server is known. */
static bool has_address(const struct upstream_server *server)
{
	const struct tux_resolved *resolved = server->config->resolved;

	return resolved == NULL || __atomic_load_n(&resolved->len, __ATOMIC_RELAXED) > 0;
}

/*
 * Reads the newest address of a server with a name. During a write it retries a few times, then the next request retries, because
 * the resolver may have died in the middle. A pending connect still uses server->address: at worst it fails.
 */
static void address_refresh(struct upstream_server *server)
{
	const struct tux_resolved *resolved = server->config->resolved;

	for (unsigned i = 0; i < ADDRESS_LOOKS; i++) {
		const uint32_t before = __atomic_load_n(&resolved->sequence, __ATOMIC_ACQUIRE);
		struct sockaddr_storage address = { 0 };
		uint32_t len;

		if (before == server->sequence)
			return;
		len = __atomic_load_n(&resolved->len, __ATOMIC_RELAXED);
		if (len <= sizeof(address))
			memcpy(&address, &resolved->address, len);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((before & 1) != 0 || __atomic_load_n(&resolved->sequence, __ATOMIC_RELAXED) != before)
			continue;
		server->address = address;
		server->address_len = len <= sizeof(address) ? len : 0;
		server->text_len = sockaddr_text(&address, server->address_len, server->text);
		server->sequence = before;
		server->fails = 0; /* the address may be another server */
		server->retry_ms = 0;
		close_unused(server);
		return;
	}
}

struct upstream_server *upstream_choose(struct upstream *upstream, uint64_t *tried)
{
	const uint64_t now_ms = *upstream->streams->now_ms;
	const unsigned all = upstream->config->server_count;
	struct upstream_server *best = NULL, *resting = NULL;
	unsigned i, at;

	for (i = 0; i < all; i++) {
		struct upstream_server *server;

		at = (upstream->next + i) % all;
		server = &upstream->server[at];
		if ((*tried >> at & 1) || !has_address(server))
			continue;
		if (server->retry_ms > now_ms) {
			if (resting == NULL || server->retry_ms < resting->retry_ms)
				resting = server;
		} else if (is_better(upstream, server, best)) {
			best = server;
		}
	}
	if (best == NULL) /* all servers are excluded: try the one that is due first */
		best = resting;
	if (best == NULL)
		return NULL;
	if (best->config->resolved != NULL)
		address_refresh(best);
	at = (unsigned)(best - upstream->server);
	upstream->next = at + 1;
	*tried |= UINT64_C(1) << at;
	return best;
}

/* True if the server has neither closed the connection nor sent bytes, not even a part of a record of TLS. */
static bool is_quiet(const struct peer_stream *stream)
{
	uint8_t octet;

	return (stream->channel.tls == NULL || !tls_is_in_record(&stream->channel)) &&
	       recv(stream->channel.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

struct peer_stream *upstream_take(struct upstream_server *server, const struct peer_stream_events *events, void *owner)
{
	struct peer_stream *stream;

	while ((stream = server->idle) != NULL) {
		unlink_idle(stream);
		peer_stream_wait_end(stream);
		if (is_quiet(stream)) {
			peer_stream_own(stream, events, owner);
			return stream;
		}
		peer_stream_close(stream);
	}
	return NULL;
}

struct peer_stream *upstream_connect(struct upstream_server *server, const struct peer_stream_events *events, void *owner)
{
	const struct tux_upstream_server *config = server->config;
	struct peer_streams *streams = server->upstream->streams;
	const struct sockaddr_storage *address = config->resolved != NULL ? &server->address : &config->address;
	const socklen_t address_len = config->resolved != NULL ? server->address_len : config->address_len;
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | streams->ops->fd_flags, 0);
	const int on = 1;
	struct peer_stream *stream;

	if (fd < 0)
		return NULL;
	if (address->ss_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		keepalive_start(fd);
	}
	stream = peer_stream_connect(streams, fd, (const struct sockaddr *)address, address_len,
	                        &server->upstream->timers, events, owner);
	if (stream == NULL)
		return NULL;
	if (server->tls != NULL) {
		if (!tls_connect(&stream->channel, server->upstream->thread, server->tls)) {
			peer_stream_close(stream);
			errno = ENOMEM;
			return NULL;
		}
		stream->send = tls_send;
	}
	peer_stream_wait(stream, TIMER_CONNECT);
	return stream;
}

void upstream_keep(struct upstream_server *server, struct peer_stream *stream)
{
	stream->used = true;
	peer_stream_own(stream, &idle_events, server);
	if (server->upstream->config->keep_alive == 0) {
		close_idle(stream);
		return;
	}
	stream->next_idle = server->idle;
	server->idle = stream;
	if (++server->idle_count > server->upstream->config->keep_alive) { /* close the one that was idle longest */
		struct peer_stream *last = stream;

		while (last->next_idle != NULL)
			last = last->next_idle;
		unlink_idle(last);
		close_idle(last);
	}
	peer_stream_wait(stream, TIMER_UNUSED);
	peer_stream_receive(stream, true); /* to notice its end */
}

void upstream_failed(struct upstream_server *server)
{
	const struct tux_upstream *config = server->upstream->config;
	const uint64_t now_ms = *server->upstream->streams->now_ms;

	if (server->retry_ms == 0 && (server->fails == 0 || now_ms - server->fails_ms >= config->fail_timeout_ms)) {
		server->fails = 0;
		server->fails_ms = now_ms;
	}
	server->fails++;
	if (config->max_fails > 0 && server->fails >= config->max_fails)
		server->retry_ms = now_ms + config->fail_timeout_ms;
}

void upstream_answered(struct upstream_server *server)
{
	if (server->retry_ms == 0) /* its failures within the fail timeout still count */
		return;
	server->fails = 0;
	server->retry_ms = 0;
}

void upstream_close_unused(struct upstream *upstream)
{
	for (unsigned i = 0; i < upstream->config->server_count; i++)
		close_unused(&upstream->server[i]);
}

/* Closes an idle connection after any event: it cannot be used again. */
static void drop(struct peer_stream *stream)
{
	unlink_idle(stream);
	close_idle(stream);
}

static void on_received(struct peer_stream *stream, const uint8_t *data, uint32_t len)
{
	(void)data;
	(void)len;
	drop(stream);
}

static void on_ended(struct peer_stream *stream, int error)
{
	(void)error;
	drop(stream);
}

static void on_drained(struct peer_stream *stream)
{
	(void)stream; /* cannot happen: a connection with unsent bytes is not kept */
}

static const struct peer_stream_events idle_events = {
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
	.failed = on_ended,
	.expired = drop,
};
