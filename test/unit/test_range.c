/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "range.h"

static enum tux_range_verdict parse(const char *text, uint64_t size, struct tux_range *ranges, uint32_t *count)
{
	uint32_t len = (uint32_t)strlen(text);
	uint8_t *copy = malloc(len + 1);
	enum tux_range_verdict verdict;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	verdict = tux_range_parse(copy, (struct tux_span){ 1, len }, size, ranges, count);
	free(copy);
	return verdict;
}

static void one(const char *text, uint64_t size, uint64_t first, uint64_t len)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	assert_int_equal(parse(text, size, ranges, &count), TUX_RANGE_SATISFIABLE);
	assert_int_equal(count, 1);
	assert_int_equal(ranges[0].first, first);
	assert_int_equal(ranges[0].len, len);
}

static void none(const char *text, uint64_t size, enum tux_range_verdict verdict)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	assert_int_equal(parse(text, size, ranges, &count), verdict);
	assert_int_equal(count, 0);
}

/* RFC 9110 14.1.2 */
static void test_single(void **state)
{
	(void)state;
	one("bytes=0-0", 10, 0, 1);
	one("bytes=2-4", 10, 2, 3);
	one("bytes=2-", 10, 2, 8);
	one("bytes=-3", 10, 7, 3);
	one("bytes=-30", 10, 0, 10);
	one("bytes=9-99", 10, 9, 1);
	one("Bytes=0-99999999999999999999999999", 10, 0, 10);
	one("bytes=, 1-2 ,", 10, 1, 2);
	one("bytes=5000000000-5000000001", 6000000000, 5000000000, 2);
}

/* RFC 9110 14.2, 15.5.17 */
static void test_none(void **state)
{
	(void)state;
	none("bytes=10-", 10, TUX_RANGE_UNSATISFIABLE);
	none("bytes=99999999999999999999-", 10, TUX_RANGE_UNSATISFIABLE);
	none("bytes=-0", 10, TUX_RANGE_UNSATISFIABLE);
	none("bytes=0-", 0, TUX_RANGE_IGNORED);
	none("bytes=-5", 0, TUX_RANGE_IGNORED);
	none("bytes=", 10, TUX_RANGE_IGNORED);
	none("bytes=,", 10, TUX_RANGE_IGNORED);
	none("bytes=3-2", 10, TUX_RANGE_IGNORED);
	none("bytes=a-", 10, TUX_RANGE_IGNORED);
	none("bytes=1-2x", 10, TUX_RANGE_IGNORED);
	none("bytes=-", 10, TUX_RANGE_IGNORED);
	none("bytes 1-2", 10, TUX_RANGE_IGNORED);
	none("lines=1-2", 10, TUX_RANGE_IGNORED);
	none("bytes=1-2,x", 10, TUX_RANGE_IGNORED);
}

/* RFC 9110 17.15: sets that cost more than the whole. */
static void test_many(void **state)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	(void)state;
	assert_int_equal(parse("bytes=0-1,5-6,50-", 20, ranges, &count), TUX_RANGE_SATISFIABLE);
	assert_int_equal(count, 2);
	assert_int_equal(ranges[1].first, 5);
	none("bytes=0-9,10-19", 20, TUX_RANGE_IGNORED);
	none("bytes=0-3,1-4,2-5", 20, TUX_RANGE_IGNORED);
	none("bytes=0-3,3-6,6-9", 100, TUX_RANGE_IGNORED);
	none("bytes=0-3,1-4,20-23,21-24", 100, TUX_RANGE_IGNORED);
	assert_int_equal(parse("bytes=0-3,2-5,50-51", 100, ranges, &count), TUX_RANGE_SATISFIABLE);
	assert_int_equal(count, 3);
	assert_int_equal(parse("bytes=0-0,1-1,2-2,3-3,4-4", 100, ranges, &count), TUX_RANGE_SATISFIABLE); /* adjacent only */
	assert_int_equal(count, 5);
	none("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32", 99,
	     TUX_RANGE_IGNORED);
}

/* For any value, kept ranges lie inside the object (all values of up to five octets after the unit). */
static void test_all_short(void **state)
{
	static const char alphabet[] = "019-, ";
	char text[16] = "bytes=";

	(void)state;
	for (uint32_t length = 0; length <= 5; length++) {
		uint32_t combinations = 1;

		for (uint32_t i = 0; i < length; i++)
			combinations *= 6;
		for (uint32_t n = 0; n < combinations; n++) {
			uint32_t rest = n;

			for (uint32_t i = 0; i < length; i++, rest /= 6)
				text[6 + i] = alphabet[rest % 6];
			text[6 + length] = '\0';
			for (uint64_t size = 0; size < 12; size++) {
				struct tux_range ranges[TUX_MAX_RANGES];
				uint32_t count;
				enum tux_range_verdict verdict = parse(text, size, ranges, &count);

				assert_int_equal(count > 0, verdict == TUX_RANGE_SATISFIABLE);
				for (uint32_t i = 0; i < count; i++) {
					assert_in_range(ranges[i].len, 1, size);
					assert_in_range(ranges[i].first, 0, size - ranges[i].len);
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_all_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
