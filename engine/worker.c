/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "accept.h"
#include "http/conn.h"
#include "backend/exchange.h"
#include "files/lookup.h"
#include "stats/totals.h"

enum {
	LINGER_MS = 2000,
	LOG_POLL_MS = 5,    /* interval of checking for room for access records, if connections wait for it */
	DRAIN_POLL_MS = 20, /* interval of checking the kernel engine while draining */
	LAST_IDLE_MS = 2000, /* idle timeout when serving ends: a request may be on its way */
};

static void on_wake(struct source *source, void *owner)
{
	uint64_t times;

	(void)owner;
	while (read(source->fd, &times, sizeof(times)) > 0)
		;
}

static void on_handed_up(struct source *source, void *owner)
{
	(void)source;
	accept_take_handed_up(owner);
}

/* Takes passed connections, unless this engine has retired: then the serving engine takes them. */
static void on_passed(struct source *source, void *owner)
{
	struct worker *worker = owner;

	if (__atomic_load_n(worker->retire, __ATOMIC_RELAXED))
		source->fd = -1;
	else
		accept_take_passed(worker);
}

static void on_inotify(struct source *source, void *owner)
{
	(void)source;
	watch_read(&((struct worker *)owner)->files.watch);
}

static void on_finished(struct source *source, void *owner)
{
	struct worker *worker = owner;
	struct job *job = inbox_take(&worker->files.inbox);

	(void)source;
	while (job != NULL) {
		struct job *next = job->next;

		if (!lookup_continue(&worker->files, (struct pending_load *)job))
			conn_loaded(worker, (struct pending_load *)job);
		job = next;
	}
}

static void on_spawner(struct source *source, void *owner)
{
	(void)source;
	cgi_read(&((struct worker *)owner)->cgi);
}

static bool open_upstreams(struct worker *worker)
{
	const struct tux_engine_config *config = worker->config;
	struct tux_peer_counters *counters = calloc(totals_peer_count(config) + 1, sizeof(*counters));

	worker->peers = counters;
	worker->upstreams = calloc(config->upstream_count + 1, sizeof(*worker->upstreams));
	if (worker->peers == NULL || worker->upstreams == NULL)
		return false;
	for (unsigned i = 0; i < config->upstream_count; i++) {
		struct upstream *upstream = &worker->upstreams[i];

		if (!upstream_open(upstream, &config->upstreams[i], &worker->streams))
			return false;
		for (unsigned server = 0; server < config->upstreams[i].server_count; server++)
			upstream->server[server].counters = counters++;
	}
	return true;
}

bool worker_open(struct worker *worker)
{
	const struct tux_engine_config *config = worker->config;
	uint64_t seed = 0;

	worker->log_end = &worker->log_first;
	worker->wake = (struct source){ .fd = -1, .readable = on_wake };
	worker->inotify = (struct source){ .fd = -1, .readable = on_inotify };
	worker->finished = (struct source){ .fd = -1, .readable = on_finished };
	worker->handed_up = (struct source){ .fd = worker->kernel->fd, .readable = on_handed_up };
	worker->passed = (struct source){ .fd = config->passed_fd, .readable = on_passed };
	worker->files.inbox.event_fd = -1;
	pthread_mutex_init(&worker->state_lock, NULL);
	pthread_cond_init(&worker->state_moved, NULL);
	worker->files.config = config;
	worker->files.counters = &worker->counters;
	worker->files.now_ms = &worker->now_ms;
	worker->streams = (struct streams){ .now_ms = &worker->now_ms }; /* open_loop() adds the loop */
	worker->programs = calloc(config->cgi_count + 1, sizeof(*worker->programs));
	if (worker->programs == NULL || !open_upstreams(worker) ||
	    !cgi_open(&worker->cgi, worker->spawner_fd, config->cgi, worker->programs, &worker->streams, &exchange_cgi_events))
		return false;
	worker->cgi.spawner.source.readable = on_spawner;
	timers_init(&worker->timers);
	worker->timers.duration_ms[TIMER_IDLE] = config->idle_timeout_ms;
	worker->timers.duration_ms[TIMER_HEAD] = config->head_timeout_ms;
	worker->timers.duration_ms[TIMER_BODY] = config->body_timeout_ms;
	worker->timers.duration_ms[TIMER_SEND] = config->send_timeout_ms;
	worker->timers.duration_ms[TIMER_LINGER] = LINGER_MS;
	worker->timers.duration_ms[TIMER_TUNNEL] = config->tunnel_timeout_ms;
	request_ids_open(&worker->ids);
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	worker->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake.fd < 0 || !inbox_open(&worker->files.inbox) || !record_ring_open(&worker->records) ||
	    !cache_open(&worker->files.cache, config->cache_entries, config->cache_files, config->cache_bytes / config->threads, seed))
		return false;
	worker->finished.fd = worker->files.inbox.event_fd;
	if (watch_open(&worker->files.watch, &worker->files.cache)) /* without inotify, every file is rechecked */
		worker->inotify.fd = worker->files.watch.fd;
	return true;
}

