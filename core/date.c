/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP dates: the arithmetic of the proleptic Gregorian calendar, and three formats. */
#include "date.h"

static const uint8_t day_names[7][3] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const uint8_t month_names[12][3] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

enum {
	DAY_SECONDS = 86400,
	ERA_DAYS = 146097, /* of 400 years */
	EPOCH_DAYS = 719468, /* from 0000-03-01 to 1970-01-01 */
};

static const int64_t LAST_SECOND = INT64_C(253402300799); /* 9999-12-31T23:59:59 */

struct civil {
	uint32_t year, month, day; /* month and day from 1 */
};

/* Years are counted from March, so that the leap day is the last. */
static struct civil civil_from_days(uint32_t days)
{
	uint32_t shifted = days + EPOCH_DAYS;
	uint32_t era = shifted / ERA_DAYS;
	uint32_t in_era = shifted % ERA_DAYS;
	uint32_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	uint32_t in_year = in_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * in_year + 2) / 153; /* 0 is March */
	struct civil civil;

	civil.day = in_year - (153 * month + 2) / 5 + 1;
	civil.month = month < 10 ? month + 3 : month - 9;
	civil.year = year + era * 400 + (civil.month <= 2 ? 1 : 0);
	return civil;
}

static int64_t days_from_civil(struct civil civil)
{
	uint32_t year = civil.month <= 2 ? civil.year - 1 : civil.year;
	uint32_t era = year / 400;
	uint32_t in_era = year % 400;
	uint32_t month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
	uint32_t in_year = (153 * month + 2) / 5 + civil.day - 1;

	return (int64_t)era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - EPOCH_DAYS;
}

