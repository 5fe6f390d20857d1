/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* The parts of a body, and what is left of them after some bytes were sent. */
#ifndef TUX_ENGINE_BODY_PART_H
#define TUX_ENGINE_BODY_PART_H

#include "../core/piece.h"

/* A part of a body. */
struct body_part {
	const uint8_t *memory; /* NULL: the part is in body_source.fd, from off */
	uint64_t off;
	uint64_t len;
};

/*
 * For the proof: the bytes of some parts together; the end of each part is a 64-bit number, as that of each range of a file is.
 */
/*@ logic integer parts_bytes{L}(struct body_part *part, integer from, integer count) =
  @   from < count ? part[from].len + parts_bytes(part, from + 1, count) : 0;
  @ predicate parts_valid{L}(struct body_part *part, integer from, integer count) =
  @   \valid(part + (from .. count - 1)) &&
  @   \forall integer i; from <= i < count ==> part[i].off + part[i].len <= 0xffffffffffffffff;
  @*/

/* Removes the first bytes of a part. */
/*@ requires \valid(part) && part->off + part->len <= 0xffffffffffffffff && bytes <= part->len;
  @ assigns part->memory, part->off, part->len;
  @ ensures part->len + bytes == \old(part->len) && part->off == \old(part->off) + bytes;
  @*/
static inline void body_part_advance(struct body_part *part, uint64_t bytes)
{
	part->len -= bytes;
	part->off += bytes;
	if (part->memory != NULL)
		part->memory += bytes;
}

/*
 * Removes *sent bytes from the parts from at to count - 1. Returns the first part that has bytes left; count if all are sent. *sent
 * is then the rest, which is more than the parts had.
 */
/*@ requires at <= count && parts_valid(part, at, count) && \valid(sent);
  @ requires \separated(sent, part + (at .. count - 1));
  @ assigns *sent, part[at .. count - 1];
  @ ensures at <= \result <= count;
  @ ensures \result < count ==> *sent == 0 && part[\result].len > 0;
  @ ensures \forall integer i; at <= i < \result ==> part[i].len == 0;
  @ ensures \forall integer i; \result < i < count ==> part[i].len == \old(part[i].len) && part[i].off == \old(part[i].off);
  @ ensures \result < count ==> part[\result].off + part[\result].len == \old(part[\result].off + part[\result].len);
  @ ensures \result < count ==> parts_bytes{Pre}(part, at, count) ==
  @   \old(*sent) + part[\result].len + parts_bytes{Pre}(part, \result + 1, count);
  @ ensures \result == count ==> parts_bytes{Pre}(part, at, count) + *sent == \old(*sent);
  @*/
uint32_t body_parts_advance(struct body_part *part, uint32_t at, uint32_t count, uint64_t *sent);

/* Returns the bytes of the parts from at to count - 1; UINT64_MAX if they are more. */
/*@ requires at <= count && parts_valid(part, at, count);
  @ assigns \nothing;
  @ ensures \result == parts_bytes(part, at, count) || \result == 0xffffffffffffffff;
  @*/
uint64_t body_parts_left(const struct body_part *part, uint32_t at, uint32_t count);

#endif
