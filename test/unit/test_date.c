/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "date.h"

static bool parse(const char *text, int64_t *seconds)
{
	uint32_t len = (uint32_t)strlen(text);
	uint8_t *copy = malloc(len + 1);
	bool parsed;

	assert_non_null(copy);
	memcpy(copy + 1, text, len); /* ends with its memory, so that sanitizers detect a read beyond it */
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
}

static void year_is(const char *text, int64_t now, const char *expected)
{
	uint8_t back[TUX_DATE_LEN];
	int64_t seconds;

	assert_true(tux_date_parse((const uint8_t *)text, (uint32_t)strlen(text), now, &seconds));
	tux_date_format(seconds, back);
	assert_memory_equal(back + 12, expected, 4);
}

/* RFC 9110 5.6.7: a timestamp (not a year) that appears to be more than 50 years in the future is in the past. */
static void test_two_digit_year(void **state)
{
	const int64_t now = 1784000000; /* Tue, 14 Jul 2026 03:33:20 GMT */

	(void)state;
	year_is("Tuesday, 14-Jul-76 03:33:19 GMT", now, "2076");
	year_is("Tuesday, 14-Jul-76 03:33:20 GMT", now, "2076");
	year_is("Tuesday, 14-Jul-76 03:33:21 GMT", now, "1976");
	year_is("Wednesday, 15-Jul-76 00:00:00 GMT", now, "1976");
	year_is("Monday, 13-Jul-76 23:59:59 GMT", now, "2076");
	year_is("Sunday, 01-Aug-76 00:00:00 GMT", now, "1976");
	year_is("Tuesday, 30-Jun-76 23:59:59 GMT", now, "2076");
	year_is("Thursday, 10-Dec-76 00:00:00 GMT", now, "1976");
	year_is("Saturday, 10-Dec-77 00:00:00 GMT", now, "1977");
	year_is("Friday, 31-Dec-75 23:59:59 GMT", now, "2075");
	year_is("Tuesday, 29-Feb-00 00:00:00 GMT", now, "2000");
	year_is("Sunday, 29-Feb-76 00:00:00 GMT", now, "2076"); /* both are leap years; seen from July, under 50 years */
	year_is("Friday, 31-Dec-99 23:59:59 GMT", 0, "1999");
	year_is("Thursday, 01-Jan-70 00:00:00 GMT", 0, "1970");
}

static bool is_leap(int year)
{
	return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
}

/* Every day until 2110, then the ends of months and the days after them, in two formats. Days are counted up. */
static void test_every_day(void **state)
{
	static const char *const months[12] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t expected = 0;

	(void)state;
	for (int year = 1970; year <= 9999; year++) {
		for (int month = 0; month < 12; month++) {
			int days = lengths[month] + (month == 1 && is_leap(year) ? 1 : 0);

			for (int day = 1; day <= days + 1; day++) {
				char text[40];
				int64_t seconds;
				bool real = day <= days;

				if (year > 2110 && day > 1 && day < 28) { /* the ends of months suffice */
					expected += real ? 86400 : 0;
					continue;
				}
				snprintf(text, sizeof(text), "Mon, %02d %s %04d 00:00:00 GMT", day, months[month], year);
				assert_int_equal(tux_date_parse((uint8_t *)text, 29, 0, &seconds), real);
				assert_int_equal(seconds, real ? expected : 0);
				snprintf(text, sizeof(text), "Mon %s %2d 00:00:00 %04d", months[month], day, year);
				assert_int_equal(tux_date_parse((uint8_t *)text, 24, 0, &seconds), real);
				assert_int_equal(seconds, real ? expected : 0);
				expected += real ? 86400 : 0;
			}
		}
	}
	assert_int_equal(expected, INT64_C(253402300800));
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

/* Compares with the C library's calendar for all years. */
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
		cmocka_unit_test(test_two_digit_year),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
