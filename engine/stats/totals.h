/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all threads of an engine have counted. It is made before they start and stays as it is; any thread may ask. */
#ifndef TUX_ENGINE_STATS_TOTALS_H
#define TUX_ENGINE_STATS_TOTALS_H

#include "../conn.h"

struct totals {
	const struct tux_engine_config *config;
	const struct worker *worker; /* config->threads of them */
	const struct kernel_link *kernel;
	const char *description;     /* as tux_engine_describe() says */
	const struct listing_cache *listings;
	const bool *leaves;          /* the engine stops, or another process serves; atomic */
	uint64_t started_ms;         /* monotonic */
	uint64_t records_failed;     /* that the log could not write; atomic */
};

/* How many servers all upstreams have together. */
unsigned totals_peer_count(const struct tux_engine_config *config);

void totals_sum(const struct totals *tally, struct tux_counters *sum);

/* False once the engine leaves: load balancers shall send nothing more. */
bool totals_ready(const struct totals *tally);

/* As tux_engine_report(); nonce as report_write() wants it. */
char *totals_report(const struct totals *tally, enum tux_report_form form, const char *nonce, size_t *len);

#endif
