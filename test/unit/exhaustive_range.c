/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every range set of up to ten octets of an alphabet, for objects of several sizes: tux_range_parse() must do
 * what a model of RFC 9110 14.1.2 and 14.2 does. In the model a range is the set of the offsets that it asks
 * for, one bit each, so that sizes stay within 64. It shares no arithmetic with range.c: no clamping, no lengths.
 */
#include <stdio.h>
#include <stdlib.h>

#include "range.h"
#include "sanitizer.h"

enum {
#ifdef SANITIZED
	LONGEST = 7, /* octets behind the unit: sanitizers take their time */
#else
	LONGEST = 10, /* enough for three ranges that overlap */
#endif
	MODEL_ELEMENTS = 8,
};

static const uint64_t sizes[] = { 0, 1, 2, 3, 10, 20, 64 };

struct model {
	bool valid;
	uint32_t count;
	struct {
		long first, last; /* -1: not given */
	} element[MODEL_ELEMENTS];
};

/* RFC 9110 14.1.1 and 5.6.1.2: digits, hyphen, digits, and not the hyphen alone; false for anything else. */
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
	uint64_t last = (uint64_t)model->element[i].last; /* not given: the greatest there is */
	uint64_t offsets = 0;

	for (uint64_t offset = 0; offset < size; offset++)
		if (model->element[i].first < 0 ? size - offset <= last : offset >= first && offset <= last)
			offsets |= UINT64_C(1) << offset;
	return offsets;
}

/* What range.h says of the whole set; wanted[0 .. *count) are the offsets of each range kept. */
static enum tux_range_verdict model_judge(const struct model *model, uint64_t size, uint64_t *wanted, uint32_t *count)
{
	uint32_t kept = 0;
	uint32_t overlapping = 0;
	uint32_t bytes = 0;

	*count = 0;
	if (!model->valid)
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

/* The value in memory that ends with it. */
static struct tux_span place(uint8_t room[6 + LONGEST], const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	memcpy(room + 6 + LONGEST - len, text, len);
	return (struct tux_span){ 6 + LONGEST - len, len };
}

static bool agrees(const uint8_t *room, struct tux_span value, uint64_t size, const struct model *model,
                   unsigned long *verdicts)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint64_t wanted[MODEL_ELEMENTS];
	uint32_t expected, count;
	enum tux_range_verdict verdict = model_judge(model, size, wanted, &expected);

	verdicts[verdict]++;
	if (tux_range_parse(room, value, size, ranges, &count) != verdict || count != expected)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].first != (uint32_t)__builtin_ctzll(wanted[i]) ||
		    ranges[i].len != (uint32_t)__builtin_popcountll(wanted[i]))
			return false;
	return true;
}

/* Whether all sizes give what the model does with the set that text has behind "bytes=". */
static bool check_set(const char *text, unsigned long *verdicts)
{
	static uint8_t room[6 + LONGEST];
	struct tux_span value = place(room, text);
	struct model model;
	bool right = true;

	model_read(text + 6, &model);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (agrees(room, value, sizes[i], &model, verdicts))
			continue;
		fprintf(stderr, "\"%s\" of %u bytes\n", text, (unsigned int)sizes[i]);
		right = false;
	}
	return right;
}

int main(void)
{
	static const char alphabet[] = "019-, ";
	unsigned long sets = 0, wrong = 0, verdicts[3] = { 0 };
	char text[6 + LONGEST + 1] = "bytes=";
	uint32_t combinations = 1;

	for (uint32_t length = 0; length <= LONGEST; length++, combinations *= 6) {
		for (uint32_t n = 0; n < combinations; n++) {
			uint32_t rest = n;

			for (uint32_t i = 0; i < length; i++, rest /= 6)
				text[6 + i] = alphabet[rest % 6];
			text[6 + length] = '\0';
			sets++;
			if (!check_set(text, verdicts) && ++wrong == 20)
				return 1;
		}
	}
	printf("%lu sets of up to %d octets%s for %u sizes: %lu ignored, %lu satisfiable, %lu unsatisfiable; %lu wrong\n", sets,
	       LONGEST, LONGEST < 10 ? " (10 without sanitizers)" : "", (unsigned int)(sizeof(sizes) / sizeof(sizes[0])),
	       verdicts[TUX_RANGE_IGNORED], verdicts[TUX_RANGE_SATISFIABLE], verdicts[TUX_RANGE_UNSATISFIABLE], wrong);
	/* A model that gives one answer alone would agree with little. */
	return wrong != 0 || verdicts[TUX_RANGE_IGNORED] < 1000 || verdicts[TUX_RANGE_SATISFIABLE] < 1000 ||
	       verdicts[TUX_RANGE_UNSATISFIABLE] < 1000;
}