void worker_free(struct worker *worker)
{
	struct job *job = worker->files.inbox.event_fd >= 0 ? inbox_take(&worker->files.inbox) : NULL;

	while (job != NULL) { /* loads without waiting connections */
		struct job *next = job->next;

		lookup_finish(&worker->files, (struct pending_load *)job);
		job = next;
	}
	while (worker->spare != NULL) {
		struct out *out = worker->spare;

		worker->spare = out->next;
		free(out);
	}
	requests_free(&worker->requests);
	free(worker->acceptor);
	free(worker->peers);
	free(worker->programs);
	for (unsigned i = 0; worker->upstreams != NULL && i < worker->config->upstream_count; i++)
		upstream_free(&worker->upstreams[i]);
	free(worker->upstreams);
	cgi_free(&worker->cgi);
	pipes_free(&worker->pipes);
	cache_free(&worker->files.cache);
	watch_free(&worker->files.watch);
	record_ring_free(&worker->records);
	inbox_free(&worker->files.inbox);
	if (worker->wake.fd >= 0)
		close(worker->wake.fd);
	pthread_cond_destroy(&worker->state_moved);
	pthread_mutex_destroy(&worker->state_lock);
}

void worker_wake(struct worker *worker)
{
	const uint64_t one = 1;

	(void)!write(worker->wake.fd, &one, sizeof(one));
}

static void tick(struct worker *worker)
{
	struct timespec mono;
	struct timespec real;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	worker->now_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
	worker->now_us = real.tv_sec * INT64_C(1000000) + real.tv_nsec / 1000;
	if (real.tv_sec != worker->now_s) {
		worker->now_s = real.tv_sec;
		tux_date_format(worker->now_s, worker->date);
	}
}

/* Publishes cache statistics, because other threads must not read the cache. */
static void show(struct worker *worker)
{
	struct tux_counters *counters = &worker->counters;

	__atomic_store_n(&counters->cached, worker->files.cache.count, __ATOMIC_RELAXED);
	__atomic_store_n(&counters->cached_bytes, worker->files.cache.bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&counters->cached_files, worker->files.cache.files, __ATOMIC_RELAXED);
}

static void expire(struct worker *worker)
{
	struct timer *timer;

	while ((timer = timer_expired(&worker->timers, worker->now_ms)) != NULL)
		conn_timeout(conn_of_timer(timer));
	for (unsigned i = 0; i < worker->config->upstream_count; i++)
		while ((timer = timer_expired(&worker->upstreams[i].timers, worker->now_ms)) != NULL)
			stream_expired(stream_of_timer(timer));
	if (worker->accept_again_ms != 0 && worker->now_ms >= worker->accept_again_ms && !worker->draining)
		accept_resume(worker);
	if (worker->error_lines.due_ms != 0 && worker->now_ms >= worker->error_lines.due_ms)
		error_lines_tell(worker, false);
	if (worker->pass_again_ms != 0 && worker->now_ms >= worker->pass_again_ms) {
		worker->pass_again_ms = 0;
		conns_pass_idle(worker);
	}
}

