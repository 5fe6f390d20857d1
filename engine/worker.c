/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "accept.h"
#include "backend/backends.h"
#include "backend/exchange.h"
#include "files/lookup.h"
#include "handlers/module.h"
#include "http/conn_return.h"
#include "isolated/line.h"
#include "log/log_queue.h"
#include "tls/session.h"

enum {
	LINGER_MS = 2000,
	LOG_POLL_MS = 5,    /* interval of checking for room for access records, if connections wait for it */
	DRAIN_POLL_MS = 20, /* interval of checking the kernel engine while draining */
	TAKE_AGAIN_MS = 100, /* after no memory to watch the kernel engine's device */
	LAST_IDLE_MS = 2000, /* idle timeout when serving ends: a request may be on its way */
};

struct worker {
	struct engine_shared *shared;
	struct thread thread;
	struct files files;
	struct reads reads;
	struct requests requests;
	struct outs outs;
	struct log_queue log;
	struct backends backends;
	struct calls calls;
	struct conns conns;
	struct accept accept;
	struct source wake;
	struct source inotify;
	struct source finished;
	struct source read;
	struct source returned;     /* calls that modules have given back */
	struct source handed_up;
	struct source passed;       /* delivers connections of retired engines; fd -1: unused */
	bool hurried;               /* idle connections have the final short timeout */
	bool fell_back;             /* to epoll, because the limit of locked memory is reached */
	pthread_t id;
	pthread_mutex_t state_lock; /* protects the members after it */
	pthread_cond_t state_moved;
	bool serving;
	bool ended;
	int error;                  /* errno that prevented serving */
};

/* The worker of a loop's owner. */
static struct worker *worker_of(void *owner)
{
	return (struct worker *)((char *)owner - offsetof(struct worker, accept));
}

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void on_wake(struct source *source, void *owner)
{
	uint64_t times;

	(void)owner;
	while (read(source->fd, &times, sizeof(times)) > 0)
		;
}

/* Takes handed-up connections. If that fails, stops watching the device, which stays readable; take_again() resumes. */
static void on_handed_up(struct source *source, void *owner)
{
	struct accept *accept = owner;

	accept_take_handed_up(accept);
	if (accept->take_again_ms != 0)
		source->fd = -1;
}

/* Watches the kernel engine's device again. If the loop has no memory for it, tries again at the next timer. */
static void take_again(struct worker *worker)
{
	worker->handed_up.fd = worker->shared->kernel->fd;
	if (worker->handed_up.fd < 0 || worker->thread.ops->watch(worker->thread.loop, &worker->handed_up))
		worker->accept.take_again_ms = 0;
	else
		worker->accept.take_again_ms = worker->thread.now_ms + TAKE_AGAIN_MS;
}

/* Takes passed connections, unless this engine has retired: then the serving engine takes them. */
static void on_passed(struct source *source, void *owner)
{
	if (is_set(&worker_of(owner)->shared->retire))
		source->fd = -1;
	else
		accept_take_passed(owner);
}

static void on_inotify(struct source *source, void *owner)
{
	(void)source;
	watch_read(&worker_of(owner)->files.watch);
}

static void on_finished(struct source *source, void *owner)
{
	struct worker *worker = worker_of(owner);
	struct job *job = inbox_take(&worker->files.inbox);

	(void)source;
	while (job != NULL) {
		struct job *next = job->next;

		if (!lookup_continue(&worker->files, (struct pending_load *)job))
			conns_loaded(&worker->conns, (struct pending_load *)job);
		job = next;
	}
}

static void on_read(struct source *source, void *owner)
{
	struct worker *worker = worker_of(owner);
	struct job *job = inbox_take(&worker->reads.inbox);

	(void)source;
	while (job != NULL) {
		struct job *next = job->next;

		conns_read(&worker->conns, job);
		job = next;
	}
}

static void on_returned(struct source *source, void *owner)
{
	(void)source;
	modules_returned(&worker_of(owner)->calls);
}

static void on_spawner(struct source *source, void *owner)
{
	(void)source;
	cgi_read(&worker_of(owner)->backends.cgi);
}

