/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte ranges: each is read, clamped and kept; the set as a whole is judged at the end. */
#include "range.h"

#include "field.h"

enum { MAX_OVERLAPPING = 2 };

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits from *at on; a number beyond 2^63 - 1 counts as that, since no file is larger. False without a digit. */
static bool take_number(const uint8_t *buf, uint32_t end, uint32_t *at, uint64_t *number)
{
	uint32_t start = *at;

	*number = 0;
	while (*at < end && is_digit(buf[*at])) {
		uint64_t digit = (uint64_t)(buf[*at] - '0');

		if (*number > (INT64_MAX - digit) / 10)
			*number = INT64_MAX;
		else
			*number = *number * 10 + digit;
		*at += 1;
	}
	return *at > start;
}

/* One element of the set: first "-" [last], or "-" suffix. False on a syntax error; range->len 0: not satisfiable. */
static bool take_range(const uint8_t *buf, struct tux_span element, uint64_t size, struct tux_range *range)
{
	uint32_t at = element.off;
	uint32_t end = element.off + element.len;
	uint64_t first;
	uint64_t last = INT64_MAX;
	bool suffix = !take_number(buf, end, &at, &first);

	*range = (struct tux_range){ 0, 0 };
	if (at == end || buf[at] != '-')
		return false;
	at++;
	if (!take_number(buf, end, &at, &last)) {
		if (suffix)
			return false;
		last = INT64_MAX;
	}
	if (at != end || (!suffix && last < first))
		return false;
	if (suffix) {
		range->len = last < size ? last : size;
		range->first = size - range->len;
	} else if (first < size) {
		range->first = first;
		range->len = last < size ? last - first + 1 : size - first;
	}
	return true;
}

static bool overlap(const struct tux_range *a, const struct tux_range *b)
{
	return a->first < b->first + b->len && b->first < a->first + a->len;
}

/* How many ranges overlap at least one other. */
static uint32_t overlapping(const struct tux_range *ranges, uint32_t count)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++) {
		bool overlaps = false;

		for (uint32_t k = 0; k < count; k++)
			overlaps = overlaps || (k != i && overlap(&ranges[i], &ranges[k]));
		if (overlaps)
			found++;
	}
	return found;
}

static uint64_t total(const struct tux_range *ranges, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum = ranges[i].len > INT64_MAX - sum ? INT64_MAX : sum + ranges[i].len;
	return sum;
}

/* Skips past "bytes=", in any case. False for another unit. */
static bool take_unit(const uint8_t *buf, struct tux_span *value)
{
	struct tux_span unit = { value->off, 5 };

	if (value->len < 6 || !tux_field_equals(buf, unit, "bytes", 5) || buf[value->off + 5] != '=')
		return false;
	value->off += 6;
	value->len -= 6;
	return true;
}

enum tux_range_verdict tux_range_parse(const uint8_t *buf, struct tux_span value, uint64_t size,
                                       struct tux_range ranges[TUX_MAX_RANGES], uint32_t *count)
{
	struct tux_span element;
	uint32_t asked = 0;
	uint32_t kept = 0;

	*count = 0;
	if (size > INT64_MAX || !take_unit(buf, &value))
		return TUX_RANGE_IGNORED;
	while (tux_field_list_next(buf, &value, &element)) {
		struct tux_range range;

		if (++asked > TUX_MAX_RANGES || !take_range(buf, element, size, &range))
			return TUX_RANGE_IGNORED;
		if (range.len > 0)
			ranges[kept++] = range;
	}
	if (asked == 0)
		return TUX_RANGE_IGNORED;
	if (kept == 0)
		return TUX_RANGE_UNSATISFIABLE;
	if (overlapping(ranges, kept) > MAX_OVERLAPPING || (kept > 1 && total(ranges, kept) >= size))
		return TUX_RANGE_IGNORED;
	*count = kept;
	return TUX_RANGE_SATISFIABLE;
}
