/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sums of all threads of an engine. Initialized before they start and constant afterwards. Any thread may read. */
#ifndef TUX_ENGINE_STATS_TOTALS_H
#define TUX_ENGINE_STATS_TOTALS_H

#include "../files/listing_cache.h"
#include "../kernel_link.h"
#include "../thread.h"
#include "snapshot.h"

struct totals {
	const struct tux_engine_config *config;
	const struct thread *const *threads; /* config->threads; NULL: not started */
	struct kernel_link *kernel;
	const char *description;     /* as from tux_engine_describe() */
	const struct listing_cache *listings;
	/* Describes a module of the configuration: its interface, and its process. Returns false if it is not loaded. */
	bool (*describe_module)(const struct tux_engine_config *config, unsigned number, struct snapshot_module *module);
	const bool *leaves;          /* true = the engine stops, or another process serves; atomic */
	uint64_t started_ms;         /* monotonic */
	uint64_t records_failed;     /* records that the log could not write; atomic */
};

/* Returns the number of servers of all upstreams together. */
unsigned totals_peer_count(const struct tux_engine_config *config);

void totals_sum(const struct totals *totals, struct tux_counters *sum);

/* Returns false after the engine starts to stop, so that load balancers send no more requests. */
bool totals_ready(const struct totals *totals);

/* Like tux_engine_report(), with the nonce for report_write(). */
char *totals_report(const struct totals *totals, enum tux_report_form form, const char *nonce, size_t *len);

#endif
