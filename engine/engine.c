/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Implements engine.h: starts, drains and stops the workers, and collects their counters and records. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/memlock.h"
#include "files/content_tag.h"
#include "log/record_ring.h"
#include "stats/totals.h"
#include "isolated/line.h"
#include "isolated/process.h"
#include "modules/call.h"
#include "modules/loaded.h"
#include "worker.h"

enum { LISTINGS_SHARE = 4 }; /* listings get 1/4 of cache-bytes in addition */

struct tux_engine {
	struct tux_engine_config config;
	struct loader loader;          /* opens files and reads small ones */
	struct loader slow;            /* for what takes longer: listings, tags of contents, names in directories */
	struct loader readers;         /* read bodies in; apart, because they may all wait for a disk */
	struct listing_cache listings;
	struct kernel_link kernel;
	struct engine_shared shared;
	struct worker **workers;       /* config.threads; NULL: not started */
	const struct thread **threads; /* theirs */
	struct totals totals;
	unsigned active;       /* connections of all workers, without a kernel engine */
	bool stopped;
	unsigned next_records; /* index of the worker whose records are read next */
	char loop_description[MEMLOCK_TEXT + 96];
	char description[2 * MEMLOCK_TEXT + 224];
};

/* True if openat2(2) works: only this call can stay beneath the root. Writes the reason to error if not. */
static bool kernel_suffices(const struct tux_engine_config *config, char *error, size_t error_size)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | O_DIRECTORY, .resolve = RESOLVE_BENEATH };
	int fd = (int)syscall(SYS_openat2, config->hosts->root_fd, ".", &how, sizeof(how));

	if (fd < 0 && (errno == EBADF || errno == EACCES)) /* openat2 exists; the root is missing or not accessible */
		return true;
	if (fd < 0) {
		snprintf(error, error_size, "cannot open the document root beneath itself (openat2, Linux 5.6): %s%s", strerror(errno),
		         errno == ENOSYS ? "; systemd's RestrictSUIDSGID= hides it, too" : "");
		return false;
	}
	close(fd);
	return true;
}

/* Opens and frees a loop on this thread. Returns 0, or the errno of the failure. */
static int probe(const struct loop_ops *ops)
{
	static const struct loop_events none;
	struct loop *loop = ops->open(&none, NULL);

	if (loop == NULL)
		return errno != 0 ? errno : EINVAL;
	ops->free(loop);
	return 0;
}

/* Writes the reason for a failure to open a loop. */
static void explain(char out[MEMLOCK_TEXT], int reason)
{
	if (reason == ENOMEM)
		memlock_explain(out, memlock_limit());
	else
		snprintf(out, MEMLOCK_TEXT, "%s", strerror(reason));
}

static const struct loop_ops *choose_loop(struct tux_engine *engine, char *error, size_t error_size)
{
	char reason_text[MEMLOCK_TEXT];
	int reason;

	switch (engine->config.loop) {
	case TUX_LOOP_EPOLL:
		snprintf(engine->loop_description, sizeof(engine->loop_description), "epoll (as asked)");
		return &loop_epoll;
	case TUX_LOOP_URING:
	case TUX_LOOP_AUTO:
		break;
	}
	reason = probe(&loop_uring);
	if (reason == 0) {
		snprintf(engine->loop_description, sizeof(engine->loop_description), "io_uring%s",
		         engine->config.loop == TUX_LOOP_URING ? " (as asked)" : " (the kernel has it and permits it)");
		return &loop_uring;
	}
	explain(reason_text, reason);
	if (engine->config.loop == TUX_LOOP_URING) {
		snprintf(error, error_size, "io_uring cannot be had here (it needs Linux 6.1 and permission): %s", reason_text);
		return NULL;
	}
	snprintf(engine->loop_description, sizeof(engine->loop_description), "epoll (io_uring: %s)", reason_text);
	return &loop_epoll;
}

