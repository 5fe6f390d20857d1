/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user engine's interface to the kernel engine (tux.ko) over /dev/tux: setup, helper threads, handed-up connections, counters
 * and access records. A helper thread is no worker: it runs in the kernel engine until the end.
 */
#ifndef TUX_ENGINE_KERNEL_LINK_H
#define TUX_ENGINE_KERNEL_LINK_H

#include "../core/ring.h"
#include "config.h"
#include "log/request_id.h"
#include "stats/counters.h"

#include <pthread.h>

#include "../include/uapi/tux.h"

struct kernel_link {
	int fd;                     /* -1: no kernel engine */
	struct tux_shared *shared;  /* mapped */
	size_t shared_bytes;
	struct tux_rings rings;     /* checked copy of the rings' place in shared */
	unsigned thread_count;
	pthread_t thread[TUX_MAX_THREADS];
	unsigned running;           /* helper threads in the kernel engine; atomic */
	bool stop;
	struct request_ids ids;     /* ids of access records; used by the log's thread only */
	bool told_slow[TUX_MAX_SETUP_MODULES]; /* kernel_link_tell_slow() has written its line; atomic */
};

/*
 * Opens /dev/tux and compares versions. Call it before privileges are dropped. Returns the descriptor for
 * tux_engine_config.kernel_fd, or -1 with the reason in error.
 */
int tux_kernel_open(char *error, size_t error_size);

/*
 * Sets up the instance of config->kernel_fd and starts config->threads helper threads. The kernel engine signals access records on
 * event_fd. Returns false with a sentence in error on failure. Then the fd is closed.
 */
bool kernel_link_start(struct kernel_link *kernel, const struct tux_engine_config *config, int event_fd, char *error,
                       size_t error_size);

/* Uses `bytes` bytes of memory that the kernel engine shares. Returns false if a ring does not lie inside. */
bool kernel_link_share(struct kernel_link *kernel, struct tux_shared *shared, size_t bytes);

/* Gives a TCP listener and its number to the kernel engine. Returns false if the workers have to accept on its sockets. */
bool kernel_link_listen(struct kernel_link *kernel, const struct tux_listener *listener, unsigned number);

enum {
	KERNEL_LINK_AT_ONCE = 32, /* connections without a text that one call of kernel_link_take() returns */
	KERNEL_LINK_ROOM = KERNEL_LINK_AT_ONCE * sizeof(struct tux_handed_up) + TUX_MAX_CHOSEN, /* bytes */
};

/*
 * Reads handed-up connections. Returns their bytes in room; 0 with errno if no connection waits. Less than KERNEL_LINK_AT_ONCE structures: no other
 * one waits. Any worker.
 */
size_t kernel_link_take(struct kernel_link *kernel, uint32_t room[KERNEL_LINK_ROOM / sizeof(uint32_t)]);

/* Returns the structure at *at, and advances *at to the next; NULL after the last. */
const struct tux_handed_up *kernel_link_next(const uint32_t *room, size_t bytes, size_t *at);

/* Returns the shared connection counter of both engines (include/uapi/tux.h); NULL without a kernel engine. */
unsigned *kernel_link_connections(struct kernel_link *kernel);

/* Notifies a kernel engine at its connection limit that a counted connection has closed. Any worker. */
void kernel_link_tell_room(struct kernel_link *kernel);

/*
 * Gives a connection of a listener to the kernel engine, which then owns it: the descriptor is closed, and *fd is -1. Returns false
 * if the caller keeps both.
 */
bool kernel_link_give(struct kernel_link *kernel, int *fd, unsigned listener);

/*
 * Stops accepting in the kernel engine. It hands up each connection that is idle, or that has another request.
 * kernel_link_drained() is true when no connection is left.
 */
void kernel_link_retire(struct kernel_link *kernel);
bool kernel_link_drained(struct kernel_link *kernel);

/*
 * Ends the helper threads. The instance and its connections stay until kernel_link_free(), which removes the mapping: the log's
 * thread still reads counters and access records.
 */
void kernel_link_stop(struct kernel_link *kernel);
void kernel_link_free(struct kernel_link *kernel);

/* Returns what responds in the kernel now for a module of the configuration. Any thread. */
enum tux_presence kernel_link_module(const struct kernel_link *kernel, unsigned number);

/* True if the kernel responds for a module of the configuration now. Any thread. */
static inline bool kernel_link_responds(const struct kernel_link *kernel, unsigned number)
{
	const enum tux_presence presence = kernel_link_module(kernel, number);

	return presence == TUX_PRESENCE_MODULE || presence == TUX_PRESENCE_VERIFIED;
}

/* Writes a line, once, if the verified handler of a module of the configuration was too slow: the program responds. Any thread. */
void kernel_link_tell_slow(struct kernel_link *kernel, const struct tux_module_config *module, unsigned number);

/* Adds the counters of a module in the kernel to sum. Returns the requests for which it was called. */
uint64_t kernel_link_module_count(const struct kernel_link *kernel, unsigned number, struct tux_module_counters *sum);

/* Adds the counters of the kernel engine to sum. */
void kernel_link_count(const struct kernel_link *kernel, struct tux_counters *sum);

/*
 * Like tux_engine_records_read(), but for the kernel engine. kernel_link_records_sleep() sets whether the reader sleeps and needs an
 * event for the next record.
 */
size_t kernel_link_records_read(struct kernel_link *kernel, uint8_t *out, size_t cap);
bool kernel_link_records_waiting(const struct kernel_link *kernel);
void kernel_link_records_sleep(struct kernel_link *kernel, bool sleeps);

#endif
