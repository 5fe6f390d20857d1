/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers with units. By hand, since strtod and printf follow the locale. */
#include "units.h"

#include <stdio.h>

#include "../../engine/io/print.h"

/* Reads digits at *text and moves behind them; false without one, or above what 64 bits hold. */
static bool digits_read(const char **text, uint64_t *value)
{
	const char *at = *text;

	for (*value = 0; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	if (at == *text)
		return false;
	*text = at;
	return true;
}

bool tux_value_count(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	return digits_read(&text, value) && *text == '\0' && *value >= min && *value <= max;
}

/* The power of two that a unit letter stands for; -1 if it is none. */
static int unit_shift(char letter)
{
	switch (letter) {
	case 'K': case 'k':
		return 10;
	case 'M': case 'm':
		return 20;
	case 'G': case 'g':
		return 30;
	case 'T': case 't':
		return 40;
	default:
		return -1;
	}
}

bool tux_value_size(const char *text, uint64_t min, uint64_t max, uint64_t *bytes)
{
	int shift;

	if (!digits_read(&text, bytes))
		return false;
	shift = unit_shift(*text);
	if (shift >= 0) {
		if (*bytes > UINT64_MAX >> shift)
			return false;
		*bytes <<= shift;
		text++;
		if (text[0] == 'i' && text[1] == 'B')
			text += 2;
	}
	return *text == '\0' && *bytes >= min && *bytes <= max;
}

bool tux_value_mode(const char *text, uint16_t *mode)
{
	uint32_t bits = 0;

	*mode = 0;
	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '7' && bits <= 07777; text++)
		bits = bits * 8 + (uint32_t)(*text - '0');
	if (*text != '\0' || bits > 07777)
		return false;
	*mode = (uint16_t)bits;
	return true;
}

bool tux_value_seconds(const char *text, uint32_t min_ms, uint32_t max_ms, uint32_t *ms)
{
	uint64_t total = 0;
	uint32_t scale;

	*ms = 0;
	if (*text != '.' && !digits_read(&text, &total))
		return false;
	if (total > max_ms / 1000)
		return false;
	total *= 1000;
	if (*text == '.') {
		text++;
		if (*text == '\0')
			return false;
		for (scale = 100; scale > 0 && *text >= '0' && *text <= '9'; scale /= 10)
			total += scale * (uint64_t)(*text++ - '0');
	}
	if (*text != '\0' || total < min_ms || total > max_ms)
		return false;
	*ms = (uint32_t)total;
	return true;
}

void tux_value_write_count(uint64_t count, char out[TUX_VALUE_TEXT])
{
	char digits[TUX_VALUE_TEXT];
	const int len = (int)print(digits, sizeof(digits), "%llu", (unsigned long long)count);
	int i, at = 0;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

void tux_value_write_bytes(uint64_t bytes, char out[TUX_VALUE_TEXT])
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1000, tenths;
	int i = 0;

	if (bytes < 1000) {
		snprintf(out, TUX_VALUE_TEXT, "%u B", (unsigned)bytes);
		return;
	}
	while (bytes / unit >= 1000 && units[i + 1] != '\0') {
		unit *= 1000;
		i++;
	}
	tenths = bytes / (unit / 10); /* cut, not rounded: "1000.0 kB" would read badly */
	if (tenths < 1000)
		snprintf(out, TUX_VALUE_TEXT, "%u.%u %cB", (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[i]);
	else
		snprintf(out, TUX_VALUE_TEXT, "%u %cB", (unsigned)(tenths / 10), units[i]);
}

void tux_value_write_time(uint64_t us, char out[TUX_VALUE_TEXT])
{
	const unsigned long long s = us / 1000000;

	if (us < 1000)
		snprintf(out, TUX_VALUE_TEXT, "0.%02u ms", (unsigned)(us / 10));
	else if (us < 1000000)
		snprintf(out, TUX_VALUE_TEXT, "%u.%u ms", (unsigned)(us / 1000), (unsigned)(us / 100 % 10));
	else if (s < 10)
		snprintf(out, TUX_VALUE_TEXT, "%llu.%u s", s, (unsigned)(us / 100000 % 10));
	else if (s < 60)
		snprintf(out, TUX_VALUE_TEXT, "%llu s", s);
	else if (s < 3600)
		snprintf(out, TUX_VALUE_TEXT, "%llu min %llu s", s / 60, s % 60);
	else
		snprintf(out, TUX_VALUE_TEXT, "%llu h %llu min", s / 3600, s / 60 % 60);
}
