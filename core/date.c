/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP dates: the arithmetic of the proleptic Gregorian calendar, and three formats. */
#include "date.h"

#include "octet.h"

static const uint8_t day_names[7][3] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const uint8_t month_names[12][3] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

enum {
	DAY_SECONDS = 86400,
	ERA_DAYS = 146097,    /* days of 400 years */
	CENTURY_DAYS = 36524, /* the last century of an era has one more day */
	CYCLE_DAYS = 1461,    /* days of 4 years */
	EPOCH_DAYS = 719468,  /* from 0000-03-01 to 1970-01-01 */
	LAST_DAY = 2932896,   /* 9999-12-31 */
};

/* 9999-12-31T23:59:59 */
#define LAST_SECOND INT64_C(253402300799)

struct civil {
	uint32_t year, month, day; /* month and day from 1 */
};

/* Counts years from March, so the leap day is the last of its year. The last year of a cycle and of an era is a day longer. */
/*@ requires days <= LAST_DAY;
  @ assigns \nothing;
  @ ensures 1600 <= \result.year <= 10000 && 1 <= \result.month <= 12 && 1 <= \result.day <= 31;
  @*/
static struct civil civil_from_days(uint32_t days)
{
	uint32_t shifted = days + EPOCH_DAYS;
	uint32_t era = shifted / ERA_DAYS;
	uint32_t in_era = shifted % ERA_DAYS;
	uint32_t century = in_era == ERA_DAYS - 1 ? 3 : in_era / CENTURY_DAYS;
	uint32_t in_century = in_era - century * CENTURY_DAYS;
	uint32_t cycle = in_century / CYCLE_DAYS;
	uint32_t in_cycle = in_century % CYCLE_DAYS;
	uint32_t year = in_cycle == CYCLE_DAYS - 1 ? 3 : in_cycle / 365;
	uint32_t in_year = in_cycle - year * 365;
	uint32_t month = (5 * in_year + 2) / 153; /* 0 is March */
	struct civil civil;

	/*@ assert in_year <= 365; */
	/*@ assert month == 0 || month == 1 || month == 2 || month == 3 || month == 4 || month == 5 || month == 6 ||
	  @   month == 7 || month == 8 || month == 9 || month == 10 || month == 11; */
	civil.day = in_year - (153 * month + 2) / 5 + 1;
	civil.month = month < 10 ? month + 3 : month - 9;
	civil.year = era * 400 + century * 100 + cycle * 4 + year + (civil.month <= 2 ? 1 : 0);
	return civil;
}

/*@ predicate civil_valid(struct civil civil) =
  @   1 <= civil.year <= 10200 && 1 <= civil.month <= 12 && 1 <= civil.day <= 31;
  @*/

/*@ requires civil_valid(civil);
  @ assigns \nothing;
  @ ensures -800000 <= \result <= 4000000;
  @*/
static int64_t days_from_civil(struct civil civil)
{
	uint32_t year = civil.month <= 2 ? civil.year - 1 : civil.year;
	uint32_t era = year / 400;
	uint32_t in_era = year % 400;
	uint32_t month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
	uint32_t in_year = (153 * month + 2) / 5 + civil.day - 1;

	return (int64_t)era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - EPOCH_DAYS;
}

/*@ requires digits <= 4 && \valid(out + (0 .. digits - 1));
  @ assigns out[0 .. digits - 1];
  @*/