static void open_timers(struct worker *worker)
{
	const struct tux_engine_config *config = worker->thread.config;
	struct timers *timers = &worker->thread.timers;

	timers_init(timers);
	timers->duration_ms[TIMER_IDLE] = config->idle_timeout_ms;
	timers->duration_ms[TIMER_HEAD] = config->head_timeout_ms;
	timers->duration_ms[TIMER_HANDSHAKE] = config->head_timeout_ms;
	timers->duration_ms[TIMER_BODY] = config->body_timeout_ms;
	timers->duration_ms[TIMER_SEND] = config->send_timeout_ms;
	timers->duration_ms[TIMER_LINGER] = LINGER_MS;
	timers->duration_ms[TIMER_TUNNEL] = config->tunnel_timeout_ms;
	timers->duration_ms[TIMER_GIVE] = CONN_GIVE_AGAIN_MS;
}

/* Sets up the worker before anything that may fail, so that worker_free() may follow. */
static void init(struct worker *worker, struct engine_shared *shared, const struct loop_ops *ops)
{
	const struct tux_engine_config *config = shared->config;
	struct thread *thread = &worker->thread;
	const struct slots slots = { .active = shared->active, .max = config->max_connections, .kernel = shared->kernel };

	worker->shared = shared;
	thread->config = config;
	thread->ops = ops;
	thread->files = &worker->files;
	thread->reads = &worker->reads;
	thread->requests = &worker->requests;
	thread->outs = &worker->outs;
	thread->log = &worker->log;
	thread->backends = &worker->backends;
	thread->calls = &worker->calls;
	worker->calls.inbox.event_fd = -1;
	worker->calls.ready.fd = -1;
	thread->totals = shared->totals;
	open_timers(worker);
	conns_init(&worker->conns, thread, slots, &shared->passing, &shared->handshakes);
	worker->accept = (struct accept){ .thread = thread, .conns = &worker->conns, .threads = &shared->accepting, .by_kernel = shared->by_kernel };
	worker->wake = (struct source){ .fd = -1, .readable = on_wake };
	worker->inotify = (struct source){ .fd = -1, .readable = on_inotify };
	worker->finished = (struct source){ .fd = -1, .readable = on_finished };
	worker->read = (struct source){ .fd = -1, .readable = on_read };
	worker->returned = (struct source){ .fd = -1, .readable = on_returned };
	worker->handed_up = (struct source){ .fd = shared->kernel->fd, .readable = on_handed_up };
	worker->passed = (struct source){ .fd = config->passed_fd, .readable = on_passed };
	worker->files.config = config;
	worker->files.counters = &thread->counters;
	worker->files.now_ms = &thread->now_ms;
	worker->files.loader = shared->loader;
	worker->files.slow = shared->slow;
	worker->files.listings = shared->listings;
	worker->files.inbox.event_fd = -1;
	worker->files.watch.fd = -1;
	worker->reads = (struct reads){ .readers = shared->readers, .now_ms = &thread->now_ms, .inbox.event_fd = -1 };
	worker->log.event_fd = shared->log_event_fd;
	worker->log.sleeps = &shared->log_sleeps;
	log_waiters_open(&worker->log.waiters);
	request_ids_open(&worker->log.ids);
	pthread_mutex_init(&worker->state_lock, NULL);
	pthread_cond_init(&worker->state_moved, NULL);
}

/* True if clients or upstream servers speak TLS. */
static bool needs_tls(const struct tux_engine_config *config)
{
	for (unsigned i = 0; i < config->listener_count; i++)
		if (config->listeners[i].tls)
			return true;
	for (unsigned i = 0; i < config->upstream_count; i++)
		if (config->upstreams[i].tls != NULL)
			return true;
	return false;
}