/* Returns the milliseconds until a time; 0 if it has passed. */
static int until(const struct worker *worker, uint64_t ms)
{
	return ms > worker->now_ms ? (int)(ms - worker->now_ms) : 0;
}

/* Returns the shorter of two waits; -1 is no limit. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int wait_ms(const struct worker *worker)
{
	int wait = timers_next(&worker->timers, worker->now_ms);

	for (unsigned i = 0; i < worker->config->upstream_count; i++)
		wait = sooner(wait, timers_next(&worker->upstreams[i].timers, worker->now_ms));
	if (worker->accept_again_ms != 0 && !worker->draining)
		wait = sooner(wait, until(worker, worker->accept_again_ms));
	if (worker->log_first != NULL && (wait < 0 || wait > LOG_POLL_MS))
		wait = LOG_POLL_MS;
	if (worker->draining && (wait < 0 || wait > DRAIN_POLL_MS) && worker->kernel->fd >= 0)
		wait = DRAIN_POLL_MS;
	if (worker->pass_again_ms != 0)
		wait = sooner(wait, until(worker, worker->pass_again_ms));
	if (worker->error_lines.due_ms != 0)
		wait = sooner(wait, until(worker, worker->error_lines.due_ms));
	return wait;
}

/* Accepts all connections in the accept queues: their clients are already connected, and closing the sockets would reset them. */
static void accept_rest(struct worker *worker)
{
	int flags = SOCK_CLOEXEC | worker->ops->fd_flags;

	for (unsigned i = 0; i < worker->acceptor_count; i++) {
		int fd;

		while ((fd = accept4(worker->acceptor[i].fd, NULL, NULL, flags)) >= 0 || errno == EINTR)
			if (fd >= 0)
				accept_events.accepted(worker, &worker->acceptor[i], fd);
	}
}

/* Closes the worker's listening sockets. The last worker also closes the shared ones. */
static void close_acceptors(struct worker *worker)
{
	const struct tux_engine_config *config = worker->config;
	bool last;

	if (worker->acceptor_count == 0 || *worker->keeps_listeners)
		return;
	last = __atomic_sub_fetch(worker->accepting_workers, 1, __ATOMIC_ACQ_REL) == 0;
	for (unsigned i = 0; i < worker->acceptor_count; i++)
		if (!worker->acceptor[i].shared)
			close(worker->acceptor[i].fd);
	for (unsigned i = 0; last && i < config->listener_count; i++)
		for (unsigned fd = 0; config->listeners[i].count < config->threads && fd < config->listeners[i].count; fd++)
			close(config->listeners[i].fd[fd]);
	worker->acceptor_count = 0;
}

/* Begins to send Connection: close. Accepts on all listeners, because the kernel engine has stopped. */
static void begin_leave(struct worker *worker)
{
	worker->leaving = true;
	if (worker->accepting)
		accept_switch(worker, true);
}

/*
 * True if all connections are closed. The last connections that the kernel engine handed up are not counted yet, so takes them
 * first.
 */
static bool all_over(struct worker *worker)
{
	if (!worker->draining || worker->acceptor_count > 0 || worker->open > 0 || cgi_runs_unwatched(&worker->cgi) ||
	    !kernel_link_drained(worker->kernel))
		return false;
	if (worker->kernel->fd >= 0)
		accept_take_handed_up(worker);
	return worker->open == 0;
}

static void begin_drain(struct worker *worker)
{
	worker->leaving = worker->draining = true;
	accept_switch(worker, false);
	conns_pass_idle(worker);
}

/* Ends accepting after begin_drain(). Waits until the loop has no accept under way, which might already have a connection. */
static void end_accepting(struct worker *worker)
{
	for (unsigned i = 0; i < worker->acceptor_count; i++)
		if (worker->acceptor[i].armed)
			return;
	accept_rest(worker);
	accept_resume(worker);
	close_acceptors(worker);
	for (unsigned i = 0; i < worker->config->upstream_count; i++)
		upstream_close_unused(&worker->upstreams[i]);
}

