/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares tux_range_parse() with a model of RFC 9110 14.1.2 and 14.2, for objects of several sizes. The input is every range set
 * of up to ten octets of an alphabet, and every set of up to four ranges between small offsets. In the model a range is the set of
 * its offsets, one bit each, so sizes stay within 64. The model shares no arithmetic with range.c: no clamping, no lengths.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "range.h"
#include "sanitizer.h"

enum {
#ifdef SANITIZED
	LONGEST = 7, /* octets after the unit; fewer, because sanitizers are slow */
	MOST = 3,    /* ranges */
#else
	LONGEST = 10,
	MOST = 4,
#endif
	OFFSETS = 6, /* number of offsets, from 0 on, at which ranges start and end */
	ROOM = 32,   /* bytes for a value: the unit, and either kind of set */
	MODEL_ELEMENTS = 8,
};

static const uint64_t sizes[] = { 0, 1, 2, 3, 10, 20, 64 };

struct tally {
	unsigned long sets, wrong;
	unsigned long verdicts[3]; /* verdicts of the model, by enum tux_range_verdict */
};

struct model {
	bool valid;
	uint32_t count;
	struct {
		long first, last; /* -1 = missing */
	} element[MODEL_ELEMENTS];
};

/* Parses digits, hyphen, digits, but not the hyphen alone (RFC 9110 14.1.1, 5.6.1.2). Returns false for anything else. */
static bool model_element(const char *at, const char *end, struct model *model)
{
	const char *hyphen = memchr(at, '-', (size_t)(end - at));
	long first = -1;
	long last = -1;

	if (hyphen == NULL || end - at == 1 || model->count == MODEL_ELEMENTS)
		return false;
	for (const char *c = at; c < end; c++)
		if (c != hyphen && (*c < '0' || *c > '9'))
			return false;
	if (hyphen > at)
		first = strtol(at, NULL, 10);
	if (end - hyphen > 1)
		last = strtol(hyphen + 1, NULL, 10);
	model->element[model->count].first = first;
	model->element[model->count].last = last;
	model->count++;
	return first == -1 || last == -1 || first <= last;
}

static void model_read(const char *set, struct model *model)
{
	bool valid = true;

	model->count = 0;
	for (const char *comma = set; *comma != '\0'; set = comma + 1) {
		const char *end;

		comma = strchrnul(set, ',');
		for (end = comma; end > set && end[-1] == ' '; end--)
			;
		while (set < end && *set == ' ')
			set++;
		if (end > set)
			valid = model_element(set, end, model) && valid;
		if (*comma == '\0')
			break;
	}
	model->valid = valid && model->count > 0;
}

static uint64_t model_offsets(const struct model *model, uint32_t i, uint64_t size)
{
	uint64_t first = (uint64_t)model->element[i].first;
	uint64_t last = (uint64_t)model->element[i].last; /* missing = the greatest offset */
	uint64_t offsets = 0;

	for (uint64_t offset = 0; offset < size; offset++)
		if (model->element[i].first < 0 ? size - offset <= last : offset >= first && offset <= last)
			offsets |= UINT64_C(1) << offset;
	return offsets;
}

/* Judges the whole set as range.h describes. wanted[0 .. *count) are the offsets of each kept range. */
static enum tux_range_verdict model_judge(const struct model *model, uint64_t size, uint64_t *wanted, uint32_t *count)
{
	uint32_t kept = 0;
	uint32_t overlapping = 0;
	uint32_t bytes = 0;

	*count = 0;
	if (!model->valid || size == 0)
		return TUX_RANGE_IGNORED;
	for (uint32_t i = 0; i < model->count; i++) {
		wanted[kept] = model_offsets(model, i, size);
		if (wanted[kept] != 0)
			kept++;
	}
	for (uint32_t i = 0; i < kept; i++) {
		uint64_t others = 0;

		for (uint32_t k = 0; k < kept; k++)
			others |= k != i ? wanted[k] : 0;
		overlapping += (wanted[i] & others) != 0;
		bytes += (uint32_t)__builtin_popcountll(wanted[i]);
	}
	if (kept == 0)
		return TUX_RANGE_UNSATISFIABLE;
	if (overlapping > 2 || (kept > 1 && bytes >= size))
		return TUX_RANGE_IGNORED;
	*count = kept;
	return TUX_RANGE_SATISFIABLE;
}

