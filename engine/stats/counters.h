/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters. Each thread writes its own counters with count(). Any thread may read them at any time. Every member of these
 * structures is a 64-bit number, so that they can be added as arrays.
 */
#ifndef TUX_ENGINE_STATS_COUNTERS_H
#define TUX_ENGINE_STATS_COUNTERS_H

#include <stdint.h>

#include "../../include/uapi/tux.h"

enum {
	TUX_FIRST_STATUS = 100,
	TUX_STATUSES = 500,          /* 100 to 599 */
	TUX_HISTOGRAM_STEPS = 8,     /* buckets between two powers of two: each is an eighth of the lower power wide */
	TUX_HISTOGRAM_BUCKETS = 240, /* to 2^32 microseconds, more than an hour */
};

/* The output formats of the status. */
enum tux_report_form {
	TUX_REPORT_PROMETHEUS, /* its text format, version 0.0.4 */
	TUX_REPORT_JSON,
	TUX_REPORT_PAGE,       /* HTML */
	TUX_REPORT_TEXT,       /* for people on a terminal */
	TUX_REPORT_READY,      /* one line for health checks: ready or not */
	TUX_REPORT_MODULES,    /* the modules, for people on a terminal */
};

/* A histogram of durations. Below 8 microseconds each value has its own bucket. */
struct tux_histogram {
	uint64_t bucket[TUX_HISTOGRAM_BUCKETS];
	uint64_t sum_us;
};

/* The phase of a connection of the user engine. */
enum tux_phase {
	TUX_PHASE_IDLE,    /* between two requests, or before the first */
	TUX_PHASE_READING, /* receiving a request head or body */
	TUX_PHASE_WAITING, /* for a file, an upstream server, a program, or the log */
	TUX_PHASE_SENDING,
	TUX_PHASE_CLOSING, /* the response is sent; further input is discarded */
	TUX_PHASES
};

/* Sums since the start. Values marked "now" also decrease. */
struct tux_counters {
	uint64_t requests;     /* responses */
	uint64_t sent_bytes;
	uint64_t refused;      /* 4xx responses decided by the protocol core or a limit, before any file lookup */
	uint64_t errors;       /* 5xx responses, and responses cut short */
	uint64_t connections;  /* accepted */
	uint64_t open;         /* open connections now */
	uint64_t phase[TUX_PHASES];    /* open connections of the user engine now, by phase */
	uint64_t status[TUX_STATUSES]; /* responses by status */
	struct tux_histogram latency;  /* user engine: from the end of a request head until the kernel has the whole response */
	uint64_t cache_hits;
	uint64_t cache_misses;
	uint64_t listings;     /* directory listings made; those from the cache do not count */
	uint64_t cached;       /* cached objects now */
	uint64_t cached_bytes; /* cached bodies in memory now */
	uint64_t cached_files; /* cached file descriptors now */
	uint64_t records_lost; /* access records lost: no room in the ring, or write failed */
	uint64_t error_lines_left_out; /* error log lines about requests, not written: too many, or the log was full */
	uint64_t kernel_requests; /* part of requests: responses of the kernel engine; kernel_open is the same part of open */
	uint64_t kernel_open;
	uint64_t handed_up[TUX_REASONS];   /* connections handed up to the user engine, by enum tux_reason */
	uint64_t handed_over[TUX_REASONS]; /* connections handed over to another server */
	uint64_t modules_absent; /* part of errors: requests for a module that is not loaded */
	uint64_t heads_parsed; /* complete or refused heads, and those of internal redirects: one for each request */
	uint64_t requests_routed; /* heads for which a route was searched */
	uint64_t directories_learned; /* directories whose names were read, so that their precompressed siblings are known */
	uint64_t siblings_known;      /* files loaded from such directories */
	uint64_t handshakes;         /* of TLS, completed */
	uint64_t handshakes_resumed; /* part of handshakes: with a ticket of an earlier connection */
	uint64_t handshakes_failed;  /* of TLS: refused, or ended by the client or the time limit */
	uint64_t handshakes_limited; /* part of handshakes_failed: refused because of handshakes-per-client */
	uint64_t given_back;   /* connections that the user engine gave to the kernel engine */
};

