/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends.h"

#include <stdlib.h>

#include "../stats/totals.h"

static bool open_upstreams(struct backends *backends, struct thread *thread)
{
	const struct tux_engine_config *config = thread->config;
	struct tux_peer_counters *counters = calloc(totals_peer_count(config) + 1, sizeof(*counters));

	thread->peers = counters;
	backends->upstreams = calloc(config->upstream_count + 1, sizeof(*backends->upstreams));
	if (counters == NULL || backends->upstreams == NULL)
		return false;
	for (unsigned i = 0; i < config->upstream_count; i++) {
		struct upstream *upstream = &backends->upstreams[i];

		if (!upstream_open(upstream, &config->upstreams[i], &backends->streams))
			return false;
		upstream->thread = thread;
		for (unsigned server = 0; server < config->upstreams[i].server_count; server++)
			upstream->server[server].counters = counters++;
	}
	return true;
}

bool backends_open(struct backends *backends, struct thread *thread, int spawner_fd, const struct cgi_events *events)
{
	const struct tux_engine_config *config = thread->config;

	backends->streams = (struct peer_streams){ .now_ms = &thread->now_ms };
	thread->programs = calloc(config->cgi_count + 1, sizeof(*thread->programs));
	return thread->programs != NULL && open_upstreams(backends, thread) &&
	       cgi_open(&backends->cgi, spawner_fd, config->cgi, thread->programs, &backends->streams, events);
}

void backends_set_loop(struct backends *backends, const struct thread *thread)
{
	backends->streams.ops = thread->ops;
	backends->streams.loop = thread->loop;
}

void backends_expire(struct backends *backends, const struct thread *thread)
{
	struct timer *timer;

	for (unsigned i = 0; i < thread->config->upstream_count; i++)
		while ((timer = timer_expired(&backends->upstreams[i].timers, thread->now_ms)) != NULL)
			peer_stream_expired(peer_stream_of_timer(timer));
}

int backends_next(const struct backends *backends, const struct thread *thread)
{
	int next = -1;

	for (unsigned i = 0; i < thread->config->upstream_count; i++) {
		const int wait = timers_next(&backends->upstreams[i].timers, thread->now_ms);

		if (next < 0 || (wait >= 0 && wait < next))
			next = wait;
	}
	return next;
}

void backends_close_unused(struct backends *backends, const struct thread *thread)
{
	for (unsigned i = 0; i < thread->config->upstream_count; i++)
		upstream_close_unused(&backends->upstreams[i]);
}

void backends_free(struct backends *backends, struct thread *thread)
{
	for (unsigned i = 0; backends->upstreams != NULL && i < thread->config->upstream_count; i++)
		upstream_free(&backends->upstreams[i]);
	free(backends->upstreams);
	cgi_free(&backends->cgi);
	pipes_free(&backends->pipes);
	free(thread->peers);
	free(thread->programs);
}
