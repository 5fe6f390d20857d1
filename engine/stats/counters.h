/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is counted. Each thread counts into counters of its own with count(), anybody reads them at any time, and sums are sums.
 * Every member of these structures is a 64-bit number, so that they can be added as arrays of such.
 */
#ifndef TUX_ENGINE_STATS_COUNTERS_H
#define TUX_ENGINE_STATS_COUNTERS_H

#include <stdint.h>

#include "../../include/uapi/tux.h"

enum {
	TUX_FIRST_STATUS = 100,
	TUX_STATUSES = 500,          /* 100 to 599 */
	TUX_HISTOGRAM_STEPS = 8,     /* buckets between a power of two and the next: each is an eighth of its power wide */
	TUX_HISTOGRAM_BUCKETS = 240, /* to 2^32 microseconds, more than an hour */
};

/* What the status can be told as. */
enum tux_report_form {
	TUX_REPORT_PROMETHEUS, /* its text format, version 0.0.4 */
	TUX_REPORT_JSON,
	TUX_REPORT_PAGE,       /* HTML */
	TUX_REPORT_TEXT,       /* for people on a terminal */
	TUX_REPORT_READY,      /* one line, for health checks: ready or not */
};

/* Durations by size. Below 8 microseconds each has a bucket of its own. */
struct tux_histogram {
	uint64_t bucket[TUX_HISTOGRAM_BUCKETS];
	uint64_t sum_us;
};

/* What a connection of the user engine is at. */
enum tux_phase {
	TUX_PHASE_IDLE,    /* between two requests, or before the first */
	TUX_PHASE_READING, /* a head or a body comes in */
	TUX_PHASE_WAITING, /* for a file, a server, a program, or the log */
	TUX_PHASE_SENDING,
	TUX_PHASE_CLOSING, /* answered; what the peer still sends is dropped */
	TUX_PHASES
};

/* Sums since the start; what is "now" goes down, too. */
struct tux_counters {
	uint64_t requests;     /* that were answered */
	uint64_t sent_bytes;
	uint64_t refused;      /* answered with 4xx that the protocol core or a limit decided, before any file was looked for */
	uint64_t errors;       /* answers with 5xx, and answers cut short */
	uint64_t connections;  /* accepted */
	uint64_t open;         /* connections now */
	uint64_t phase[TUX_PHASES];    /* of them, those of the user engine */
	uint64_t status[TUX_STATUSES]; /* answers by their status */
	struct tux_histogram latency;  /* from a request's whole head to its answer's last byte with the kernel; the user engine's */
	uint64_t cache_hits;
	uint64_t cache_misses;
	uint64_t listings;     /* of directories that were made; those that were kept do not count */
	uint64_t cached;       /* objects now */
	uint64_t cached_bytes; /* their bodies in memory now */
	uint64_t cached_files; /* their descriptors now */
	uint64_t records_lost; /* access records for which the ring had no room, or that could not be written */
	uint64_t error_lines_left_out; /* lines of the error log about requests: too many, or the log took no more */
	uint64_t kernel_requests; /* of requests, those that the kernel engine answered; the same with connections */
	uint64_t kernel_open;
	uint64_t handed_up[TUX_REASONS];   /* connections that the kernel engine gave to the user engine, by enum tux_reason */
	uint64_t handed_over[TUX_REASONS]; /* and to another server */
	uint64_t modules_absent; /* of errors, requests for a module that is not loaded */
	uint64_t given_back;   /* connections that the kernel engine took from the user engine */
};

/* What has been asked of another: an upstream server, the programs of a route. */
struct tux_peer_counters {
	uint64_t requests;
	uint64_t errors;       /* no answer, or half of one */
	uint64_t timeouts;     /* of errors, those where the time was up */
	uint64_t retried;      /* requests that went to another after this one had failed */
	uint64_t connections;  /* made, or programs started */
	uint64_t active;       /* requests now */
	uint64_t sent_bytes;
	uint64_t received_bytes;
	struct tux_histogram latency; /* to the head of the answer */
};

/* The CGI programs of a kind. What has failed has failed for one reason alone, but for garbled, which is about what was written. */
struct tux_program_counters {
	uint64_t requests;    /* for a program */
	uint64_t started;     /* got a process */
	uint64_t active;      /* run now, or wait to begin */
	uint64_t not_found;   /* there was no such script, or it may not be executed */
	uint64_t refused;     /* too many ran and waited, or nobody was there to start one */
	uint64_t not_started; /* for another reason */
	uint64_t timeouts;    /* were killed as their time was over */
	uint64_t given_up;    /* were killed as nobody waited for them any more */
	uint64_t signalled;   /* were ended by a signal that was not ours */
	uint64_t exited;      /* ended with another status than 0 */
	uint64_t garbled;     /* wrote no answer, half of one, or nonsense */
	uint64_t cpu_us;      /* that those have used that have ended */
	struct tux_histogram duration; /* the same: from start to end */
};

/* Adds to a counter that other threads read. The thread whose it is. */
static inline void count(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

/* The bucket of a duration. */
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

/* Enters a duration, so many times. The thread whose it is. */
static inline void histogram_add(struct tux_histogram *histogram, uint64_t us, unsigned times)
{
	count(&histogram->bucket[histogram_bucket(us)], times);
	count(&histogram->sum_us, us * times);
}

/* The least duration that is beyond a bucket. */
uint64_t tux_histogram_limit(unsigned bucket);

/* How many are below us, a power of two of at least 8; all: UINT64_MAX. */
uint64_t tux_histogram_below(const struct tux_histogram *histogram, uint64_t us);

/* What so many thousandths of them are below: the limit of the bucket, so at most an eighth too much. 0 of none. */
uint64_t tux_histogram_quantile(const struct tux_histogram *histogram, unsigned thousandths);

/* Answers by the first digit of their status, 1 to 5. */
uint64_t tux_counters_class(const struct tux_counters *counters, unsigned digit);

/* Adds what a thread has counted. */
void counters_add(struct tux_counters *sum, const struct tux_counters *one);
void peer_counters_add(struct tux_peer_counters *sum, const struct tux_peer_counters *one);
void program_counters_add(struct tux_program_counters *sum, const struct tux_program_counters *one);

#endif