/* Returns false with errno on failure. */
static bool open_all(struct worker *worker, unsigned index)
{
	const struct tux_engine_config *config = worker->thread.config;
	const int spawner_fd = config->spawner_fd != NULL ? config->spawner_fd[index] : -1;
	struct thread *thread = &worker->thread;
	uint64_t seed = 0;

	if (needs_tls(config) && (thread->tls_buffers = malloc(sizeof(*thread->tls_buffers))) == NULL)
		return false;
	if (!backends_open(&worker->backends, &worker->thread, spawner_fd, &exchange_cgi_events))
		return false;
	worker->backends.cgi.spawner.source.readable = on_spawner;
	if (!modules_open(&worker->calls, &worker->thread, index))
		return false;
	worker->returned.fd = worker->calls.inbox.event_fd;
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	worker->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake.fd < 0 || !inbox_open(&worker->files.inbox) || !inbox_open(&worker->reads.inbox) || !record_ring_open(&worker->log.records) ||
	    !cache_open(&worker->files.cache, config->cache_entries, config->cache_files, config->cache_bytes / config->threads, seed))
		return false;
	worker->finished.fd = worker->files.inbox.event_fd;
	worker->read.fd = worker->reads.inbox.event_fd;
	if (watch_open(&worker->files.watch, &worker->files.cache, &worker->files.systems)) /* without inotify, every file is rechecked */
		worker->inotify.fd = worker->files.watch.fd;
	return accept_open(&worker->accept, index);
}

/* Returns the finished jobs of an inbox, which may have failed to open. */
static struct job *last_jobs(struct inbox *inbox)
{
	return inbox->event_fd >= 0 ? inbox_take(inbox) : NULL;
}

void worker_free(struct worker *worker)
{
	struct job *job = last_jobs(&worker->files.inbox);

	while (job != NULL) { /* loads without waiting connections */
		struct job *next = job->next;

		lookup_finish(&worker->files, (struct pending_load *)job);
		job = next;
	}
	job = last_jobs(&worker->reads.inbox);
	while (job != NULL) { /* reads without waiting connections */
		struct job *next = job->next;

		while (residence_finish(&worker->reads, job) != NULL)
			;
		job = next;
	}
	free(worker->thread.tls_buffers);
	outs_free(&worker->outs);
	requests_free(&worker->requests);
	free(worker->accept.acceptor);
	backends_free(&worker->backends, &worker->thread);
	cache_free(&worker->files.cache);
	watch_free(&worker->files.watch);
	record_ring_free(&worker->log.records);
	inbox_free(&worker->files.inbox);
	inbox_free(&worker->reads.inbox);
	if (worker->wake.fd >= 0)
		close(worker->wake.fd);
	pthread_cond_destroy(&worker->state_moved);
	pthread_mutex_destroy(&worker->state_lock);
	if (modules_free(&worker->calls))
		free(worker);
}

void worker_wake(struct worker *worker)
{
	const uint64_t one = 1;

	(void)!write(worker->wake.fd, &one, sizeof(one));
}

bool worker_fell_back(const struct worker *worker)
{
	return worker->fell_back;
}

const struct thread *worker_thread(const struct worker *worker)
{
	return &worker->thread;
}

struct record_ring *worker_records(struct worker *worker)
{
	return &worker->log.records;
}

static void tick(struct thread *thread)
{
	struct timespec mono;
	struct timespec real;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	thread->now_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
	thread->now_us = real.tv_sec * INT64_C(1000000) + real.tv_nsec / 1000;
	if (real.tv_sec != thread->now_s) {
		thread->now_s = real.tv_sec;
		tux_date_format(thread->now_s, thread->date);
	}
}

/* Publishes cache statistics, because other threads must not read the cache. */
static void show(struct worker *worker)
{
	struct tux_counters *counters = &worker->thread.counters;

	__atomic_store_n(&counters->cached, worker->files.cache.count, __ATOMIC_RELAXED);
	__atomic_store_n(&counters->cached_bytes, worker->files.cache.bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&counters->cached_files, worker->files.cache.files, __ATOMIC_RELAXED);
}

/* True if a time is set, and has come. */
static bool has_come(const struct worker *worker, uint64_t ms)
{
	return ms != 0 && worker->thread.now_ms >= ms;
}