static void serve(struct worker *worker)
{
	bool accepts = false, drain;

	while (!__atomic_load_n(worker->stop, __ATOMIC_RELAXED)) {
		worker->ops->wait(worker->loop, wait_ms(worker));
		tick(worker); /* before handling events: with an old clock their timers would expire at once */
		worker->ops->handle(worker->loop);
		expire(worker);
		conns_log_resume(worker);
		if (accepts && worker->left && !worker->accepting) /* by_kernel is valid only after go */
			accept_resume(worker);
		worker->left = false;
		show(worker);
		drain = __atomic_load_n(worker->drain, __ATOMIC_RELAXED);
		if (!accepts && !worker->draining && __atomic_load_n(worker->go, __ATOMIC_ACQUIRE)) {
			accepts = true;
			accept_switch(worker, true);
			if (worker->passed.fd >= 0)
				worker->ops->watch(worker->loop, &worker->passed);
		}
		if (!worker->leaving && __atomic_load_n(worker->leave, __ATOMIC_ACQUIRE))
			begin_leave(worker);
		if (!worker->draining && (drain || __atomic_load_n(worker->retire, __ATOMIC_RELAXED)))
			begin_drain(worker);
		if (worker->draining && worker->acceptor_count > 0)
			end_accepting(worker);
		if (drain && !worker->hurried) {
			worker->hurried = true;
			conns_hurry_idle(worker, LAST_IDLE_MS);
		}
		if (worker->draining && worker->open == 0 && worker->passed.fd >= 0 && !__atomic_load_n(worker->retire, __ATOMIC_RELAXED))
			accept_take_passed(worker); /* no other engine will take them */
		if (all_over(worker))
			return;
	}
}

static void tell(struct worker *worker, bool serving, int error)
{
	pthread_mutex_lock(&worker->state_lock);
	worker->serving = worker->serving || serving;
	worker->ended = !serving;
	worker->error = error;
	pthread_cond_broadcast(&worker->state_moved);
	pthread_mutex_unlock(&worker->state_lock);
}

/*
 * Opens the loop, and sets it in the worker and its streams, which have the only copies of ops. Returns false with errno on
 * failure.
 */
static bool open_loop(struct worker *worker)
{
	worker->loop = worker->ops->open(&accept_events, worker);
	if (worker->loop == NULL && errno == ENOMEM && worker->config->loop == TUX_LOOP_AUTO) {
		/* The limit of locked memory is per user, and includes retired server processes. */
		worker->ops = &loop_epoll;
		worker->fell_back = true;
		worker->loop = worker->ops->open(&accept_events, worker);
	}
	worker->streams.ops = worker->ops;
	worker->streams.loop = worker->loop;
	return worker->loop != NULL;
}

/* Watches all sources that wake the worker. Returns false with errno if one cannot be watched, because its events would be lost. */
static bool watch_sources(struct worker *worker)
{
	struct source *const sources[] = { &worker->wake, &worker->finished, &worker->inotify, &worker->cgi.spawner.source,
		                           &worker->handed_up };

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (sources[i]->fd >= 0 && !worker->ops->watch(worker->loop, sources[i]))
			return false;
	return true;
}

void *worker_run(void *argument)
{
	struct worker *worker = argument;
	int error = 0;

	pthread_setname_np(pthread_self(), "tux");
	if (!open_loop(worker)) {
		error = errno;
	} else if (!watch_sources(worker)) {
		error = errno;
		worker->ops->free(worker->loop);
	} else {
		tick(worker);
		tell(worker, true, 0);
		serve(worker);
		error_lines_tell(worker, true);
		worker->ops->free(worker->loop);
	}
	while (worker->conns != NULL) {
		if (worker->conns->state != CONN_CLOSED)
			close(worker->conns->channel.fd);
		conn_free(worker->conns);
	}
	streams_free(&worker->streams);
	close_acceptors(worker);
	tell(worker, false, error);
	return NULL;
}
