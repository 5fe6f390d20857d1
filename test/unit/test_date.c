/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "date.h"

static bool parse(const char *text, int64_t *seconds)
{
	uint32_t len = (uint32_t)strlen(text);
	uint8_t *copy = malloc(len + 1);
	bool parsed;

	assert_non_null(copy);
	memcpy(copy + 1, text, len); /* ends with its memory, so that sanitisers see a read behind it */
	parsed = tux_date_parse(copy + 1, len, 1784000000, seconds);
	free(copy);
	return parsed;
}

/* RFC 9110 5.6.7: the three formats of the same moment. */
static void test_formats(void **state)
{
	int64_t seconds;

	(void)state;
	assert_true(parse("Sun, 06 Nov 1994 08:49:37 GMT", &seconds));
	assert_int_equal(seconds, 784111777);
	assert_true(parse("Sunday, 06-Nov-94 08:49:37 GMT", &seconds));
	assert_int_equal(seconds, 784111777);
	assert_true(parse("Sun Nov  6 08:49:37 1994", &seconds));
	assert_int_equal(seconds, 784111777);
	assert_true(parse("Wednesday, 10-Dec-76 00:00:00 GMT", &seconds)); /* 2076: 50 years ahead of 2026 */
	assert_int_equal(seconds, 3374784000);
	assert_true(parse("Wednesday, 10-Dec-77 00:00:00 GMT", &seconds)); /* 1977 */
	assert_int_equal(seconds, 250560000);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ", "sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 29 Feb 1900 00:00:00 GMT",
		"Sun Nov  x 08:49:37 1994", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37", "784111777", "Sun, 06 Nox 1994 08:49:37 GMT",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t seconds = 1;

		assert_false(parse(bad[i], &seconds));
		assert_int_equal(seconds, 0);
	}
}

/* Against the C library's calendar, through all years. */
static void test_round_trip(void **state)
{
	(void)state;
	for (int64_t seconds = 0; seconds < INT64_C(253402300800); seconds += 86399 * 7 + 11) {
		uint8_t text[TUX_DATE_LEN];
		char expected[40];
		time_t moment = seconds;
		int64_t back;

		tux_date_format(seconds, text);
		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&moment));
		assert_memory_equal(text, expected, TUX_DATE_LEN);
		assert_true(tux_date_parse(text, TUX_DATE_LEN, 0, &back));
		assert_int_equal(back, seconds);
	}
}

static void test_ends(void **state)
{
	uint8_t text[TUX_DATE_LEN];

	(void)state;
	tux_date_format(-5, text);
	assert_memory_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT", TUX_DATE_LEN);
	tux_date_format(INT64_MAX, text);
	assert_memory_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT", TUX_DATE_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
