/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread of the engine with its loop, its cache, its connections. Workers share none of these while they serve. */
#ifndef TUX_ENGINE_WORKER_H
#define TUX_ENGINE_WORKER_H

#include "http/handshake.h"
#include "http/passing.h"
#include "kernel_link.h"
#include "stats/totals.h"

struct loader;
struct record_ring;
struct worker;

/* The parts of an engine that its workers share. The engine sets the flags, which are atomic, and wakes the workers. */
struct engine_shared {
	const struct tux_engine_config *config;
	struct loader *loader;
	struct loader *slow;
	struct loader *readers;
	struct listing_cache *listings;
	struct kernel_link *kernel;
	const struct totals *totals;
	struct passing passing;
	struct handshakes handshakes;
	bool by_kernel[TUX_MAX_LISTENERS]; /* per listener: the kernel engine accepts there; atomic */
	unsigned accepting;   /* threads that accept; atomic */
	unsigned *active;     /* connections of all threads and the kernel engine that are not parked; atomic */
	bool go;              /* start to accept. Until then the engine may still fail to start, so the workers accept no client */
	bool leave;
	bool drain;
	bool retire;
	bool stop;
	bool keeps_listeners; /* the start has not succeeded, so the caller still owns the listeners */
	bool log_sleeps;      /* the reader of the access records waits for log_event_fd; atomic */
	int log_event_fd;
};

/*
 * Opens a worker and starts its thread. Returns NULL with errno on failure. Otherwise worker_free() is due after worker_join().
 */
struct worker *worker_start(struct engine_shared *shared, const struct loop_ops *ops, unsigned index);

/* Waits until the worker serves or has failed. Returns 0, or the errno that prevented serving. */
int worker_await(struct worker *worker);

/* Waits for the worker's end, at most until a time of CLOCK_REALTIME. Returns false if it still runs. */
bool worker_wait(struct worker *worker, const struct timespec *until);

/* Waits for the worker's end. */
void worker_join(struct worker *worker);

void worker_free(struct worker *worker);

/* Ends the worker's wait, so that it checks the flags. Any thread. */
void worker_wake(struct worker *worker);

/* True if the worker serves over epoll, because the limit of locked memory is reached. After worker_await(). */
bool worker_fell_back(const struct worker *worker);

/* Returns the worker's thread, for its counters, and its access records. */
const struct thread *worker_thread(const struct worker *worker);
struct record_ring *worker_records(struct worker *worker);

#endif