/* Starts all workers. Returns 0, or an errno. */
static int start_workers(struct tux_engine *engine, const struct loop_ops *ops)
{
	engine->shared.active = kernel_link_connections(&engine->kernel);
	if (engine->shared.active == NULL)
		engine->shared.active = &engine->active;
	for (unsigned i = 0; i < engine->config.threads; i++) {
		engine->workers[i] = worker_start(&engine->shared, ops, i);
		if (engine->workers[i] == NULL)
			return errno != 0 ? errno : EAGAIN;
		engine->threads[i] = worker_thread(engine->workers[i]);
	}
	return 0;
}

/* Sets up the kernel engine. */
static bool start_kernel(struct tux_engine *engine, char *error, size_t error_size)
{
	const struct tux_engine_config *config = &engine->config;

	if (!kernel_link_start(&engine->kernel, config, engine->shared.log_event_fd, error, error_size))
		return false;
	/*
	 * The kernel engine hands up requests for files that it cannot check, for example under a mount point. The workers
	 * recheck such files every time.
	 */
	engine->config.recheck_ms = 0;
	return true;
}

/* Waits until every worker serves or has failed. Returns 0, or the errno of the first failure. */
static int await_workers(struct tux_engine *engine)
{
	int error = 0;

	for (unsigned i = 0; i < engine->config.threads; i++) {
		const int failed = worker_await(engine->workers[i]);

		error = error == 0 ? failed : error;
	}
	return error;
}

/* Sets a flag of the workers, and tells them. */
static void tell_all(struct tux_engine *engine, bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < engine->config.threads; i++)
		if (engine->workers[i] != NULL)
			worker_wake(engine->workers[i]);
}

/* True if the kernel engine may accept on a listener: it neither speaks TLS nor redirects to it. */
static bool is_for_kernel(const struct tux_engine_config *config, unsigned listener)
{
	const struct tux_host_names *names = &config->names;
	bool redirects = config->hosts[names->fallback[listener]].https_port != 0;

	for (uint32_t i = 0; i < names->count && !redirects; i++)
		redirects = names->name[i].len > 0 && (names->name[i].listeners >> listener & 1) && config->hosts[names->name[i].host].https_port != 0;
	return !config->listeners[listener].tls && !redirects;
}

void tux_engine_accept(struct tux_engine *engine)
{
	const struct tux_engine_config *config = &engine->config;

	for (unsigned i = 0; i < config->listener_count && engine->kernel.fd >= 0; i++)
		if (is_for_kernel(config, i))
			__atomic_store_n(&engine->shared.by_kernel[i], kernel_link_listen(&engine->kernel, &config->listeners[i], i),
			                 __ATOMIC_RELAXED);
	tell_all(engine, &engine->shared.go);
}

/* Writes engine->description. */
static void describe(struct tux_engine *engine)
{
	unsigned other = 0;
	char others[MEMLOCK_TEXT + 64] = "", reason[MEMLOCK_TEXT];

	for (unsigned i = 0; i < engine->config.threads; i++)
		other += worker_fell_back(engine->workers[i]);
	explain(reason, ENOMEM);
	if (other > 0)
		snprintf(others, sizeof(others), "; %u of %u threads serve over epoll (%s)", other, engine->config.threads, reason);
	snprintf(engine->description, sizeof(engine->description), "%s%s%s", engine->kernel.fd >= 0 ? "kernel, and " : "",
	         engine->loop_description, others);
}

/* Closes the kernel engine's descriptor after a failure before kernel_link_start(). */
static struct tux_engine *give_up(const struct tux_engine_config *config)
{
	if (config->kernel_fd >= 0)
		close(config->kernel_fd);
	return NULL;
}

static bool wants_addresses(const struct tux_engine_config *config)
{
	if (config->upstream_count + config->cgi_count + config->module_count > 0)
		return true;
	for (unsigned i = 0; i < config->host_count; i++)
		if (config->hosts[i].statuses != NULL)
			return true;
	return config->records;
}

static void stop_loaders(struct tux_engine *engine)
{
	loader_stop(&engine->loader);
	loader_stop(&engine->slow);
	loader_stop(&engine->readers);
}

