/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dates against the C library's calendar. The first five octets are the clock, or the moment to write; the
 * rest is the text to read.
 */
#include <string.h>
#include <time.h>

#include "date.h"
#include "fuzz.h"

enum { CLOCK_OCTETS = 5 };

static const int64_t LAST = INT64_C(253402300799); /* 9999-12-31T23:59:59 */

static int64_t within(int64_t seconds)
{
	return seconds < 0 ? 0 : seconds > LAST ? LAST : seconds;
}

/* Writes a moment and reads it back. */
static void check_format(int64_t seconds)
{
	uint8_t *text = allocated(TUX_DATE_LEN);
	time_t moment = within(seconds);
	char expected[40];
	struct tm civil;
	int64_t back;

	tux_date_format(seconds, text);
	require_written(text, TUX_DATE_LEN);
	require(gmtime_r(&moment, &civil) != NULL);
	require(strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &civil) == TUX_DATE_LEN);
	require(memcmp(text, expected, TUX_DATE_LEN) == 0);
	require(tux_date_parse(text, TUX_DATE_LEN, 0, &back) && back == moment);
	free(text);
}

/*
 * The model: the text is laid beside a pattern, whose letters say what each octet is: D, Y, h, m, s a digit
 * of that number, N a letter of the month, a those of the day name, all else itself.
 */
struct reading {
	int number[128]; /* by the letter of the pattern */
	char month[4];
	char day_name[10];
};

static bool follows(const uint8_t *text, uint32_t len, const char *pattern, struct reading *reading)
{
	size_t month_len = 0, day_name_len = 0;

	memset(reading, 0, sizeof(*reading));
	if (len != strlen(pattern) || memchr(text, '\0', len) != NULL)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		unsigned char is = (unsigned char)pattern[i];

		if (is == 'N')
			reading->month[month_len++] = (char)text[i];
		else if (is == 'a')
			reading->day_name[day_name_len++] = (char)text[i];
		else if (strchr("DYhms", is) == NULL && text[i] != is)
			return false;
		else if (strchr("DYhms", is) != NULL && (text[i] < '0' || text[i] > '9'))
			return false;
		else
			reading->number[is] = 10 * reading->number[is] + (text[i] - '0');
	}
	return true;
}

/* The index of a name among names of which each ends in a space; -1 if it is none. */
static int index_of(const char *name, const char *names)
{
	size_t len = strlen(name);
	int index = 0;

	for (; *names != '\0'; names = strchr(names, ' ') + 1, index++)
		if (strncmp(names, name, len) == 0 && names[len] == ' ')
			return index;
	return -1;
}

/* Year to second as one number, which compares as the moments do. */
static int64_t digits_of(int year, const struct reading *reading)
{
	int64_t number = year;

	number = number * 100 + index_of(reading->month, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ") + 1;
	number = number * 100 + reading->number['D'];
	number = number * 100 + reading->number['h'];
	number = number * 100 + reading->number['m'];
	return number * 100 + reading->number['s'];
}

/* RFC 9110 5.6.7: what would be more than 50 years ahead is of the century before. */
static int year_of(const struct reading *reading, int64_t now)
{
	time_t moment = now >= 0 && now <= LAST ? now : 0;
	struct reading today = { .number = { 0 } };
	struct tm civil;
	int year;

	require(gmtime_r(&moment, &civil) != NULL);
	strftime(today.month, sizeof(today.month), "%b", &civil);
	today.number['D'] = civil.tm_mday;
	today.number['h'] = civil.tm_hour;
	today.number['m'] = civil.tm_min;
	today.number['s'] = civil.tm_sec;
	year = (civil.tm_year + 1900) / 100 * 100 + reading->number['Y'];
	return digits_of(year, reading) > digits_of(civil.tm_year + 1950, &today) ? year - 100 : year;
}

/* Whether there is such a moment: the calendar does not have to mend it. */
static bool seconds_of(const struct reading *reading, int year, int64_t *seconds)
{
	struct tm civil = {
		.tm_year = year - 1900,
		.tm_mon = index_of(reading->month, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec "),
		.tm_mday = reading->number['D'],
	};
	struct tm mended = civil;
	const int *number = reading->number;

	*seconds = 0;
	if (civil.tm_mon < 0 || year < 1 || number['h'] > 23 || number['m'] > 59 || number['s'] > 60)
		return false;
	*seconds = (int64_t)timegm(&mended) + number['h'] * 3600 + number['m'] * 60 + number['s'];
	return mended.tm_mday == civil.tm_mday && mended.tm_mon == civil.tm_mon;
}

static bool model_parse(const uint8_t *text, uint32_t len, int64_t now, int64_t *seconds)
{
	static const char *const long_patterns[] = {
		"aaaaaa, DD-NNN-YY hh:mm:ss GMT",
		"aaaaaaa, DD-NNN-YY hh:mm:ss GMT",
		"aaaaaaaa, DD-NNN-YY hh:mm:ss GMT",
		"aaaaaaaaa, DD-NNN-YY hh:mm:ss GMT",
	};
	struct reading reading;

	*seconds = 0;
	if (follows(text, len, "aaa, DD NNN YYYY hh:mm:ss GMT", &reading) ||
	    follows(text, len, "aaa NNN DD hh:mm:ss YYYY", &reading) ||
	    follows(text, len, "aaa NNN  D hh:mm:ss YYYY", &reading))
		return index_of(reading.day_name, "Sun Mon Tue Wed Thu Fri Sat ") >= 0 &&
		       seconds_of(&reading, reading.number['Y'], seconds);
	for (size_t i = 0; i < sizeof(long_patterns) / sizeof(long_patterns[0]); i++)
		if (follows(text, len, long_patterns[i], &reading))
			return index_of(reading.day_name, "Sunday Monday Tuesday Wednesday Thursday Friday Saturday ") >= 0 &&
			       seconds_of(&reading, year_of(&reading, now), seconds);
	return false;
}

static void check_parse(const uint8_t *text, uint32_t len, int64_t now)
{
	uint8_t *copy = allocated(len);
	int64_t seconds, expected;
	bool parsed;

	memcpy(copy, text, len);
	forget(&seconds, sizeof(seconds));
	parsed = tux_date_parse(copy, len, now, &seconds);
	REQUIRE_WRITTEN(parsed);
	REQUIRE_WRITTEN(seconds);
	if (model_parse(copy, len, now, &expected))
		require(parsed && seconds == expected);
	else
		require(!parsed && seconds == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t moment = 0;

	if (size < CLOCK_OCTETS || size > 1000)
		return 0;
	for (size_t i = 0; i < CLOCK_OCTETS; i++)
		moment = moment * 256 + data[i];
	moment -= INT64_C(1) << 32; /* some clocks are wrong */
	check_format(moment);
	check_parse(data + CLOCK_OCTETS, (uint32_t)(size - CLOCK_OCTETS), moment);
	return 0;
}