static void expire(struct worker *worker)
{
	struct thread *thread = &worker->thread;
	struct timer *timer;

	while ((timer = timer_expired(&thread->timers, thread->now_ms)) != NULL)
		conn_timeout(conn_of_timer(timer));
	backends_expire(&worker->backends, thread);
	modules_expire(&worker->calls);
	if (has_come(worker, worker->accept.again_ms) && !thread->draining)
		accept_resume(&worker->accept);
	if (has_come(worker, worker->log.error_lines.due_ms))
		error_lines_tell(thread, false);
	if (has_come(worker, worker->accept.take_again_ms))
		take_again(worker);
	if (has_come(worker, worker->conns.pass_again_ms)) {
		worker->conns.pass_again_ms = 0;
		conns_pass_idle(&worker->conns);
	}
}

/* Returns the shorter of two waits; -1 is no limit. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Returns the milliseconds until a time; 0 if it has passed, -1 if it is not set. */
static int until(const struct worker *worker, uint64_t ms)
{
	if (ms == 0)
		return -1;
	return ms > worker->thread.now_ms ? (int)(ms - worker->thread.now_ms) : 0;
}

static int wait_ms(const struct worker *worker)
{
	const struct thread *thread = &worker->thread;
	int wait = timers_next(&thread->timers, thread->now_ms);

	wait = sooner(wait, backends_next(&worker->backends, thread));
	wait = sooner(wait, modules_next(&worker->calls));
	wait = sooner(wait, until(worker, worker->accept.take_again_ms));
	wait = sooner(wait, until(worker, worker->conns.pass_again_ms));
	wait = sooner(wait, until(worker, worker->log.error_lines.due_ms));
	if (worker->log.waiters.first != NULL)
		wait = sooner(wait, LOG_POLL_MS);
	if (!thread->draining)
		wait = sooner(wait, until(worker, worker->accept.again_ms));
	else if (worker->shared->kernel->fd >= 0)
		wait = sooner(wait, DRAIN_POLL_MS);
	return wait;
}

/* Begins to send Connection: close. Accepts on all listeners, because the kernel engine has stopped. */
static void begin_leave(struct worker *worker)
{
	worker->thread.leaving = true;
	if (worker->accept.accepting)
		accept_switch(&worker->accept, true);
}

/*
 * True if all connections are closed. The last connections that the kernel engine handed up are not counted yet, so takes them
 * first.
 */
static bool all_over(struct worker *worker)
{
	struct kernel_link *kernel = worker->shared->kernel;

	if (!worker->thread.draining || worker->accept.count > 0 || worker->conns.open > 0 || cgi_runs_unwatched(&worker->backends.cgi) ||
	    !kernel_link_drained(kernel))
		return false;
	if (kernel->fd >= 0)
		accept_take_handed_up(&worker->accept);
	return worker->conns.open == 0;
}

static void begin_drain(struct worker *worker)
{
	worker->thread.leaving = worker->thread.draining = true;
	accept_switch(&worker->accept, false);
	conns_pass_idle(&worker->conns);
	conns_end_tunnels(&worker->conns);
}

/* Follows the engine's flags to leave, to drain and to retire. */
static void follow_flags(struct worker *worker)
{
	const struct engine_shared *shared = worker->shared;
	const bool drain = is_set(&shared->drain);
	struct thread *thread = &worker->thread;

	if (!thread->leaving && is_set(&shared->leave))
		begin_leave(worker);
	if (!thread->draining && (drain || is_set(&shared->retire)))
		begin_drain(worker);
	if (thread->draining && worker->accept.count > 0 && accept_end(&worker->accept))
		backends_close_unused(&worker->backends, thread);
	if (drain && !worker->hurried) {
		worker->hurried = true;
		conns_hurry_idle(&worker->conns, LAST_IDLE_MS);
	}
	if (thread->draining && worker->conns.open == 0 && worker->passed.fd >= 0 && !is_set(&shared->retire))
		accept_take_passed(&worker->accept); /* no other engine will take them */
}

