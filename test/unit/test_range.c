/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "range.h"

static enum tux_range_verdict parse(const char *text, uint64_t size, struct tux_range *ranges, uint32_t *count)
{
	uint32_t len = (uint32_t)strlen(text);
	uint8_t *copy = malloc(len + 1);
	enum tux_range_verdict verdict;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	verdict = tux_range_parse(copy, (struct tux_span){ 1, len }, size, ranges, count);
	free(copy);
	return verdict;
}

static void one(const char *text, uint64_t size, uint64_t first, uint64_t len)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	assert_int_equal(parse(text, size, ranges, &count), TUX_RANGE_SATISFIABLE);
	assert_int_equal(count, 1);
	assert_int_equal(ranges[0].first, first);
	assert_int_equal(ranges[0].len, len);
}

static void none(const char *text, uint64_t size, enum tux_range_verdict verdict)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	assert_int_equal(parse(text, size, ranges, &count), verdict);
	assert_int_equal(count, 0);
}

/* RFC 9110 14.1.2 */
static void test_single(void **state)
{
	(void)state;
	one("bytes=0-0", 10, 0, 1);
	one("bytes=2-4", 10, 2, 3);
	one("bytes=2-", 10, 2, 8);
	one("bytes=-3", 10, 7, 3);
	one("bytes=-30", 10, 0, 10);
	one("bytes=9-99", 10, 9, 1);
	one("Bytes=0-99999999999999999999999999", 10, 0, 10);
	one("bytes=, 1-2 ,", 10, 1, 2);
	one("bytes=5000000000-5000000001", 6000000000, 5000000000, 2);
}

/* RFC 9110 14.2, 15.5.17 */
static void test_none(void **state)
{
	(void)state;
	none("bytes=10-", 10, TUX_RANGE_UNSATISFIABLE);
	none("bytes=99999999999999999999-", 10, TUX_RANGE_UNSATISFIABLE);
	none("bytes=-0", 10, TUX_RANGE_UNSATISFIABLE);
	none("bytes=0-", 0, TUX_RANGE_UNSATISFIABLE);
	none("bytes=-5", 0, TUX_RANGE_UNSATISFIABLE);
	none("bytes=", 10, TUX_RANGE_IGNORED);
	none("bytes=,", 10, TUX_RANGE_IGNORED);
	none("bytes=3-2", 10, TUX_RANGE_IGNORED);
	none("bytes=a-", 10, TUX_RANGE_IGNORED);
	none("bytes=1-2x", 10, TUX_RANGE_IGNORED);
	none("bytes=-", 10, TUX_RANGE_IGNORED);
	none("bytes 1-2", 10, TUX_RANGE_IGNORED);
	none("lines=1-2", 10, TUX_RANGE_IGNORED);
	none("bytes=1-2,x", 10, TUX_RANGE_IGNORED);
}

/* RFC 9110 17.15: sets that cost more than the whole */
static void test_many(void **state)
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint32_t count;

	(void)state;
	assert_int_equal(parse("bytes=0-1,5-6,50-", 20, ranges, &count), TUX_RANGE_SATISFIABLE);
	assert_int_equal(count, 2);
	assert_int_equal(ranges[1].first, 5);
	none("bytes=0-9,10-19", 20, TUX_RANGE_IGNORED);
	none("bytes=0-3,1-4,2-5", 20, TUX_RANGE_IGNORED);
	none("bytes=0-3,3-6,6-9", 100, TUX_RANGE_IGNORED);
	none("bytes=0-3,1-4,20-23,21-24", 100, TUX_RANGE_IGNORED);
	assert_int_equal(parse("bytes=0-3,2-5,50-51", 100, ranges, &count), TUX_RANGE_SATISFIABLE);
	assert_int_equal(count, 3);
	assert_int_equal(parse("bytes=0-0,1-1,2-2,3-3,4-4", 100, ranges, &count), TUX_RANGE_SATISFIABLE); /* they only touch */
	assert_int_equal(count, 5);
	none("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32", 99,
	     TUX_RANGE_IGNORED);
}

/* Whatever the value, what is kept lies inside the object (all values up to five octets behind the unit). */
static void test_all_short(void **state)
{
	static const char alphabet[] = "019-, ";
	char text[16] = "bytes=";

	(void)state;
	for (uint32_t length = 0; length <= 5; length++) {
		uint32_t combinations = 1;

		for (uint32_t i = 0; i < length; i++)
			combinations *= 6;
		for (uint32_t n = 0; n < combinations; n++) {
			uint32_t rest = n;

			for (uint32_t i = 0; i < length; i++, rest /= 6)
				text[6 + i] = alphabet[rest % 6];
			text[6 + length] = '\0';
			for (uint64_t size = 0; size < 12; size++) {
				struct tux_range ranges[TUX_MAX_RANGES];
				uint32_t count;
				enum tux_range_verdict verdict = parse(text, size, ranges, &count);

				assert_int_equal(count > 0, verdict == TUX_RANGE_SATISFIABLE);
				for (uint32_t i = 0; i < count; i++) {
					assert_in_range(ranges[i].len, 1, size);
					assert_in_range(ranges[i].first, 0, size - ranges[i].len);
				}
			}
		}
	}
}

/*
 * The model: a range is the set of the offsets it asks for, one bit each, so sizes stay within 64. It
 * shares no arithmetic with range.c: no clamping and no lengths.
 */
enum { MODEL_ELEMENTS = 8 };

static const uint64_t model_sizes[] = { 0, 1, 2, 3, 10, 20, 64 };

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

static bool agrees(const char *text, uint64_t size, const struct model *model, uint32_t verdicts[3])
{
	struct tux_range ranges[TUX_MAX_RANGES];
	uint64_t wanted[MODEL_ELEMENTS];
	uint32_t expected, count;
	enum tux_range_verdict verdict = model_judge(model, size, wanted, &expected);
	struct tux_span value = { 0, (uint32_t)strlen(text) };

	verdicts[verdict]++;
	if (tux_range_parse((const uint8_t *)text, value, size, ranges, &count) != verdict || count != expected)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].first != (uint32_t)__builtin_ctzll(wanted[i]) ||
		    ranges[i].len != (uint32_t)__builtin_popcountll(wanted[i]))
			return false;
	return true;
}

/* RFC 9110 14.1.2, 14.2: every set of up to eight octets, enough for three ranges that overlap, against the model. */
static void test_model(void **state)
{
	static const char alphabet[] = "019-, ";
	uint32_t verdicts[3] = { 0, 0, 0 };
	char text[16] = "bytes=";
	uint32_t combinations = 1;

	(void)state;
	for (uint32_t length = 0; length <= 8; length++, combinations *= 6) {
		for (uint32_t n = 0; n < combinations; n++) {
			struct model model;
			uint32_t rest = n;

			for (uint32_t i = 0; i < length; i++, rest /= 6)
				text[6 + i] = alphabet[rest % 6];
			text[6 + length] = '\0';
			model_read(text + 6, &model);
			for (size_t i = 0; i < sizeof(model_sizes) / sizeof(model_sizes[0]); i++)
				if (!agrees(text, model_sizes[i], &model, verdicts))
					fail_msg("\"%s\" of %u bytes", text, (unsigned int)model_sizes[i]);
		}
	}
	for (size_t i = 0; i < 3; i++) /* a model that gives one answer alone would agree with little */
		assert_in_range(verdicts[i], 1000, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_all_short),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
