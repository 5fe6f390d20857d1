/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the counters say, as text: for Prometheus, as JSON, as a page. Pure; nothing of a client comes into it. */
#ifndef TUX_ENGINE_STATS_REPORT_H
#define TUX_ENGINE_STATS_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "../config.h"
#include "counters.h"

/* An upstream server, and what was asked of it. */
struct report_peer {
	const char *upstream;
	const char *server;
	struct tux_peer_counters counters;
};

/* A kind of CGI programs, and what came of them. */
struct report_program {
	const char *name;
	struct tux_program_counters counters;
};

struct report {
	struct tux_counters counters;
	const char *version; /* of the program */
	const char *engine;  /* as tux_engine_describe() says */
	uint64_t pid;
	uint64_t up_ms;      /* since the start */
	unsigned threads;
	unsigned max_connections;
	bool kernel;         /* there is a kernel engine */
	bool ready;          /* false: it stops, or another process serves */
	const struct report_peer *peer;
	unsigned peer_count;
	const struct report_program *program;
	unsigned program_count;
};

/* The text of a form, malloc'ed, its bytes in *len; NULL without memory. nonce: of a page, what its Content-Security-Policy permits. */
char *report_write(const struct report *report, enum tux_report_form form, const char *nonce, size_t *len);

/* The media type of a form. */
const char *report_type(enum tux_report_form form);

/* Names for labels and people. */
const char *report_phase_name(enum tux_phase phase);
const char *report_reason_name(enum tux_reason reason); /* NULL for those that never come */

/* For people: 1,234,567; 1.2 MB; 3.4 ms. */
void report_put_count(FILE *out, uint64_t value);
void report_put_bytes(FILE *out, uint64_t bytes);
void report_put_duration(FILE *out, uint64_t us);

/* How many of a kind's programs have failed; and why, for people: "time 2, garbled 1". */
uint64_t report_failed(const struct tux_program_counters *counters);
void report_failures_put(FILE *out, const struct tux_program_counters *counters);

/* For a terminal: text.c. */
void report_text_write(FILE *out, const struct report *report);

/* A page: html.c. */
void report_page_write(FILE *out, const struct report *report, const char *nonce);

/* As JSON. */
void report_json_write(FILE *out, const struct report *report);

#endif