/* Requests to an upstream server, or to the programs of a route. */
struct tux_peer_counters {
	uint64_t requests;
	uint64_t errors;       /* no response, or an incomplete one */
	uint64_t timeouts;     /* part of errors: timeouts */
	uint64_t retried;      /* requests retried with another upstream server after this one failed */
	uint64_t connections;  /* connections opened, or programs started */
	uint64_t active;       /* requests in progress now */
	uint64_t sent_bytes;
	uint64_t received_bytes;
	struct tux_histogram latency; /* until the response head */
};

/* The CGI programs of a kind. Each failed request counts under one reason. garbled is apart from them: it is about the output. */
struct tux_program_counters {
	uint64_t requests;    /* for a program */
	uint64_t started;     /* requests that got a process */
	uint64_t active;      /* running or waiting to start, now */
	uint64_t not_found;   /* the script does not exist or is not executable */
	uint64_t refused;     /* too many programs ran and waited, or no process could start one */
	uint64_t not_started; /* not started for another reason */
	uint64_t timeouts;    /* killed after a timeout */
	uint64_t given_up;    /* killed because the request was given up */
	uint64_t signalled;   /* ended by a signal that the server did not send */
	uint64_t exited;      /* ended with an exit status other than 0 */
	uint64_t garbled;     /* output without a response, or with an incomplete or malformed one */
	uint64_t cpu_us;      /* CPU time of ended programs, microseconds */
	struct tux_histogram duration; /* from start to end, of ended programs */
};

/* A module. Each request that it does not have any more counts under one outcome. */
struct tux_module_counters {
	uint64_t requests;   /* for which it was called */
	uint64_t active;     /* that it has now */
	uint64_t replied[5]; /* replies by the first digit of their status, 1 to 5 */
	uint64_t files;      /* replies with another target of the host, whose status is not the module's */
	uint64_t declined;
	uint64_t failed;     /* 500: an error, or no reply */
	uint64_t timeouts;   /* 504: kept longer than the time limit */
	uint64_t gone;       /* the client disconnected before the reply */
	uint64_t long_calls; /* calls that took longer than 50 ms in a thread of the server */
	struct tux_histogram duration; /* from the call of the module until it gave the request back, or lost it */
};

/* Adds to a counter that other threads read. Only the owning thread may call it. */
static inline void count(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

/* Returns the bucket of a duration. */
static inline unsigned histogram_bucket(uint64_t us)
{
	unsigned power; /* us >> power is 8 to 15 */

	if (us < TUX_HISTOGRAM_STEPS)
		return (unsigned)us;
	if (us > UINT32_MAX)
		us = UINT32_MAX;
	power = 60 - (unsigned)__builtin_clzll(us);
	return TUX_HISTOGRAM_STEPS * power + (unsigned)(us >> power);
}

/* Adds a duration `times` times. Only the owning thread may call it. */
static inline void histogram_add(struct tux_histogram *histogram, uint64_t us, unsigned times)
{
	count(&histogram->bucket[histogram_bucket(us)], times);
	count(&histogram->sum_us, us * times);
}

/* Returns the smallest duration above a bucket, in microseconds. */
uint64_t tux_histogram_limit(unsigned bucket);

/* Returns the number of durations below us. us is a power of two of at least 8, or UINT64_MAX for all. */
uint64_t tux_histogram_below(const struct tux_histogram *histogram, uint64_t us);

/*
 * Returns the duration that so many thousandths of all durations are below, or 0 if the histogram is empty. The result is a
 * bucket's limit, so at most an eighth too large.
 */
uint64_t tux_histogram_quantile(const struct tux_histogram *histogram, unsigned thousandths);

/* Returns the number of responses whose status begins with digit, 1 to 5. */
uint64_t tux_counters_class(const struct tux_counters *counters, unsigned digit);

/* Add one thread's counters to a sum. */
void counters_add(struct tux_counters *sum, const struct tux_counters *one);
void peer_counters_add(struct tux_peer_counters *sum, const struct tux_peer_counters *one);
void program_counters_add(struct tux_program_counters *sum, const struct tux_program_counters *one);
void module_counters_add(struct tux_module_counters *sum, const struct tux_module_counters *one);

#endif
