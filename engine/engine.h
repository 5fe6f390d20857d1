/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user engine serves hosts over HTTP/1.1, typically with one thread per core. This is its interface to the program. No function
 * here may be called from a signal handler. All are called from one thread of the program, unless their comment says otherwise.
 */
#ifndef TUX_ENGINE_ENGINE_H
#define TUX_ENGINE_ENGINE_H

#include "config.h"
#include "stats/counters.h"

struct tux_engine;

/*
 * Starts the threads. The caller must have blocked all signals that it handles itself, because the threads inherit the mask.
 * Returns NULL with a sentence in error (error_size bytes) on failure. Then the caller still owns the listeners' fds.
 */
struct tux_engine *tux_engine_start(const struct tux_engine_config *config, char *error, size_t error_size);

/*
 * Starts to accept; called once. Until then the threads wait. They have opened everything they need, so the program can confine
 * them.
 */
void tux_engine_accept(struct tux_engine *engine);

/*
 * Returns the event loop in use and the reason, for messages: "io_uring", "kernel, and epoll (io_uring: Operation not permitted)".
 * The text is valid until tux_engine_free().
 */
const char *tux_engine_describe(const struct tux_engine *engine);

/*
 * Makes clients leave: each response has Connection: close, and the status is "not ready". Everything else continues, and new
 * connections are accepted. Returns at once. Idempotent.
 */
void tux_engine_leave(struct tux_engine *engine);

/*
 * Leaves, stops accepting (connections in the accept queues are still served), and lets responses finish. Idle connections have two
 * seconds for another request. Then they are shut down for writing and closed. Returns at once. Idempotent.
 */
void tux_engine_drain(struct tux_engine *engine);

/*
 * Like tux_engine_drain(), but another engine accepts now. Idle connections are passed to that engine, which responds to their
 * next request. stays says for each listener whether the other engine has it too; only connections of such a listener are passed.
 * Any other connection stays until the response to its next request, with Connection: close, or until the idle timeout. So no
 * connection closes while its client is sending. tux_engine_drain() may follow.
 */
void tux_engine_retire(struct tux_engine *engine, const bool stays[TUX_MAX_LISTENERS]);

/* True if a thread still accepts. Becomes false some time after tux_engine_drain() or tux_engine_retire(). */
bool tux_engine_accepts(struct tux_engine *engine);

/*
 * Waits up to timeout_ms until all threads have ended after tux_engine_drain() or tux_engine_retire(). Returns true if they have.
 */
bool tux_engine_wait(struct tux_engine *engine, uint32_t timeout_ms);

/* Closes all connections at once, and ends and joins all threads. Counters and records can still be read. */
void tux_engine_stop(struct tux_engine *engine);

/* Frees the engine after tux_engine_stop(). */
void tux_engine_free(struct tux_engine *engine);

/* True if threads of the engine call modules: then tux_engine_watch() is due about every second. */
bool tux_engine_needs_watch(const struct tux_engine *engine);

/* Writes a line for each call of a module that has not returned for a second. One thread at a time. */
void tux_engine_watch(struct tux_engine *engine);

/* Sums the counters of all threads and the kernel engine. Any thread. */
void tux_engine_counters(struct tux_engine *engine, struct tux_counters *sum);

/* Returns the status as malloc'ed text of *len bytes; NULL if out of memory. Any thread. */
char *tux_engine_report(struct tux_engine *engine, enum tux_report_form form, size_t *len);

/*
 * Copies whole access records into out, which has cap bytes, at least TUX_ACCESS_RECORD_MAX. The records of one thread are oldest first.
 * Each is a struct tux_access_record followed by its texts. Records are not padded, so copy the fixed part out before reading it.
 * Returns the bytes copied; 0 if no record waits. For the log's thread, one caller at a time.
 */
size_t tux_engine_records_read(struct tux_engine *engine, uint8_t *out, size_t cap);

/* Counts records as lost that were read but could not be written. For the log's thread. */
void tux_engine_records_fail(struct tux_engine *engine, uint64_t records);

/* Waits until records may be waiting, for timeout_ms (-1: no limit), or until tux_engine_records_wake(). For the log's thread. */
void tux_engine_records_wait(struct tux_engine *engine, int timeout_ms);

/* Ends a wait of the log's thread. Any thread. */
void tux_engine_records_wake(struct tux_engine *engine);

#endif