static void serve(struct worker *worker)
{
	struct thread *thread = &worker->thread;
	bool accepts = false;

	while (!is_set(&worker->shared->stop)) {
		thread->ops->wait(thread->loop, wait_ms(worker));
		tick(thread); /* before handling events: with an old clock their timers would expire at once */
		thread->ops->handle(thread->loop);
		expire(worker);
		conns_log_resume(&worker->conns);
		if (accepts && worker->conns.left && !worker->accept.accepting) /* by_kernel is valid only after go */
			accept_resume(&worker->accept);
		worker->conns.left = false;
		show(worker);
		if (!accepts && !thread->draining && is_set(&worker->shared->go)) {
			accepts = true;
			accept_switch(&worker->accept, true);
			if (worker->passed.fd >= 0)
				thread->ops->watch(thread->loop, &worker->passed);
		}
		follow_flags(worker);
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

/* Opens the loop, and sets it in the thread and its streams, which have the only copies of ops. Returns false with errno on failure. */
static bool open_loop(struct worker *worker)
{
	struct thread *thread = &worker->thread;

	thread->loop = thread->ops->open(&accept_events, &worker->accept);
	if (thread->loop == NULL && errno == ENOMEM && thread->config->loop == TUX_LOOP_AUTO) {
		/* The limit of locked memory is per user, and includes retired server processes. */
		thread->ops = &loop_epoll;
		worker->fell_back = true;
		thread->loop = thread->ops->open(&accept_events, &worker->accept);
	}
	backends_set_loop(&worker->backends, thread);
	return thread->loop != NULL;
}

/* Watches all sources that wake the worker. Returns false with errno if one cannot be watched, because its events would be lost. */
static bool watch_sources(struct worker *worker)
{
	struct source *const sources[] = { &worker->wake, &worker->finished, &worker->read, &worker->returned, &worker->calls.ready, &worker->inotify,
		                           &worker->backends.cgi.spawner.source, &worker->handed_up };

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (sources[i]->fd >= 0 && !worker->thread.ops->watch(worker->thread.loop, sources[i]))
			return false;
	return isolated_lines_watch(&worker->calls, worker->thread.ops, worker->thread.loop);
}

/* Thread function: opens the loop, and serves until stopped or drained. */
static void *run(void *argument)
{
	struct worker *worker = argument;
	struct thread *thread = &worker->thread;
	int error = 0;

	pthread_setname_np(pthread_self(), "tux");
	if (!open_loop(worker)) {
		error = errno;
	} else if (!watch_sources(worker)) {
		error = errno;
		thread->ops->free(thread->loop);
	} else {
		tick(thread);
		tell(worker, true, 0);
		serve(worker);
		error_lines_tell(thread, true);
		thread->ops->free(thread->loop);
	}
	conns_free(&worker->conns);
	peer_streams_free(&worker->backends.streams);
	if (!is_set(&worker->shared->keeps_listeners))
		accept_close(&worker->accept);
	tell(worker, false, error);
	return NULL;
}

struct worker *worker_start(struct engine_shared *shared, const struct loop_ops *ops, unsigned index)
{
	struct worker *worker = aligned_alloc(64, sizeof(*worker));
	int error;

	if (worker == NULL)
		return NULL;
	memset(worker, 0, sizeof(*worker));
	init(worker, shared, ops);
	errno = EAGAIN;
	if (open_all(worker, index)) {
		error = pthread_create(&worker->id, NULL, run, worker);
		if (error == 0)
			return worker;
		errno = error;
	}
	error = errno;
	worker_free(worker);
	errno = error;
	return NULL;
}

int worker_await(struct worker *worker)
{
	int error;

	pthread_mutex_lock(&worker->state_lock);
	while (!worker->serving && !worker->ended)
		pthread_cond_wait(&worker->state_moved, &worker->state_lock);
	error = worker->serving ? 0 : worker->error;
	pthread_mutex_unlock(&worker->state_lock);
	return error;
}

bool worker_wait(struct worker *worker, const struct timespec *until_time)
{
	int waited = 0;
	bool ended;

	pthread_mutex_lock(&worker->state_lock);
	while (!worker->ended && waited == 0)
		waited = pthread_cond_timedwait(&worker->state_moved, &worker->state_lock, until_time);
	ended = worker->ended;
	pthread_mutex_unlock(&worker->state_lock);
	return ended;
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->id, NULL);
}
