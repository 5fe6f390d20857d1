/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A histogram of latencies: 64 steps for each power of two, so that a percentile is exact to 1.6 %. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	SUB_BITS = 6,
	BUCKETS = (64 - SUB_BITS + 1) << SUB_BITS,
};

struct histogram {
	uint64_t buckets[BUCKETS];
	uint64_t count, sum_ns, max_ns;
};

static inline uint32_t bucket_of(uint64_t ns)
{
	uint32_t shift;

	if (ns < (1u << SUB_BITS))
		return (uint32_t)ns;
	shift = 63u - (uint32_t)__builtin_clzll(ns) - SUB_BITS;
	return ((shift + 1) << SUB_BITS) + (uint32_t)((ns >> shift) & ((1u << SUB_BITS) - 1));
}

/* Returns the middle of the bucket. */
static inline double bucket_ns(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < (1u << SUB_BITS))
		return bucket;
	shift = (bucket >> SUB_BITS) - 1;
	return ((double)((1u << SUB_BITS) + (bucket & ((1u << SUB_BITS) - 1))) + 0.5) * (double)(1ull << shift);
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	h->buckets[bucket_of(ns)]++;
	h->count++;
	h->sum_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

/* Returns 0 if the histogram is empty. */
static inline double histogram_percentile_us(const struct histogram *h, double fraction)
{
	uint64_t want = (uint64_t)((double)h->count * fraction), seen = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen > want)
			return bucket_ns(i) / 1000;
	}
	return 0;
}

#endif