/* Returns false with errno if no thread starts. Those that read bodies in start when they are needed. */
static bool start_loaders(struct tux_engine *engine)
{
	static const struct loader_limits loads = { .first = LOADER_THREADS, .most = LOADER_THREADS * LOADER_ROOTS, .each = LOADER_THREADS };
	static const struct loader_limits slow = { .first = 1, .most = LOADER_SLOW * LOADER_ROOTS, .each = LOADER_SLOW, .nice = LOADER_SLOW_NICE };
	static const struct loader_limits reads = { .most = LOADER_READERS, .each = LOADER_DISK };
	const bool started = loader_start(&engine->loader, &loads);
	const bool slow_started = loader_start(&engine->slow, &slow);
	const int failure = errno;

	loader_start(&engine->readers, &reads);
	if (started && slow_started)
		return true;
	stop_loaders(engine);
	errno = failure;
	return false;
}

/* Returns false if out of memory. */
static bool make_content_tags(struct tux_engine *engine)
{
	bool wanted = false;

	for (unsigned i = 0; i < engine->config.host_count; i++)
		wanted = wanted || engine->config.hosts[i].content_tags;
	if (wanted)
		engine->config.content_tags = content_tags_open();
	return !wanted || engine->config.content_tags != NULL;
}

/* Frees an engine whose start has failed before its workers started. */
static struct tux_engine *abandon(struct tux_engine *engine, const struct tux_engine_config *config)
{
	tux_engine_free(engine);
	return give_up(config);
}

static bool describe_module(const struct tux_engine_config *config, unsigned number, struct snapshot_module *module)
{
	const struct isolated *isolated;

	if (!modules_describe(config, number, &module->abi, &module->functions))
		return false;
	isolated = config->loaded[number].isolated;
	module->threads = config->modules[number].threads;
	module->host = isolated != NULL ? SNAPSHOT_HOST_ISOLATED : module->threads > 0 ? SNAPSHOT_HOST_POOL : SNAPSHOT_HOST_INLINE;
	if (isolated != NULL)
		isolated_describe(isolated, module);
	return true;
}

/* Returns a new engine, of which nothing has started. Returns NULL if out of memory. */
static struct tux_engine *engine_new(const struct tux_engine_config *config)
{
	struct tux_engine *engine = calloc(1, sizeof(*engine));
	struct timespec now;

	if (engine == NULL)
		return NULL;
	engine->workers = calloc(config->threads, sizeof(struct worker *));
	engine->threads = calloc(config->threads, sizeof(struct thread *));
	engine->config = *config;
	engine->config.content_tags = NULL;
	engine->config.addresses = wants_addresses(config);
	engine->kernel.fd = -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	engine->totals = (struct totals){
		.config = &engine->config,
		.threads = engine->threads,
		.kernel = &engine->kernel,
		.description = engine->description,
		.leaves = &engine->shared.leave,
		.listings = &engine->listings,
		.describe_module = describe_module,
		.started_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
	};
	engine->shared = (struct engine_shared){
		.config = &engine->config,
		.loader = &engine->loader,
		.slow = &engine->slow,
		.readers = &engine->readers,
		.listings = &engine->listings,
		.kernel = &engine->kernel,
		.totals = &engine->totals,
		.accepting = config->threads,
		.keeps_listeners = true,
		.log_event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	handshakes_open(&engine->shared.handshakes);
	passing_prepare(&engine->shared.passing, &engine->config, &engine->shared.drain);
	if (engine->workers != NULL && engine->threads != NULL)
		return engine;
	tux_engine_free(engine);
	return NULL;
}

/* Prepares the processes of isolated modules. Returns false with errno. */
static bool open_isolated(struct tux_engine *engine)
{
	struct tux_engine_config *config = &engine->config;

	if (config->loaded == NULL || config->module_spawner_fd < 0)
		return true;
	config->isolated = isolated_open(config, config->loaded, config->module_spawner_fd);
	for (unsigned i = 0; config->isolated != NULL && i < config->module_count; i++)
		if (config->loaded[i].isolated != NULL) {
			config->loaded[i].module = &isolated_module;
			config->loaded[i].writable = isolated_module.writable;
			config->loaded[i].resumed = isolated_module.resumed;
			config->loaded[i].readable = isolated_module.readable;
		}
	return config->isolated != NULL;
}

struct tux_engine *tux_engine_start(const struct tux_engine_config *config, char *error, size_t error_size)
{
	struct tux_engine *engine;
	const struct loop_ops *ops;
	char reason[MEMLOCK_TEXT];
	int failed;

