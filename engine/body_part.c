/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
#include "body_part.h"

uint32_t body_parts_advance(struct body_part *part, uint32_t at, uint32_t count, uint64_t *sent)
{
	/*@ loop invariant \at(at, Pre) <= at <= count;
	  @ loop invariant \forall integer i; \at(at, Pre) <= i < at ==> part[i].len == 0;
	  @ loop invariant \forall integer i; at <= i < count ==> part[i].len == \at(part[i].len, Pre);
	  @ loop invariant \forall integer i; at <= i < count ==> part[i].off == \at(part[i].off, Pre);
	  @ loop invariant parts_bytes{Pre}(part, \at(at, Pre), count) + *sent == \at(*sent, Pre) + parts_bytes{Pre}(part, at, count);
	  @ loop assigns at, *sent, part[\at(at, Pre) .. count - 1];
	  @ loop variant count - at; */
	while (at < count) {
		const uint64_t taken = tux_bytes_take(part[at].len, sent);

		//@ assert taken <= part[at].len && part[at].off + part[at].len <= 0xffffffffffffffff;
		body_part_advance(part + at, taken);
		if (part[at].len > 0)
			return at;
		at++;
	}
	return count;
}

uint64_t body_parts_left(const struct body_part *part, uint32_t at, uint32_t count)
{
	uint64_t left = 0;

	/*@ loop invariant \at(at, Pre) <= at <= count;
	  @ loop invariant parts_bytes(part, \at(at, Pre), count) == left + parts_bytes(part, at, count);
	  @ loop assigns at, left;
	  @ loop variant count - at; */
	for (; at < count; at++) {
		if (part[at].len > UINT64_MAX - left)
			return UINT64_MAX;
		left += part[at].len;
	}
	return left;
}
