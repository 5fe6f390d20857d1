/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte ranges: parses and clamps each one, then judges the set as a whole. */
#include "range.h"

#include "field_name.h"
#include "octet.h"

/* Offsets in files are signed in both engines. */
#define LENGTH_MAX 0x7fffffffffffffffu

enum { MAX_OVERLAPPING = 2 };

/* Reads digits from *at on. Clamps a number to 2^63 - 1, because no file is larger. Returns false without a digit. */
/*@ requires \valid(at) && \valid(number) && \separated(at, number) && *at <= end && \valid_read(buf + (*at .. end - 1));
  @ requires \separated(at, buf + (*at .. end - 1)) && \separated(number, buf + (*at .. end - 1));
  @ assigns *at, *number;
  @ ensures \old(*at) <= *at <= end && *number <= LENGTH_MAX;
  @ ensures \result <==> *at > \old(*at);
  @*/
static bool take_number(const uint8_t *buf, uint32_t end, uint32_t *at, uint64_t *number)
{
	uint32_t start = *at;

	*number = 0;
	/*@ loop invariant start <= *at <= end && *number <= LENGTH_MAX;
	  @ loop assigns *at, *number;
	  @ loop variant end - *at; */
	while (*at < end && octet_is_digit(buf[*at])) {
		uint64_t digit = (uint64_t)(buf[*at] - '0');

		if (*number > (LENGTH_MAX - digit) / 10)
			*number = LENGTH_MAX;
		else
			*number = *number * 10 + digit;
		*at += 1;
	}
	return *at > start;
}

/* Parses one element of the set: first "-" [last], or "-" suffix. Returns false on a syntax error. range->len 0: unsatisfiable. */
/*@ requires span_readable(buf, element) && size <= LENGTH_MAX && \valid(range);
  @ requires \separated(range, buf + (element.off .. element.off + element.len - 1));
  @ assigns *range;
  @ ensures \result ==> range->len == 0 || range_inside(range, size);
  @*/
static bool take_range(const uint8_t *buf, struct tux_span element, uint64_t size, struct tux_range *range)
{
	uint32_t at = element.off;
	uint32_t end = element.off + element.len;
	uint64_t first;
	uint64_t last = LENGTH_MAX;
	bool suffix = !take_number(buf, end, &at, &first);

	if (at == end || buf[at] != '-')
		return false;
	at++;
	if (!take_number(buf, end, &at, &last)) {
		if (suffix)
			return false;
		last = LENGTH_MAX;
	}
	if (at != end || (!suffix && last < first))
		return false;
	*range = (struct tux_range){ 0, 0 };
	if (suffix) {
		range->len = last < size ? last : size;
		range->first = size - range->len;
		/*@ assert range->len == 0 || range_inside(range, size); */
	} else if (first < size) {
		range->first = first;
		range->len = last < size ? last - first + 1 : size - first;
		/*@ assert range_inside(range, size); */
	}
	return true;
}

/*@ requires \valid_read(a) && \valid_read(b) && range_inside(a, LENGTH_MAX) && range_inside(b, LENGTH_MAX);
  @ assigns \nothing;
  @*/
static bool overlap(const struct tux_range *a, const struct tux_range *b)
{
	return a->first < b->first + b->len && b->first < a->first + a->len;
}

/* Returns the number of ranges that overlap at least one other. */
/*@ requires count <= TUX_MAX_RANGES && \valid_read(ranges + (0 .. count - 1));
  @ requires \forall integer i; 0 <= i < count ==> range_inside(&ranges[i], LENGTH_MAX);
  @ assigns \nothing;
  @ ensures \result <= count;
  @*/
static uint32_t overlapping(const struct tux_range *ranges, uint32_t count)
{
	uint32_t found = 0;

	/*@ loop invariant 0 <= i <= count && found <= i;
	  @ loop assigns i, found;
	  @ loop variant count - i; */
	for (uint32_t i = 0; i < count; i++) {
		bool overlaps = false;

		/*@ loop invariant 0 <= k <= count;
		  @ loop assigns k, overlaps;
		  @ loop variant count - k; */
		for (uint32_t k = 0; k < count; k++)
			overlaps = overlaps || (k != i && overlap(&ranges[i], &ranges[k]));
		if (overlaps)
			found++;
	}
	return found;
}

/*@ requires count <= TUX_MAX_RANGES && \valid_read(ranges + (0 .. count - 1));
  @ requires \forall integer i; 0 <= i < count ==> range_inside(&ranges[i], LENGTH_MAX);
  @ assigns \nothing;
  @ ensures \result <= LENGTH_MAX;
  @*/
static uint64_t total(const struct tux_range *ranges, uint32_t count)
{
	uint64_t sum = 0;

	/*@ loop invariant 0 <= i <= count && sum <= LENGTH_MAX;
	  @ loop assigns i, sum;
	  @ loop variant count - i; */
	for (uint32_t i = 0; i < count; i++)
		sum = ranges[i].len > LENGTH_MAX - sum ? LENGTH_MAX : sum + ranges[i].len;
	return sum;
}

/* Skips "bytes=", in any case. Returns false for another unit. */
/*@ requires \valid(value) && span_readable(buf, *value);
  @ requires \separated(value, buf + (value->off .. value->off + value->len - 1));
  @ assigns *value;
  @ ensures span_part(*value, \old(*value));
  @*/
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
	if (size == 0 || size > LENGTH_MAX || !take_unit(buf, &value))
		return TUX_RANGE_IGNORED;
	/*@ loop invariant span_readable(buf, value);
	  @ loop invariant kept <= asked <= TUX_MAX_RANGES && *count == 0;
	  @ loop invariant \forall integer i; 0 <= i < kept ==> range_inside(&ranges[i], size);
	  @ loop assigns value, element, asked, kept, ranges[0 .. TUX_MAX_RANGES - 1];
	  @ loop variant value.len; */
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