static void put_digits(uint8_t *out, uint32_t number, uint32_t digits)
{
	for (uint32_t i = digits; i > 0; i--) {
		out[i - 1] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
}

void tux_date_format(int64_t seconds, uint8_t out[TUX_DATE_LEN])
{
	uint32_t days;
	uint32_t rest;
	struct civil civil;

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	days = (uint32_t)(seconds / DAY_SECONDS);
	rest = (uint32_t)(seconds % DAY_SECONDS);
	civil = civil_from_days(days);
	memcpy(out, "ddd, 00 mmm 0000 00:00:00 GMT", TUX_DATE_LEN);
	memcpy(out, day_names[(days + 4) % 7], 3);
	put_digits(out + 5, civil.day, 2);
	memcpy(out + 8, month_names[civil.month - 1], 3);
	put_digits(out + 12, civil.year, 4);
	put_digits(out + 17, rest / 3600, 2);
	put_digits(out + 20, rest / 60 % 60, 2);
	put_digits(out + 23, rest % 60, 2);
}

/* Reads digits decimal digits at text + off, which are there; false when one is none. */
static bool take_number(const uint8_t *text, uint32_t off, uint32_t digits, uint32_t *number)
{
	*number = 0;
	for (uint32_t i = 0; i < digits; i++) {
		uint8_t c = text[off + i];

		if (c < '0' || c > '9')
			return false;
		*number = *number * 10 + (uint32_t)(c - '0');
	}
	return true;
}

static bool take_month(const uint8_t *text, uint32_t off, uint32_t *month)
{
	for (uint32_t i = 0; i < 12; i++)
		if (memcmp(text + off, month_names[i], 3) == 0) {
			*month = i + 1;
			return true;
		}
	return false;
}

static bool take_time(const uint8_t *text, uint32_t off, uint32_t *seconds)
{
	uint32_t hour, minute, second;

	if (!take_number(text, off, 2, &hour) || !take_number(text, off + 3, 2, &minute) ||
	    !take_number(text, off + 6, 2, &second) || text[off + 2] != ':' || text[off + 5] != ':')
		return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60; /* a leap second counts as the next */
}

static bool is_day_of_month(struct civil civil)
{
	static const uint8_t lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = civil.year % 4 == 0 && (civil.year % 100 != 0 || civil.year % 400 == 0);

	if (civil.day == 0)
		return false;
	if (civil.month == 2 && leap)
		return civil.day <= 29;
	return civil.day <= lengths[civil.month - 1];
}

static bool finish(struct civil civil, uint32_t time, int64_t *seconds)
{
	if (civil.year == 0 || !is_day_of_month(civil))
		return false;
	*seconds = days_from_civil(civil) * DAY_SECONDS + time;
	return true;
}

/* Whether a day name of len bytes stands at the start: its first three letters are those of one. */
static bool is_day_name(const uint8_t *text)
{
	for (uint32_t i = 0; i < 7; i++)
		if (memcmp(text, day_names[i], 3) == 0)
			return true;
	return false;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool parse_fixdate(const uint8_t *text, int64_t *seconds)
{
	struct civil civil;
	uint32_t time;

	return is_day_name(text) && memcmp(text + 3, ", ", 2) == 0 && take_number(text, 5, 2, &civil.day) && text[7] == ' ' &&
	       take_month(text, 8, &civil.month) && text[11] == ' ' && take_number(text, 12, 4, &civil.year) &&
	       text[16] == ' ' && take_time(text, 17, &time) && memcmp(text + 25, " GMT", 4) == 0 &&
	       finish(civil, time, seconds);
}

/* "Sun Nov  6 08:49:37 1994" */
static bool parse_asctime(const uint8_t *text, int64_t *seconds)
{
	struct civil civil;
	uint32_t time;
	bool day = text[8] == ' ' ? take_number(text, 9, 1, &civil.day) : take_number(text, 8, 2, &civil.day);

	return day && is_day_name(text) && text[3] == ' ' && take_month(text, 4, &civil.month) && text[7] == ' ' &&
	       text[10] == ' ' && take_time(text, 11, &time) && text[19] == ' ' && take_number(text, 20, 4, &civil.year) &&
	       finish(civil, time, seconds);
}

/* The long day name's length, with which an RFC 850 date begins; 0 when it is none. */
static uint32_t long_day_name(const uint8_t *text, uint32_t len)
{
	static const struct {
		uint8_t text[9];
		uint8_t len;
	} names[7] = { { "Sunday", 6 },   { "Monday", 6 }, { "Tuesday", 7 }, { "Wednesday", 9 },
		       { "Thursday", 8 }, { "Friday", 6 }, { "Saturday", 8 } };

	for (uint32_t i = 0; i < 7; i++)
		if (len >= names[i].len && memcmp(text, names[i].text, names[i].len) == 0)
			return names[i].len;
	return 0;
}

/* The year of this century; of the one before when the moment, not the year, would be more than 50 years ahead. */
static uint32_t full_year(struct civil civil, uint32_t time, int64_t now)
{
	int64_t seconds = now > 0 && now <= LAST_SECOND ? now : 0;
	struct civil today = civil_from_days((uint32_t)(seconds / DAY_SECONDS));
	uint32_t year = today.year - today.year % 100 + civil.year;
	bool later_in_year = civil.day > today.day || (civil.day == today.day && time > (uint32_t)(seconds % DAY_SECONDS));

	if (civil.month != today.month)
		later_in_year = civil.month > today.month;
	return year > today.year + 50 || (year == today.year + 50 && later_in_year) ? year - 100 : year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool parse_rfc850(const uint8_t *text, uint32_t len, int64_t now, int64_t *seconds)
{
	uint32_t at = long_day_name(text, len);
	struct civil civil;
	uint32_t time;

	if (at == 0 || len - at != 24)
		return false;
	if (memcmp(text + at, ", ", 2) != 0 || !take_number(text, at + 2, 2, &civil.day) || text[at + 4] != '-' ||
	    !take_month(text, at + 5, &civil.month) || text[at + 8] != '-' || !take_number(text, at + 9, 2, &civil.year) ||
	    text[at + 11] != ' ' || !take_time(text, at + 12, &time) || memcmp(text + at + 20, " GMT", 4) != 0)
		return false;
	civil.year = full_year(civil, time, now);
	return finish(civil, time, seconds);
}

bool tux_date_parse(const uint8_t *text, uint32_t len, int64_t now, int64_t *seconds)
{
	bool parsed;

	*seconds = 0;
	if (len == TUX_DATE_LEN && text[3] == ',')
		parsed = parse_fixdate(text, seconds);
	else if (len == 24)
		parsed = parse_asctime(text, seconds);
	else
		parsed = parse_rfc850(text, len, now, seconds);
	if (!parsed)
		*seconds = 0;
	return parsed;
}