static void put_digits(uint8_t *out, uint32_t number, uint32_t digits)
{
	/*@ loop invariant 0 <= i <= digits;
	  @ loop assigns i, number, out[0 .. digits - 1];
	  @ loop variant i; */
	for (uint32_t i = digits; i > 0; i--) {
		out[i - 1] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
}

void tux_date_format(int64_t seconds, uint8_t out[TUX_DATE_LEN])
{
	static const uint8_t pattern[TUX_DATE_LEN] = "ddd, 00 mmm 0000 00:00:00 GMT";
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
	octet_copy(out, pattern, TUX_DATE_LEN);
	octet_copy(out, day_names[(days + 4) % 7], 3);
	put_digits(out + 5, civil.day, 2);
	octet_copy(out + 8, month_names[civil.month - 1], 3);
	put_digits(out + 12, civil.year, 4);
	put_digits(out + 17, rest / 3600, 2);
	put_digits(out + 20, rest / 60 % 60, 2);
	put_digits(out + 23, rest % 60, 2);
}

/* Reads digits decimal digits at text + off. The caller has checked the length. Returns false if an octet is not a digit. */
/*@ requires off <= 0x1ffff && digits <= 4 && \valid_read(text + (off .. off + digits - 1)) && \valid(number);
  @ requires \separated(number, text + (off .. off + digits - 1));
  @ assigns *number;
  @ ensures \result ==> *number <= 9999;
  @ ensures \result && digits <= 2 ==> *number <= 99;
  @*/
static bool take_number(const uint8_t *text, uint32_t off, uint32_t digits, uint32_t *number)
{
	*number = 0;
	/*@ loop invariant 0 <= i <= digits;
	  @ loop invariant i == 0 ? *number == 0 : i == 1 ? *number <= 9 : i == 2 ? *number <= 99 : i == 3 ?
	  @   *number <= 999 : *number <= 9999;
	  @ loop assigns i, *number;
	  @ loop variant digits - i; */
	for (uint32_t i = 0; i < digits; i++) {
		uint8_t c = text[off + i];

		if (c < '0' || c > '9')
			return false;
		*number = *number * 10 + (uint32_t)(c - '0');
	}
	return true;
}

/*@ requires off <= 0xffff && \valid_read(text + (off .. off + 2)) && \valid(month);
  @ requires \separated(month, text + (off .. off + 2));
  @ assigns *month;
  @ ensures \result ==> 1 <= *month <= 12;
  @*/
static bool take_month(const uint8_t *text, uint32_t off, uint32_t *month)
{
	/*@ loop invariant 0 <= i <= 12;
	  @ loop assigns i;
	  @ loop variant 12 - i; */
	for (uint32_t i = 0; i < 12; i++)
		if (octet_equal(text + off, month_names[i], 3)) {
			*month = i + 1;
			return true;
		}
	return false;
}

/*@ requires off <= 0xffff && \valid_read(text + (off .. off + 7)) && \valid(seconds);
  @ requires \separated(seconds, text + (off .. off + 7));
  @ assigns *seconds;
  @ ensures \result ==> *seconds <= 86400;
  @*/
static bool take_time(const uint8_t *text, uint32_t off, uint32_t *seconds)
{
	uint32_t hour, minute, second;

	if (!take_number(text, off, 2, &hour) || !take_number(text, off + 3, 2, &minute) ||
	    !take_number(text, off + 6, 2, &second) || text[off + 2] != ':' || text[off + 5] != ':')
		return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60; /* a leap second counts as the next */
}

/*@ requires 1 <= civil.month <= 12;
  @ assigns \nothing;
  @ ensures \result ==> 1 <= civil.day <= 31;
  @*/
static bool is_day_of_month(struct civil civil)
{
	bool leap = civil.year % 4 == 0 && (civil.year % 100 != 0 || civil.year % 400 == 0);
	uint32_t last = 31;

	if (civil.month == 2)
		last = leap ? 29 : 28;
	else if (civil.month == 4 || civil.month == 6 || civil.month == 9 || civil.month == 11)
		last = 30;
	return civil.day >= 1 && civil.day <= last;
}

/*@ requires civil.year <= 10200 && 1 <= civil.month <= 12 && time <= 86400 && \valid(seconds);
  @ assigns *seconds;
  @*/
static bool finish(struct civil civil, uint32_t time, int64_t *seconds)
{
	if (civil.year == 0 || !is_day_of_month(civil))
		return false;
	*seconds = days_from_civil(civil) * DAY_SECONDS + time;
	return true;
}

/* True if the text starts with the three letters of a day name. */
/*@ requires \valid_read(text + (0 .. 2));
  @ assigns \nothing;
  @*/
static bool is_day_name(const uint8_t *text)
{
	/*@ loop invariant 0 <= i <= 7;
	  @ loop assigns i;
	  @ loop variant 7 - i; */
	for (uint32_t i = 0; i < 7; i++)
		if (octet_equal(text, day_names[i], 3))
			return true;
	return false;
}

/*@ requires \valid_read(text + (0 .. 3));
  @ assigns \nothing;
  @*/
static bool is_gmt(const uint8_t *text)
{
	return text[0] == ' ' && text[1] == 'G' && text[2] == 'M' && text[3] == 'T';
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
/*@ requires \valid_read(text + (0 .. 28)) && \valid(seconds) && \separated(seconds, text + (0 .. 28));
  @ assigns *seconds;
  @*/
static bool parse_fixdate(const uint8_t *text, int64_t *seconds)
{
	struct civil civil;
	uint32_t time;

	return is_day_name(text) && text[3] == ',' && text[4] == ' ' && take_number(text, 5, 2, &civil.day) && text[7] == ' ' &&
	       take_month(text, 8, &civil.month) && text[11] == ' ' && take_number(text, 12, 4, &civil.year) &&
	       text[16] == ' ' && take_time(text, 17, &time) && is_gmt(text + 25) &&
	       finish(civil, time, seconds);
}

/* "Sun Nov  6 08:49:37 1994" */
/*@ requires \valid_read(text + (0 .. 23)) && \valid(seconds) && \separated(seconds, text + (0 .. 23));
  @ assigns *seconds;
  @*/
static bool parse_asctime(const uint8_t *text, int64_t *seconds)
{
	struct civil civil;
	uint32_t time;
	bool day = text[8] == ' ' ? take_number(text, 9, 1, &civil.day) : take_number(text, 8, 2, &civil.day);

	return day && is_day_name(text) && text[3] == ' ' && take_month(text, 4, &civil.month) && text[7] == ' ' &&
	       text[10] == ' ' && take_time(text, 11, &time) && text[19] == ' ' && take_number(text, 20, 4, &civil.year) &&
	       finish(civil, time, seconds);
}

/* Returns the length of the long day name that starts an RFC 850 date; 0 if the text does not start with one. */
/*@ requires \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= len && \result <= 9;
  @*/
static uint32_t long_day_name(const uint8_t *text, uint32_t len)
{
	static const uint8_t names[7][9] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
	static const uint8_t lengths[7] = { 6, 6, 7, 9, 8, 6, 8 };

	/*@ loop invariant 0 <= i <= 7;
	  @ loop assigns i;
	  @ loop variant 7 - i; */
	for (uint32_t i = 0; i < 7; i++) {
		uint32_t length = lengths[i];

		if (length <= len && length <= sizeof(names[i]) && octet_equal(text, names[i], length))
			return length;
	}
	return 0;
}

/* Returns the full year: in this century, or in the one before if the time would be more than 50 years ahead. */
/*@ requires civil.year <= 99;
  @ assigns \nothing;
  @ ensures 1 <= \result <= 10200;
  @*/
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
/*@ requires \valid_read(text + (0 .. len - 1)) && \valid(seconds) && \separated(seconds, text + (0 .. len - 1));
  @ assigns *seconds;
  @*/
static bool parse_rfc850(const uint8_t *text, uint32_t len, int64_t now, int64_t *seconds)
{
	uint32_t at = long_day_name(text, len);
	struct civil civil;
	uint32_t time;

	if (at == 0 || len - at != 24)
		return false;
	if (text[at] != ',' || text[at + 1] != ' ' || !take_number(text, at + 2, 2, &civil.day) || text[at + 4] != '-' ||
	    !take_month(text, at + 5, &civil.month) || text[at + 8] != '-' || !take_number(text, at + 9, 2, &civil.year) ||
	    text[at + 11] != ' ' || !take_time(text, at + 12, &time) || !is_gmt(text + at + 20))
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
