/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel engine (tux.ko) as the user engine sees it: set up over /dev/tux, lent threads, read for what it hands up. It
 * belongs to the engine; its threads are no workers.
 */
#ifndef TUX_ENGINE_KERNEL_LINK_H
#define TUX_ENGINE_KERNEL_LINK_H

#include "config.h"
#include "log/request_id.h"
#include "stats/counters.h"

#include <pthread.h>

#include "../include/uapi/tux.h"

struct kernel_link {
	int fd;                     /* -1: there is no kernel engine */
	struct tux_shared *shared;  /* mapped */
	size_t shared_bytes;
	unsigned thread_count;
	pthread_t thread[TUX_MAX_THREADS];
	unsigned running;           /* threads that are lent; atomic */
	bool stop;
	struct request_ids ids;     /* of its access records; the log's thread's */
};

/*
 * Opens /dev/tux and compares versions, while the program may: before privileges are dropped. The descriptor for
 * tux_engine_config.kernel_fd, or -1 with the reason in error.
 */
int tux_kernel_open(char *error, size_t error_size);

/*
 * Sets up the instance that config->kernel_fd is, and lends it config->threads threads. event_fd is told of access records.
 * False with a sentence in error; then the fd is closed.
 */
bool kernel_link_start(struct kernel_link *kernel, const struct tux_engine_config *config, int event_fd, char *error,
                       size_t error_size);

/* Whether the kernel engine accepts on the listener of this number: TCP, all of its sockets. False leaves it to the workers. */
bool kernel_link_listen(struct kernel_link *kernel, const struct tux_listener *listener, unsigned number);

/* Connections that were handed up, into handed: how many, 0 with errno when there is none now. Any worker's thread. */
unsigned kernel_link_take(struct kernel_link *kernel, struct tux_handed_up *handed, unsigned max);

/* How many connections both engines have, where both count them (include/uapi/tux.h); NULL without a kernel engine. */
unsigned *kernel_link_connections(struct kernel_link *kernel);

/* A connection that was counted there has ended: the kernel engine may be waiting for that. Any worker's thread. */
void kernel_link_tell_room(struct kernel_link *kernel);

/*
 * Gives a connection that came in at a listener to the kernel engine, which closes the descriptor. Returns false if the connection
 * is still the caller's, with *fd as it is now.
 */
bool kernel_link_give(struct kernel_link *kernel, int *fd, unsigned listener);

/* It accepts no more, and hands up idle connections and those with another request. kernel_link_drained() when nothing is left. */
void kernel_link_retire(struct kernel_link *kernel);
bool kernel_link_drained(struct kernel_link *kernel);

/* Ends the threads. The instance and its connections end with kernel_link_free(): what is mapped keeps it, for its counters and records. */
void kernel_link_stop(struct kernel_link *kernel);
void kernel_link_free(struct kernel_link *kernel);

/* Adds the kernel engine's sums. */
void kernel_link_count(const struct kernel_link *kernel, struct tux_counters *sum);

/* Access records, as tux_engine_records_read(). Says that the reader sleeps (or not) when it waits for more. */
size_t kernel_link_records_read(struct kernel_link *kernel, uint8_t *out, size_t cap);
bool kernel_link_records_waiting(const struct kernel_link *kernel);
void kernel_link_records_sleep(struct kernel_link *kernel, bool sleeps);

#endif
