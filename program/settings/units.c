/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* Numbers with units. By hand, because strtod() and printf() follow the locale. */
#include "units.h"

/* Reads digits from *at on and moves *at behind them. Returns false without a digit, or if the number exceeds 64 bits. */
/*@ requires \valid(at) && \valid(value) && text_from(text, *at) && \separated(at, value);
  @ assigns *at, *value;
  @ ensures text_from(text, *at);
  @*/
static bool digits_read(const char *text, uint32_t *at, uint64_t *value)
{
	const uint32_t first = *at;
	uint64_t number = 0;
	uint32_t i = first;

	*value = 0;
	/*@ loop invariant text_from(text, i) && first <= i;
	  @ loop assigns i, number;
	  @ loop variant 0xffffffff - i; */
	for (; text[i] >= '0' && text[i] <= '9'; i++) {
		const uint64_t digit = (uint64_t)(text[i] - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (i == first)
		return false;
	*at = i;
	*value = number;
	return true;
}

bool tux_value_count(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint32_t at = 0;

	return digits_read(text, &at, value) && text[at] == '\0' && *value >= min && *value <= max;
}

/* Returns the factor of a unit's letter; 0 if it has none. */
/*@ assigns \nothing;
  @ ensures \result == 0 || \result == 1024 || \result == 1048576 || \result == 1073741824 || \result == 1099511627776;
  @ ensures letter == 0 ==> \result == 0;
  @*/
static uint64_t unit_factor(char letter)
{
	switch (letter) {
	case 'K': case 'k':
		return 1024u;
	case 'M': case 'm':
		return 1024u * 1024;
	case 'G': case 'g':
		return 1024u * 1024 * 1024;
	case 'T': case 't':
		return 1099511627776u;
	default:
		return 0;
	}
}

bool tux_value_size(const char *text, uint64_t min, uint64_t max, uint64_t *bytes)
{
	uint64_t factor;
	uint32_t at = 0;

	if (!digits_read(text, &at, bytes))
		return false;
	factor = unit_factor(text[at]);
	if (factor > 0) {
		if (*bytes > UINT64_MAX / factor)
			return false;
		*bytes *= factor;
		at++;
		if (text[at] == 'i' && text[at + 1] == 'B')
			at += 2;
	}
	return text[at] == '\0' && *bytes >= min && *bytes <= max;
}

bool tux_value_mode(const char *text, uint16_t *mode)
{
	uint32_t bits = 0, i = 0;

	*mode = 0;
	if (text[0] == '\0')
		return false;
	/*@ loop invariant text_from(text, i) && bits <= 07777 * 8 + 7;
	  @ loop assigns i, bits;
	  @ loop variant 0xffffffff - i; */
	for (; text[i] >= '0' && text[i] <= '7' && bits <= 07777; i++)
		bits = bits * 8 + (uint32_t)(text[i] - '0');
	if (text[i] != '\0' || bits > 07777)
		return false;
	*mode = (uint16_t)bits;
	return true;
}

bool tux_value_seconds(const char *text, uint32_t min_ms, uint32_t max_ms, uint32_t *ms)
{
	uint64_t total = 0;
	uint32_t at = 0, scale = 100;

	*ms = 0;
	if (text[0] != '.' && !digits_read(text, &at, &total))
		return false;
	if (total > max_ms / 1000)
		return false;
	total *= 1000;
	if (text[at] == '.') {
		at++;
		if (text[at] == '\0')
			return false;
		/*@ loop invariant text_from(text, at) && (scale == 100 || scale == 10 || scale == 1 || scale == 0);
		  @ loop invariant total + 10 * scale <= 0xffffffff + 1000;
		  @ loop assigns at, scale, total;
		  @ loop variant scale; */
		while (scale > 0 && text[at] >= '0' && text[at] <= '9') {
			total += scale * (uint64_t)(text[at] - '0');
			scale /= 10;
			at++;
		}
	}
	if (text[at] != '\0' || total < min_ms || total > max_ms)
		return false;
	*ms = (uint32_t)total;
	return true;
}

/* Writes a character at an offset and a NUL behind it, if they fit. Returns the offset of the NUL. */
/*@ requires \valid(out + (0 .. TUX_VALUE_TEXT - 1)) && at < TUX_VALUE_TEXT;
  @ assigns out[0 .. TUX_VALUE_TEXT - 1];
  @ ensures \result < TUX_VALUE_TEXT && out[\result] == 0;
  @*/
static uint32_t put(char *out, uint32_t at, char character)
{
	if (at + 1 < TUX_VALUE_TEXT)
		out[at++] = character;
	out[at] = '\0';
	return at;
}

/*@ requires \valid(out + (0 .. TUX_VALUE_TEXT - 1)) && at < TUX_VALUE_TEXT && text_readable(text);
  @ assigns out[0 .. TUX_VALUE_TEXT - 1];
  @ ensures \result < TUX_VALUE_TEXT && out[\result] == 0;
  @*/
static uint32_t put_text(char *out, uint32_t at, struct tux_text text)
{
	out[at] = '\0';
	/*@ loop invariant i <= text.len && at < TUX_VALUE_TEXT && out[at] == 0;
	  @ loop assigns i, at, out[0 .. TUX_VALUE_TEXT - 1];
	  @ loop variant text.len - i; */
	for (uint32_t i = 0; i < text.len; i++)
		at = put(out, at, text.at[i]);
	return at;
}

/* Writes a decimal number. comma: one before each three digits. */
/*@ requires \valid(out + (0 .. TUX_VALUE_TEXT - 1)) && at < TUX_VALUE_TEXT;
  @ assigns out[0 .. TUX_VALUE_TEXT - 1];
  @ ensures \result < TUX_VALUE_TEXT && out[\result] == 0;
  @*/
static uint32_t put_number(char *out, uint32_t at, uint64_t number, bool comma)
{
	char digits[20]; /* of 2^64 - 1 */
	uint32_t first = sizeof(digits);

	/*@ loop invariant 0 < first <= 20;
	  @ loop assigns first, number, digits[0 .. 19];
	  @ loop variant first; */
	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0 && first > 0);
	out[at] = '\0';
	/*@ loop invariant first <= i <= 20 && at < TUX_VALUE_TEXT && out[at] == 0;
	  @ loop assigns i, at, out[0 .. TUX_VALUE_TEXT - 1];
	  @ loop variant 20 - i; */
	for (uint32_t i = first; i < sizeof(digits); i++) {
		if (comma && i > first && (sizeof(digits) - i) % 3 == 0)
			at = put(out, at, ',');
		at = put(out, at, digits[i]);
	}
	return at;
}

void tux_value_write_count(uint64_t count, char out[TUX_VALUE_TEXT])
{
	put_number(out, 0, count, true);
}

void tux_value_write_bytes(uint64_t bytes, char out[TUX_VALUE_TEXT])
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1000, tenths;
	uint32_t i = 0, at;

	if (bytes < 1000) {
		put_text(out, put_number(out, 0, bytes, false), TUX_TEXT(" B"));
		return;
	}
	/*@ loop invariant i <= 5 && 1000 <= unit;
	  @ loop invariant (i == 0 ==> unit == 1000) && (i == 1 ==> unit == 1000000) && (i == 2 ==> unit == 1000000000) &&
	  @   (i == 3 ==> unit == 1000000000000) && (i == 4 ==> unit == 1000000000000000) && (i == 5 ==> unit == 1000000000000000000);
	  @ loop assigns i, unit;
	  @ loop variant 5 - i; */
	while (i < 5 && bytes / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	tenths = bytes / (unit / 10); /* cut, not rounded: "1000.0 kB" would read badly */
	at = put_number(out, 0, tenths / 10, false);
	if (tenths < 1000)
		at = put_number(out, put(out, at, '.'), tenths % 10, false);
	at = put(out, at, ' ');
	at = put(out, at, units[i]);
	put(out, at, 'B');
}

void tux_value_write_time(uint64_t us, char out[TUX_VALUE_TEXT])
{
	const uint64_t s = us / 1000000;
	uint32_t at;

	if (us < 1000) {
		at = put_text(out, 0, TUX_TEXT("0."));
		at = put_number(out, put_number(out, at, us / 100, false), us / 10 % 10, false);
		put_text(out, at, TUX_TEXT(" ms"));
	} else if (us < 1000000) {
		at = put_number(out, put(out, put_number(out, 0, us / 1000, false), '.'), us / 100 % 10, false);
		put_text(out, at, TUX_TEXT(" ms"));
	} else if (s < 10) {
		at = put_number(out, put(out, put_number(out, 0, s, false), '.'), us / 100000 % 10, false);
		put_text(out, at, TUX_TEXT(" s"));
	} else if (s < 60) {
		put_text(out, put_number(out, 0, s, false), TUX_TEXT(" s"));
	} else if (s < 3600) {
		at = put_text(out, put_number(out, 0, s / 60, false), TUX_TEXT(" min "));
		put_text(out, put_number(out, at, s % 60, false), TUX_TEXT(" s"));
	} else {
		at = put_text(out, put_number(out, 0, s / 3600, false), TUX_TEXT(" h "));
		put_text(out, put_number(out, at, s / 60 % 60, false), TUX_TEXT(" min"));
	}
}
