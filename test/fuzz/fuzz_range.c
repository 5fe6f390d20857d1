/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Range sets: what is kept lies inside the object, an empty element changes nothing, and what is kept
 * reads back when it is written again. The first octet chooses the size; the rest follows "bytes=".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "range.h"

struct outcome {
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;
	enum tux_range_verdict verdict;
};

/* Unit, set and tail in memory of exactly their size. */
static void parse(const uint8_t *set, size_t len, const char *tail, uint64_t bytes, struct outcome *outcome)
{
	size_t tail_len = strlen(tail);
	uint8_t *value = allocated(6 + len + tail_len);

	forget(outcome, sizeof(*outcome));
	memcpy(value, "bytes=", 6);
	memcpy(value + 6, set, len);
	memcpy(value + 6 + len, tail, tail_len);
	outcome->verdict = tux_range_parse(value, (struct tux_span){ 0, (uint32_t)(6 + len + tail_len) }, bytes,
	                                   outcome->ranges, &outcome->count);
	REQUIRE_WRITTEN(outcome->count);
	require_written(outcome->ranges, outcome->count * sizeof(outcome->ranges[0]));
	free(value);
}

static void require_same(const struct outcome *a, const struct outcome *b)
{
	require(a->verdict == b->verdict && a->count == b->count);
	for (uint32_t i = 0; i < a->count; i++)
		require(a->ranges[i].first == b->ranges[i].first && a->ranges[i].len == b->ranges[i].len);
}

static void require_inside(const struct outcome *outcome, uint64_t bytes)
{
	uint64_t left = bytes;

	require(outcome->count <= TUX_MAX_RANGES);
	require((outcome->count > 0) == (outcome->verdict == TUX_RANGE_SATISFIABLE));
	for (uint32_t i = 0; i < outcome->count; i++) {
		const struct tux_range *range = &outcome->ranges[i];

		require(range->len > 0 && range->len <= bytes && range->first <= bytes - range->len);
		/* Several are never as much as the whole. */
		require(outcome->count == 1 || range->len < left);
		left -= range->len;
	}
}

/* Two numbers of 19 digits, a hyphen and a comma for each range. */
static void require_reads_back(const struct outcome *outcome, uint64_t bytes)
{
	char set[TUX_MAX_RANGES * 40 + 1];
	struct outcome again;
	size_t len = 0;

	for (uint32_t i = 0; i < outcome->count; i++)
		len += (size_t)snprintf(set + len, sizeof(set) - len, "%" PRIu64 "-%" PRIu64 ",", outcome->ranges[i].first,
		                        outcome->ranges[i].first + outcome->ranges[i].len - 1);
	parse((const uint8_t *)set, len, "", bytes, &again);
	require_same(outcome, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = { 0, 1, 10, 1000, 100000, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX };
	struct outcome outcome, longer;
	uint64_t bytes;

	if (size == 0 || size > 20000)
		return 0;
	bytes = sizes[data[0] % (sizeof(sizes) / sizeof(sizes[0]))];
	parse(data + 1, size - 1, "", bytes, &outcome);
	require_inside(&outcome, bytes);
	parse(data + 1, size - 1, " , ", bytes, &longer);
	require_same(&outcome, &longer);
	if (outcome.count > 0)
		require_reads_back(&outcome, bytes);
	return 0;
}
