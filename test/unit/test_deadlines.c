/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deadlines pass in their order, whatever the order of their starts and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../engine/io/deadlines.h"

enum { COUNT = 1000 };

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void test_deadlines_pass_in_order(void **state)
{
	struct deadlines deadlines = { .heap = NULL };
	struct deadline waits[COUNT] = { { .ms = 0 } };
	uint32_t seed = 1, left = 0;
	uint64_t last = 0;
	struct deadline *passed;

	(void)state;
	assert_int_equal(deadlines_next(&deadlines, 5), -1);
	for (unsigned i = 0; i < 5 * COUNT; i++) { /* starts, restarts and stops */
		struct deadline *wait = &waits[next_random(&seed) % COUNT];

		if (next_random(&seed) % 4 == 0)
			deadline_stop(&deadlines, wait);
		else
			assert_true(deadline_start(&deadlines, wait, next_random(&seed) % 500));
	}
	for (unsigned i = 0; i < COUNT; i++)
		left += waits[i].place != 0;
	assert_int_equal(deadlines.count, left);
	assert_true(left > COUNT / 2);
	for (uint64_t now = 0; now < 500; now++) {
		while ((passed = deadline_passed(&deadlines, now)) != NULL) {
			assert_int_equal(passed->ms, now);
			assert_true(passed->ms >= last);
			assert_int_equal(passed->place, 0);
			last = passed->ms;
			left--;
		}
		assert_true(deadlines_next(&deadlines, now) != 0);
	}
	assert_int_equal(left, 0);
	deadlines_free(&deadlines);
}

static void test_time_until_the_first_deadline(void **state)
{
	struct deadlines deadlines = { .heap = NULL };
	struct deadline soon = { .ms = 0 }, late = { .ms = 0 };

	(void)state;
	assert_true(deadline_start(&deadlines, &late, UINT64_MAX));
	assert_int_equal(deadlines_next(&deadlines, 0), INT32_MAX);
	assert_true(deadline_start(&deadlines, &soon, 100));
	assert_int_equal(deadlines_next(&deadlines, 90), 10);
	assert_int_equal(deadlines_next(&deadlines, 101), 0);
	deadline_stop(&deadlines, &soon);
	deadline_stop(&deadlines, &soon);
	deadline_stop(&deadlines, &late);
	assert_int_equal(deadlines_next(&deadlines, 101), -1);
	deadlines_free(&deadlines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadlines_pass_in_order),
		cmocka_unit_test(test_time_until_the_first_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
