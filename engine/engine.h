/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user engine: serves sites over HTTP/1.1 from one thread a core. What
 * the program tells it, and what it tells the program. No function here is called from a signal
 * handler; all are called from one thread, the program's own, unless they say otherwise.
 */
#ifndef TUX_ENGINE_ENGINE_H
#define TUX_ENGINE_ENGINE_H

#include "config.h"
#include "stats/counters.h"

struct tux_engine;

/*
 * Starts the threads. The caller has blocked all signals that it handles itself; threads inherit
 * the mask. Returns NULL with a sentence in error (error_size bytes) on failure; the caller then
 * still owns the listeners' fds.
 */
struct tux_engine *tux_engine_start(const struct tux_engine_config *config, char *error, size_t error_size);

/* Begins to accept, once. Until then the threads have opened all that they need and wait: the program can confine them. */
void tux_engine_accept(struct tux_engine *engine);

/* What runs, and why, as words for people: "io_uring", "kernel, and epoll (io_uring: Operation not permitted)". Valid while the engine is. */
const char *tux_engine_describe(const struct tux_engine *engine);

/*
 * Tells clients to close: each response has Connection: close, and the status is "not ready". Everything else continues, and
 * new connections are accepted. Returns at once. Idempotent.
 */
void tux_engine_leave(struct tux_engine *engine);

/*
 * Leaves, stops accepting (connections in the accept queues are still served), and lets responses finish. Idle connections have
 * two seconds for another request, then they are shut down for writing and closed. Returns at once. Idempotent.
 */
void tux_engine_drain(struct tux_engine *engine);

/*
 * Stops accepting in the same way, because another engine accepts there now. Idle connections go to that one, so that it answers
 * their next request, if it has the listener that they came in at, too, which stays says of each. One that cannot go stays until
 * its next request, which is answered and tells it to close, or until the idle timeout: none is closed under a client that is just
 * sending. tux_engine_drain() may come behind it.
 */
void tux_engine_retire(struct tux_engine *engine, const bool stays[TUX_MAX_LISTENERS]);

/* Whether a thread still accepts: some time behind tux_engine_drain() or tux_engine_retire() none does. */
bool tux_engine_accepts(struct tux_engine *engine);

/* Whether all threads have ended after tux_engine_drain() or tux_engine_retire(). Waits up to timeout_ms for it. */
bool tux_engine_wait(struct tux_engine *engine, uint32_t timeout_ms);

/* Ends all threads at once, connections closed as they are, joins them; counters and records can still be read. */
void tux_engine_stop(struct tux_engine *engine);

/* Frees the engine after tux_engine_stop(). */
void tux_engine_free(struct tux_engine *engine);

/* Sums over all threads, and the kernel engine's. Any thread. */
void tux_engine_counters(struct tux_engine *engine, struct tux_counters *sum);

/* The status as a text, malloc'ed, its bytes in *len; NULL without memory. Any thread. */
char *tux_engine_report(struct tux_engine *engine, enum tux_report_form form, size_t *len);

/*
 * For the log's thread, one caller at a time: copies whole access records into out (cap of at
 * least TUX_RECORD_MAX bytes), oldest first within a thread, each a struct tux_record with its
 * texts behind it; records are not padded, so copy the fixed part out before reading it. Returns
 * the bytes copied; 0 when there is none now.
 */
size_t tux_engine_records_read(struct tux_engine *engine, uint8_t *out, size_t cap);

/* For the log's thread: that many records were read and could not be written. They count as lost. */
void tux_engine_records_fail(struct tux_engine *engine, uint64_t records);

/* Waits until there may be records to read, or timeout_ms (-1: for ever), or tux_engine_records_wake().
 * For the log's thread. */
void tux_engine_records_wait(struct tux_engine *engine, int timeout_ms);

/* Ends a wait of the log's thread. Any thread. */
void tux_engine_records_wake(struct tux_engine *engine);

#endif
