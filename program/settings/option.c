/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "option.h"

#include <stdio.h>
#include <string.h>

#include "units.h"

/* Writes a choice of words as "a, b or c". */
static void choice_expects(const char *words, char out[TUX_OPTION_EXPECTED])
{
	size_t at = 0;

	while (*words && at + 5 < TUX_OPTION_EXPECTED) {
		if (*words == '|') {
			const char *const between = strchr(words + 1, '|') ? ", " : " or ";
			const size_t len = strlen(between);

			memcpy(out + at, between, len);
			at += len;
		} else {
			out[at++] = *words;
		}
		words++;
	}
	out[at] = '\0';
}

/* Writes milliseconds as seconds, without zeros at the end. */
static void seconds_write(uint64_t ms, char *out, size_t out_size)
{
	size_t len;

	snprintf(out, out_size, "%llu.%03u", (unsigned long long)ms / 1000, (unsigned)(ms % 1000));
	len = strlen(out);
	while (out[len - 1] == '0')
		out[--len] = '\0';
	if (out[len - 1] == '.')
		out[len - 1] = '\0';
}

void tux_option_expects(const struct tux_option *option, char out[TUX_OPTION_EXPECTED])
{
	char min[24], max[24];

	out[0] = '\0';
	if (option->expected) {
		snprintf(out, TUX_OPTION_EXPECTED, "%s", option->expected);
		return;
	}
	switch (option->type) {
	case TUX_TYPE_SWITCH:
		snprintf(out, TUX_OPTION_EXPECTED, "on or off");
		break;
	case TUX_TYPE_COUNT:
		snprintf(out, TUX_OPTION_EXPECTED, "%sa number from %llu to %llu", option->or_zero ? "0, or " : "",
		         (unsigned long long)option->min, (unsigned long long)option->max);
		break;
	case TUX_TYPE_SECONDS:
		seconds_write(option->min, min, sizeof(min));
		seconds_write(option->max, max, sizeof(max));
		snprintf(out, TUX_OPTION_EXPECTED, "seconds from %s to %s, %s", min, max,
		         option->or_zero ? "or 0" : option->min > 0 ? "such as 20 or 0.5" : "such as 10 or 0.5");
		break;
	case TUX_TYPE_CHOICE:
		choice_expects(option->value, out);
		break;
	case TUX_TYPE_SIZE:
	case TUX_TYPE_MODE:
	case TUX_TYPE_TEXT:
	case TUX_TYPE_SPECIAL:
	case TUX_TYPE_BLOCK:
		break; /* a row of these types describes its values */
	}
}

/* Stores a number in a member of 1, 2, 4 or 8 bytes. */
static void number_store(void *at, size_t size, uint64_t value)
{
	const uint8_t value8 = (uint8_t)value;
	const uint16_t value16 = (uint16_t)value;
	const uint32_t value32 = (uint32_t)value;

	memcpy(at, size == 1 ? (const void *)&value8 : size == 2 ? (const void *)&value16 : size == 4 ? (const void *)&value32 : &value, size);
}

/* Returns the number of a word in a choice "a|b|c"; -1 if it is missing. */
static int word_find(const char *words, const char *value)
{
	int number = 0;

	for (;; number++) {
		const size_t len = strcspn(words, "|");

		if (strlen(value) == len && memcmp(words, value, len) == 0)
			return number;
		if (words[len] == '\0')
			return -1;
		words += len + 1;
	}
}

/* Reads a number in the unit of the option's type. */
static bool number_read(const struct tux_option *option, const char *value, uint64_t min, uint64_t max, uint64_t *number)
{
	uint16_t mode;
	uint32_t ms;
	int word;

	switch (option->type) {
	case TUX_TYPE_COUNT:
		return tux_value_count(value, min, max, number);
	case TUX_TYPE_SIZE:
		return tux_value_size(value, min, max, number);
	case TUX_TYPE_SECONDS:
		if (!tux_value_seconds(value, (uint32_t)min, (uint32_t)max, &ms))
			return false;
		*number = ms;
		return true;
	case TUX_TYPE_MODE:
		if (!tux_value_mode(value, &mode))
			return false;
		*number = mode;
		return true;
	case TUX_TYPE_CHOICE:
		word = word_find(option->value, value);
		*number = word < 0 ? 0 : (uint64_t)word;
		return word >= 0;
	case TUX_TYPE_SWITCH:
	case TUX_TYPE_TEXT:
	case TUX_TYPE_SPECIAL:
	case TUX_TYPE_BLOCK:
		break;
	}
	return false;
}

bool tux_option_read(const struct tux_option *option, void *object, const char *value)
{
	void *const at = (char *)object + option->at;
	uint64_t number = 0;

	if (option->type == TUX_TYPE_SPECIAL)
		return option->read(object, value);
	if (option->type == TUX_TYPE_SWITCH) {
		*(bool *)at = !value;
		return true;
	}
	if (option->type == TUX_TYPE_TEXT) {
		*(const char **)at = value;
		return *value != '\0';
	}
	if (!number_read(option, value, option->min, option->max, &number) && !(option->or_zero && number_read(option, value, 0, 0, &number)))
		return false;
	number_store(at, option->size, number);
	return true;
}

bool tux_option_set(const struct tux_option *option, void *object, const char *value, char *error, size_t error_size)
{
	char expected[TUX_OPTION_EXPECTED];

	if (tux_option_read(option, object, value))
		return true;
	tux_option_expects(option, expected);
	snprintf(error, error_size, "%s: \"%s\" is not %s", option->name, value ? value : "", expected);
	return false;
}
