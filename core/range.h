/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte ranges (RFC 9110 14): parses a Range field into byte ranges of a representation. */
#ifndef TUX_CORE_RANGE_H
#define TUX_CORE_RANGE_H

#include "limit.h"
#include "span.h"

struct tux_range {
	uint64_t first; /* offset of the first byte */
	uint64_t len;   /* bytes, at least 1; first + len <= the size */
};

enum tux_range_verdict {
	TUX_RANGE_IGNORED,       /* not a supported range set: send everything with 200 */
	TUX_RANGE_SATISFIABLE,   /* 206 */
	TUX_RANGE_UNSATISFIABLE, /* 416 */
};

/*
 * Parses a Range field value for a representation of size bytes into ranges[0 .. *count). Omits ranges after the end; clamps the
 * others to the size. Returns TUX_RANGE_IGNORED for another unit, a syntax error, more than TUX_MAX_RANGES ranges, or more than two
 * that overlap another (RFC 9110 14.2 and 17.15). Ignores a set of several ranges whose lengths add up to the whole or more,
 * because 200 is cheaper. Ignores every set if size is above INT64_MAX, or 0: clients such as ffprobe send "bytes=0-" before they
 * know the size, and would fail with 416 (RFC 9110 14.2 lets a server ignore Range). *count is 0 unless satisfiable. Any context.
 */
/*@ predicate range_inside{L}(struct tux_range *range, integer size) =
  @   1 <= range->len <= size && range->first <= size - range->len;
  @*/
/*@ requires span_readable(buf, value) && \valid(ranges + (0 .. TUX_MAX_RANGES - 1)) && \valid(count);
  @ requires \separated(count, ranges + (0 .. TUX_MAX_RANGES - 1), buf + (value.off .. value.off + value.len - 1));
  @ assigns *count, ranges[0 .. TUX_MAX_RANGES - 1];
  @ ensures \result == TUX_RANGE_SATISFIABLE ? 1 <= *count <= TUX_MAX_RANGES : *count == 0;
  @ ensures \result <= TUX_RANGE_UNSATISFIABLE;
  @ ensures size == 0 ==> \result == TUX_RANGE_IGNORED;
  @ ensures \forall integer i; 0 <= i < *count ==> range_inside(&ranges[i], size);
  @*/
enum tux_range_verdict tux_range_parse(const uint8_t *buf, struct tux_span value, uint64_t size,
                                       struct tux_range ranges[TUX_MAX_RANGES], uint32_t *count);

#endif
