/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counters.h"

#include <stddef.h>

uint64_t tux_histogram_limit(unsigned bucket)
{
	const unsigned power = bucket / TUX_HISTOGRAM_STEPS;

	if (power < 2)
		return bucket + 1;
	return (uint64_t)(bucket % TUX_HISTOGRAM_STEPS + TUX_HISTOGRAM_STEPS + 1) << (power - 1);
}

uint64_t tux_histogram_below(const struct tux_histogram *histogram, uint64_t us)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TUX_HISTOGRAM_BUCKETS && tux_histogram_limit(i) <= us; i++)
		sum += histogram->bucket[i];
	return sum;
}

uint64_t tux_histogram_quantile(const struct tux_histogram *histogram, unsigned thousandths)
{
	const uint64_t all = tux_histogram_below(histogram, UINT64_MAX);
	const uint64_t wanted = all / 1000 * thousandths + (all % 1000 * thousandths + 999) / 1000;
	uint64_t sum = 0;

	for (unsigned i = 0; i < TUX_HISTOGRAM_BUCKETS; i++) {
		sum += histogram->bucket[i];
		if (sum > 0 && sum >= wanted)
			return tux_histogram_limit(i);
	}
	return 0;
}

uint64_t tux_counters_class(const struct tux_counters *counters, unsigned digit)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 100; i++)
		sum += counters->status[100 * digit - TUX_FIRST_STATUS + i];
	return sum;
}

static void add(uint64_t *sum, const uint64_t *one, size_t members)
{
	for (size_t i = 0; i < members; i++)
		sum[i] += __atomic_load_n(&one[i], __ATOMIC_RELAXED);
}

void counters_add(struct tux_counters *sum, const struct tux_counters *one)
{
	add((uint64_t *)sum, (const uint64_t *)one, sizeof(*sum) / sizeof(uint64_t));
}

void peer_counters_add(struct tux_peer_counters *sum, const struct tux_peer_counters *one)
{
	add((uint64_t *)sum, (const uint64_t *)one, sizeof(*sum) / sizeof(uint64_t));
}

void program_counters_add(struct tux_program_counters *sum, const struct tux_program_counters *one)
{
	add((uint64_t *)sum, (const uint64_t *)one, sizeof(*sum) / sizeof(uint64_t));
}

void module_counters_add(struct tux_module_counters *sum, const struct tux_module_counters *one)
{
	add((uint64_t *)sum, (const uint64_t *)one, sizeof(*sum) / sizeof(uint64_t));
}