	if (!kernel_suffices(config, error, error_size))
		return give_up(config);
	engine = engine_new(config);
	if (engine == NULL) {
		snprintf(error, error_size, "no memory for %u threads", config->threads);
		return give_up(config);
	}
	ops = choose_loop(engine, error, error_size);
	if (ops == NULL || engine->shared.log_event_fd < 0 || !start_loaders(engine)) {
		if (ops != NULL)
			snprintf(error, error_size, "cannot start the loader threads: %s", strerror(errno));
		return abandon(engine, config);
	}
	if (!make_content_tags(engine)) {
		snprintf(error, error_size, "cannot keep entity tags: %s", strerror(errno));
		stop_loaders(engine);
		return abandon(engine, config);
	}
	listing_cache_open(&engine->listings, &engine->slow, config->cache_bytes / LISTINGS_SHARE, config->recheck_ms);
	if (config->kernel_fd >= 0 && !start_kernel(engine, error, error_size)) {
		stop_loaders(engine);
		listing_cache_stop(&engine->listings);
		tux_engine_free(engine);
		return NULL;
	}
	if (engine->config.loaded != NULL && !modules_start(engine->config.loaded, &engine->config, error, error_size)) {
		tux_engine_stop(engine);
		tux_engine_free(engine);
		return NULL;
	}
	if (!open_isolated(engine)) {
		snprintf(error, error_size, "cannot prepare the processes of isolated modules: %s", strerror(errno));
		tux_engine_stop(engine);
		tux_engine_free(engine);
		return NULL;
	}
	failed = start_workers(engine, ops);
	if (failed == 0)
		failed = await_workers(engine);
	if (failed == 0 && engine->config.isolated != NULL && !isolated_start(engine->config.isolated))
		failed = errno;
	if (failed != 0) {
		explain(reason, failed);
		snprintf(error, error_size, "cannot start %u threads: %s", config->threads, reason);
		tux_engine_stop(engine);
		tux_engine_free(engine);
		return NULL;
	}
	__atomic_store_n(&engine->shared.keeps_listeners, false, __ATOMIC_RELEASE);
	describe(engine);
	return engine;
}

const char *tux_engine_describe(const struct tux_engine *engine)
{
	return engine->description;
}

/* Begins to leave: the status is "not ready", and the kernel engine gives its listeners and idle connections to the workers. */
static void begin_leave(struct tux_engine *engine)
{
	if (engine->shared.leave)
		return;
	if (engine->kernel.fd >= 0)
		kernel_link_retire(&engine->kernel);
	for (unsigned i = 0; i < TUX_MAX_LISTENERS; i++)
		__atomic_store_n(&engine->shared.by_kernel[i], false, __ATOMIC_RELAXED);
	tell_all(engine, &engine->shared.leave);
}

void tux_engine_leave(struct tux_engine *engine)
{
	begin_leave(engine);
}

void tux_engine_drain(struct tux_engine *engine)
{
	begin_leave(engine);
	tell_all(engine, &engine->shared.drain);
}

void tux_engine_retire(struct tux_engine *engine, const bool stays[TUX_MAX_LISTENERS])
{
	passing_open(&engine->shared.passing, stays);
	begin_leave(engine);
	tell_all(engine, &engine->shared.retire);
}

bool tux_engine_accepts(struct tux_engine *engine)
{
	return __atomic_load_n(&engine->shared.accepting, __ATOMIC_ACQUIRE) > 0;
}

bool tux_engine_wait(struct tux_engine *engine, uint32_t timeout_ms)
{
	struct timespec until;
	bool all = true;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	for (unsigned i = 0; i < engine->config.threads; i++)
		all = worker_wait(engine->workers[i], &until) && all;
	return all;
}

void tux_engine_stop(struct tux_engine *engine)
{
	if (engine->stopped)
		return;
	engine->stopped = true;
	tell_all(engine, &engine->shared.stop);
	for (unsigned i = 0; i < engine->config.threads; i++)
		if (engine->workers[i] != NULL)
			worker_join(engine->workers[i]);
	if (engine->config.loaded != NULL)
		modules_stop(engine->config.loaded, engine->config.module_count);
	if (engine->config.isolated != NULL)
		isolated_stop(engine->config.isolated);
	content_tags_stop(engine->config.content_tags);
	stop_loaders(engine);
	listing_cache_stop(&engine->listings);
	kernel_link_stop(&engine->kernel);
}

void tux_engine_free(struct tux_engine *engine)
{
	kernel_link_free(&engine->kernel);
	for (unsigned i = 0; engine->workers != NULL && i < engine->config.threads; i++)
		if (engine->workers[i] != NULL)
			worker_free(engine->workers[i]);
	isolated_free(engine->config.isolated);
	if (engine->shared.log_event_fd >= 0)
		close(engine->shared.log_event_fd);
	content_tags_free(engine->config.content_tags);
	free(engine->threads);
	free(engine->workers);
	free(engine);
}

void tux_engine_counters(struct tux_engine *engine, struct tux_counters *sum)
{
	totals_sum(&engine->totals, sum);
}

char *tux_engine_report(struct tux_engine *engine, enum tux_report_form form, size_t *len)
{
	return totals_report(&engine->totals, form, "", len);
}

size_t tux_engine_records_read(struct tux_engine *engine, uint8_t *out, size_t cap)
{
	size_t len = 0;

	for (unsigned i = 0; i < engine->config.threads && len == 0; i++) {
		len = record_ring_read(worker_records(engine->workers[engine->next_records]), out, cap);
		engine->next_records = (engine->next_records + 1) % engine->config.threads;
	}
	return len > 0 ? len : kernel_link_records_read(&engine->kernel, out, cap);
}

void tux_engine_records_fail(struct tux_engine *engine, uint64_t records)
{
	__atomic_fetch_add(&engine->totals.records_failed, records, __ATOMIC_RELAXED);
}

static bool have_records(struct tux_engine *engine)
{
	for (unsigned i = 0; i < engine->config.threads; i++)
		if (record_ring_waiting(worker_records(engine->workers[i])))
			return true;
	return kernel_link_records_waiting(&engine->kernel);
}

void tux_engine_records_wait(struct tux_engine *engine, int timeout_ms)
{
	struct pollfd waits = { .fd = engine->shared.log_event_fd, .events = POLLIN };
	uint64_t times;

	/* Set the flag first, then check: a writer writes first, then checks the flag. Neither order misses a record. */
	__atomic_store_n(&engine->shared.log_sleeps, true, __ATOMIC_SEQ_CST);
	kernel_link_records_sleep(&engine->kernel, true);
	if (!have_records(engine))
		poll(&waits, 1, timeout_ms);
	__atomic_store_n(&engine->shared.log_sleeps, false, __ATOMIC_SEQ_CST);
	kernel_link_records_sleep(&engine->kernel, false);
	(void)!read(engine->shared.log_event_fd, &times, sizeof(times));
}

bool tux_engine_needs_watch(const struct tux_engine *engine)
{
	const struct tux_engine_config *config = &engine->config;
	unsigned i = 0;

	while (i < config->module_count && (config->modules[i].file == NULL || config->modules[i].isolate || config->modules[i].threads > 0))
		i++;
	return i < config->module_count;
}

void tux_engine_watch(struct tux_engine *engine)
{
	const uint64_t now_ms = clock_ms();

	for (unsigned i = 0; i < engine->config.threads; i++)
		if (engine->threads[i] != NULL)
			calls_tell_hung(engine->threads[i]->calls, now_ms);
}

void tux_engine_records_wake(struct tux_engine *engine)
{
	const uint64_t one = 1;

	(void)!write(engine->shared.log_event_fd, &one, sizeof(one));
}
