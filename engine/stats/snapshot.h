/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status of the server at one moment: the input of every form of report. It contains nothing of a client. */
#ifndef TUX_ENGINE_STATS_SNAPSHOT_H
#define TUX_ENGINE_STATS_SNAPSHOT_H

#include <stdio.h>

#include "../../core/escape.h"
#include "../config.h"
#include "counters.h"

enum {
	SNAPSHOT_FAILURES = 8,  /* reasons for which a CGI program fails */
	SNAPSHOT_OUTCOMES = 10, /* of requests to a module */
};

/* An upstream server and its counters. */
struct snapshot_upstream {
	const char *upstream;
	const char *server;
	struct tux_peer_counters counters;
};

/* A kind of CGI programs and its counters. */
struct snapshot_cgi {
	const char *name;
	struct tux_program_counters counters;
};

/* The part of the kernel in a module's responses. */
enum snapshot_kernel {
	SNAPSHOT_KERNEL_OFF,  /* not configured */
	SNAPSHOT_KERNEL_AWAY, /* the kernel engine does not have the module now, so the program responds */
	SNAPSHOT_KERNEL_HERE,
	SNAPSHOT_KERNEL_SLOW, /* like away, because the verified handler was too slow: until the next reload */
};

/* The place in which the program calls a module. */
enum snapshot_host {
	SNAPSHOT_HOST_NONE, /* only the kernel has it */
	SNAPSHOT_HOST_INLINE,
	SNAPSHOT_HOST_POOL,
	SNAPSHOT_HOST_ISOLATED,
};

/* The process of an isolated module. */
enum snapshot_state {
	SNAPSHOT_STATE_READY, /* of other modules, too */
	SNAPSHOT_STATE_STARTING,
	SNAPSHOT_STATE_FAILED, /* the last start has failed */
};

/* A module that is loaded here or in the kernel, and its counters. */
struct snapshot_module {
	const char *name;
	const char *file;     /* NULL: only the kernel has it */
	enum snapshot_host host;
	enum snapshot_state state;
	unsigned threads;     /* of a pool, or of the pool in its process; 0: none */
	enum snapshot_kernel kernel;
	bool verified;        /* the kernel's is a verified handler */
	uint64_t kernel_requests; /* part of counters.requests */
	uint32_t abi;
	uint32_t functions; /* of the interface that the module was built with */
	char process[96];   /* sandbox of its process; "": it runs in the server's */
	struct tux_module_counters counters;
};

struct snapshot {
	struct tux_counters counters;
	const char *version; /* version of the program */
	const char *tls;              /* library and kernel; NULL: no listener has TLS */
	const struct tux_certificate_state *certificate;
	unsigned certificate_count;
	bool renews;         /* certificates of public authorities are automatic */
	uint64_t renewals_failed;
	int64_t now;         /* seconds since 1970 */
	const char *engine;  /* as from tux_engine_describe() */
	uint64_t pid;
	uint64_t up_ms;      /* time since the start */
	unsigned threads;
	unsigned max_connections;
	bool kernel;         /* a kernel engine is in use */
	bool ready;          /* false = it stops, or another process serves */
	const struct snapshot_upstream *peer;
	unsigned peer_count;
	const struct snapshot_cgi *program;
	unsigned program_count;
	const struct snapshot_module *module;
	unsigned module_count;
};

/* Returns a name for labels and people. */
const char *snapshot_phase_name(enum tux_phase phase);

/* Returns a name for people and machines. */
const char *snapshot_kernel_name(enum snapshot_kernel kernel);

/* Return names for people and machines. */
const char *snapshot_host_name(enum snapshot_host host);
const char *snapshot_state_name(enum snapshot_state state);

/* Writes the host of a module and its state, for people: "pool of 4 threads", "isolated, ready", "in the kernel". */
void snapshot_put_host(FILE *out, const struct snapshot_module *module);

/* Returns a name for labels and people; NULL for an unused reason. */
const char *snapshot_reason_name(enum tux_reason reason);

/* Returns the whole days until a certificate expires; below 0 if it has expired. */
int64_t snapshot_days_left(const struct snapshot *snapshot, const struct tux_certificate_state *certificate);

/* Returns the name of a reason for failure, from 0 to SNAPSHOT_FAILURES - 1. */
const char *snapshot_failure_name(unsigned failure);

/* Returns the number of programs that failed for a reason. */
uint64_t snapshot_failure(const struct tux_program_counters *counters, unsigned failure);

/* Returns the number of programs that failed. */
uint64_t snapshot_failed(const struct tux_program_counters *counters);

/* Writes the reasons for which programs failed, for people: "time 2, garbled 1". */
void snapshot_put_failures(FILE *out, const struct tux_program_counters *counters);

/* Returns the name of an outcome of requests to a module, from 0 to SNAPSHOT_OUTCOMES - 1, and the number of these requests. */
const char *snapshot_outcome_name(unsigned outcome);
uint64_t snapshot_outcome(const struct tux_module_counters *counters, unsigned outcome);

/* Write a number for people: 1,234,567; 1.2 MB; 3.4 ms. */
void snapshot_put_count(FILE *out, uint64_t value);
void snapshot_put_bytes(FILE *out, uint64_t bytes);
void snapshot_put_duration(FILE *out, uint64_t us);

/* Writes seconds with six digits after the point, independent of the locale. */
void snapshot_put_seconds(FILE *out, uint64_t us);

/* Writes a text escaped (core/escape.h). */
void snapshot_put_escaped(FILE *out, enum tux_escape how, const char *text);

/* Writes a text between quotes, for JSON and for labels. Replaces '<', so that a page can include the JSON. */
void snapshot_put_quoted(FILE *out, const char *text);

#endif
