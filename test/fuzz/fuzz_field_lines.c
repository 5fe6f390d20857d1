/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranges, the decision that a whole request leads to, and media types: what they give lies where it may. */
#include <string.h>

#include "fuzz.h"
#include "response.h"

static void check_range(const uint8_t *data, uint32_t len)
{
	static const uint64_t sizes[] = { 0, 1, 10, 100000, INT64_MAX, UINT64_MAX };
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		forget(ranges, sizeof(ranges));
		tux_range_parse(data, (struct tux_span){ 0, len }, sizes[i], ranges, &count);
		require(count <= TUX_MAX_RANGES);
		for (uint32_t k = 0; k < count; k++)
			require(ranges[k].len > 0 && ranges[k].len <= sizes[i] && ranges[k].first <= sizes[i] - ranges[k].len);
	}
}

static void check_request(const uint8_t *data, uint32_t len)
{
	static struct tux_request req;
	struct tux_facts facts = { .size = 1000, .validators = { (const uint8_t *)"\"e\"", 3, 784111777, 1784000000 } };
	struct tux_plan plan;

	forget(&req, sizeof(req));
	forget(&plan, sizeof(plan));
	if (tux_request_parse(data, len, 0, &req) != TUX_PARSED)
		return;
	tux_respond_decide(data, &req, &facts, &plan);
	require(plan.status == 200 || plan.status == 206 || plan.status == 304 || plan.status == 412 || plan.status == 416);
	require((plan.status == 206) == (plan.range_count > 0));
	require_written(plan.range, plan.range_count * sizeof(plan.range[0]));
}

static void check_media_type(const uint8_t *data, uint32_t len)
{
	struct tux_text type = tux_media_type(data, len);

	require(type.len > 0 && type.at[type.len] == '\0' && memchr(type.at, '\0', type.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 20000)
		return 0;
	check_range(data, (uint32_t)size);
	check_request(data, (uint32_t)size);
	check_media_type(data, (uint32_t)size);
	return 0;
}
