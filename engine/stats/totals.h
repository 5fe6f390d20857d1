/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all threads of an engine have counted. It is made before they start and stays as it is; any thread may ask. */
#ifndef TUX_ENGINE_STATS_TOTALS_H
#define TUX_ENGINE_STATS_TOTALS_H

#include "../conn.h"

struct tally {
	const struct tux_engine_config *config;
	const struct worker *worker; /* config->threads of them */
	const struct kernel *kernel;
	const char *description;     /* as tux_engine_describe() says */
	const struct listings *listings;
	const bool *leaves;          /* the engine stops, or another process serves; atomic */
	uint64_t started_ms;         /* monotonic */
	uint64_t records_failed;     /* that the log could not write; atomic */
};

/* How many servers all upstreams have together. */
unsigned tally_peer_count(const struct tux_engine_config *config);

void tally_sum(const struct tally *tally, struct tux_counters *sum);

/* False once the engine leaves: load balancers shall send nothing more. */
bool tally_ready(const struct tally *tally);

/* As tux_engine_report(); nonce as report_write() wants it. */
char *tally_report(const struct tally *tally, enum tux_report_form form, const char *nonce, size_t *len);

#endif
