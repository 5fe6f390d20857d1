/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters and histograms: every duration is in its bucket, and reported values are accurate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/stats/counters.h"

/* Every bucket starts at the end of the previous one, and its width is at most an eighth of its start. */
static void test_buckets(void **state)
{
	(void)state;
	for (unsigned bucket = 0; bucket < TUX_HISTOGRAM_BUCKETS; bucket++) {
		const uint64_t first = bucket > 0 ? tux_histogram_limit(bucket - 1) : 0;
		const uint64_t limit = tux_histogram_limit(bucket);

		assert_int_equal(histogram_bucket(first), bucket);
		assert_int_equal(histogram_bucket(limit - 1), bucket);
		assert_true(limit > first && (limit - first == 1 || limit - first <= first / 8));
	}
	assert_true(tux_histogram_limit(TUX_HISTOGRAM_BUCKETS - 1) == UINT64_C(1) << 32);
	assert_int_equal(histogram_bucket(UINT64_MAX), TUX_HISTOGRAM_BUCKETS - 1);
}

static void test_powers_of_two(void **state)
{
	struct tux_histogram histogram = { .sum_us = 0 };

	(void)state;
	for (uint64_t us = 1; us < 1 << 20; us = us * 3 / 2 + 1)
		histogram_add(&histogram, us, 1);
	for (uint64_t limit = 8; limit <= 1 << 20; limit *= 2) {
		uint64_t below = 0;

		for (uint64_t us = 1; us < 1 << 20; us = us * 3 / 2 + 1)
			below += us < limit;
		assert_int_equal(tux_histogram_below(&histogram, limit), below);
	}
}

static void test_quantiles(void **state)
{
	struct tux_histogram histogram = { .sum_us = 0 };

	(void)state;
	assert_int_equal(tux_histogram_quantile(&histogram, 500), 0);
	for (uint64_t us = 1; us <= 10000; us++)
		histogram_add(&histogram, us, 1);
	assert_int_equal(tux_histogram_below(&histogram, UINT64_MAX), 10000);
	assert_int_equal(histogram.sum_us, 10000 * 10001 / 2);
	for (unsigned thousandths = 1; thousandths <= 1000; thousandths++) {
		const uint64_t told = tux_histogram_quantile(&histogram, thousandths);

		assert_true(told > 10 * thousandths && told <= 10 * thousandths + 1 + 10 * thousandths / 8);
	}
	memset(&histogram, 0, sizeof(histogram));
	histogram_add(&histogram, 100, 7);
	assert_int_equal(tux_histogram_quantile(&histogram, 1), tux_histogram_quantile(&histogram, 1000));
	assert_int_equal(tux_histogram_below(&histogram, 128), 7);
	assert_int_equal(histogram.sum_us, 700);
}

static void test_sums(void **state)
{
	struct tux_counters sum = { .requests = 0 }, one = { .requests = 1, .given_back = 2 };

	(void)state;
	one.status[200 - TUX_FIRST_STATUS] = 3;
	one.status[299 - TUX_FIRST_STATUS] = 4;
	one.status[404 - TUX_FIRST_STATUS] = 5;
	one.status[599 - TUX_FIRST_STATUS] = 6;
	counters_add(&sum, &one);
	counters_add(&sum, &one);
	assert_int_equal(sum.requests, 2);
	assert_int_equal(sum.given_back, 4);
	assert_int_equal(tux_counters_class(&sum, 1), 0);
	assert_int_equal(tux_counters_class(&sum, 2), 14);
	assert_int_equal(tux_counters_class(&sum, 4), 10);
	assert_int_equal(tux_counters_class(&sum, 5), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_powers_of_two),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