/* Places the value at the end of its memory. */
static struct tux_span place(uint8_t room[ROOM], const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	memcpy(room + ROOM - len, text, len);
	return (struct tux_span){ ROOM - len, len };
}

static bool agrees(const uint8_t *room, struct tux_span value, uint64_t size, const struct model *model,
                   struct tally *tally)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint64_t wanted[MODEL_ELEMENTS];
	uint32_t expected, count;
	enum tux_range_verdict verdict = model_judge(model, size, wanted, &expected);

	tally->verdicts[verdict]++;
	if (tux_range_parse(room, value, size, ranges, &count) != verdict || count != expected)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].first != (uint32_t)__builtin_ctzll(wanted[i]) ||
		    ranges[i].len != (uint32_t)__builtin_popcountll(wanted[i]))
			return false;
	return true;
}

/* Compares the set that text has after "bytes=", for all sizes. Ends the program after too many differences. */
static void check_set(const char *text, struct tally *tally)
{
	static uint8_t room[ROOM];
	struct tux_span value = place(room, text);
	struct model model;

	tally->sets++;
	model_read(text + 6, &model);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (agrees(room, value, sizes[i], &model, tally))
			continue;
		fprintf(stderr, "\"%s\" of %u bytes\n", text, (unsigned int)sizes[i]);
		if (++tally->wrong == 20)
			exit(1);
	}
}

/* Checks every word of the alphabet. */
static void check_words(struct tally *tally)
{
	static const char alphabet[] = "019-, ";
	char text[ROOM + 1] = "bytes=";
	uint32_t combinations = 1;

	for (uint32_t length = 0; length <= LONGEST; length++, combinations *= 6) {
		for (uint32_t n = 0; n < combinations; n++) {
			uint32_t rest = n;

			for (uint32_t i = 0; i < length; i++, rest /= 6)
				text[6 + i] = alphabet[rest % 6];
			text[6 + length] = '\0';
			check_set(text, tally);
		}
	}
}

/* Writes range number number and a comma: first and last, each a digit or missing. */
static void put_range(char *at, uint32_t number)
{
	uint32_t first = number % (OFFSETS + 1), last = number / (OFFSETS + 1);

	if (first < OFFSETS)
		*at++ = (char)('0' + first);
	*at++ = '-';
	if (last < OFFSETS)
		*at++ = (char)('0' + last);
	memcpy(at, ",", 2);
}

/* Checks every list of ranges between the offsets, including invalid ranges. */
static void check_lists(struct tally *tally)
{
	const uint32_t numbers = (OFFSETS + 1) * (OFFSETS + 1);
	uint32_t combinations = numbers;

	for (uint32_t ranges = 1; ranges <= MOST; ranges++, combinations *= numbers) {
		for (uint32_t n = 0; n < combinations; n++) {
			char text[ROOM + 1] = "bytes=";
			uint32_t rest = n;

			for (uint32_t i = 0; i < ranges; i++, rest /= numbers)
				put_range(text + strlen(text), rest % numbers);
			check_set(text, tally);
		}
	}
}

int main(void)
{
	struct tally tally = { 0 };

	check_words(&tally);
	check_lists(&tally);
	printf("%lu sets of up to %d octets or %d ranges%s for %u sizes: %lu ignored, %lu satisfiable, %lu unsatisfiable; "
	       "%lu wrong\n",
	       tally.sets, LONGEST, MOST, LONGEST < 10 ? " (10 or 4 without sanitizers)" : "",
	       (unsigned int)(sizeof(sizes) / sizeof(sizes[0])), tally.verdicts[TUX_RANGE_IGNORED],
	       tally.verdicts[TUX_RANGE_SATISFIABLE], tally.verdicts[TUX_RANGE_UNSATISFIABLE], tally.wrong);
	/* A model that always gives one result would agree too rarely. */
	return tally.wrong != 0 || tally.verdicts[TUX_RANGE_IGNORED] < 1000 ||
	       tally.verdicts[TUX_RANGE_SATISFIABLE] < 1000 || tally.verdicts[TUX_RANGE_UNSATISFIABLE] < 1000;
}
