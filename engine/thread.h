/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread of the engine, as its files see it: configuration, loop, clock, counters, and the thread's structure of each folder. A
 * request and a connection point to it. Only their own thread may use them.
 */
#ifndef TUX_ENGINE_THREAD_H
#define TUX_ENGINE_THREAD_H

#include "../core/date.h"
#include "config.h"
#include "io/loop.h"
#include "io/timer.h"
#include "stats/counters.h"

struct backends;
struct calls;
struct files;
struct log_queue;
struct outs;
struct reads;
struct requests;
struct tls_buffers;
struct totals;

struct thread {
	const struct tux_engine_config *config;
	const struct loop_ops *ops;
	struct loop *loop;
	struct timers timers;                  /* of connections of clients */
	struct files *files;
	struct reads *reads;
	struct requests *requests;
	struct outs *outs;
	struct log_queue *log;
	struct backends *backends;
	struct calls *calls;                   /* of modules */
	struct tls_buffers *tls_buffers;       /* NULL: neither a listener nor an upstream has TLS */
	const struct totals *totals;           /* the engine's */
	struct tux_peer_counters *peers;       /* one per upstream server, in the order of the configuration */
	struct tux_program_counters *programs; /* one per kind of CGI programs */
	struct tux_module_counters *modules;   /* one per module */
	uint64_t now_ms;                       /* monotonic, at the start of this turn of the loop */
	int64_t now_s;                         /* since 1970 */
	int64_t now_us;
	uint8_t date[TUX_DATE_LEN];            /* now_s, for the field Date */
	bool leaving;                          /* responses have Connection: close */
	bool draining;                         /* accepts no more; implies leaving */
	struct tux_counters counters;          /* the thread writes them, peers, programs and modules; all threads read them */
};

/* True if bodies are copied through memory, by configuration: they are neither spliced nor sent by sendfile(2). */
static inline bool thread_copies_bodies(const struct thread *thread)
{
	return thread->config->large_body == TUX_LARGE_COPY || thread->config->large_body == TUX_LARGE_ZEROCOPY;
}

#endif
