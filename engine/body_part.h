/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* A part of a body, and its rest after some bytes were sent. */
#ifndef TUX_ENGINE_BODY_PART_H
#define TUX_ENGINE_BODY_PART_H

#include "../core/types.h"

/* A part of a body. */
struct body_part {
	const uint8_t *memory; /* NULL: the part is in body_source.fd, from off */
	uint64_t off;
	uint64_t len;
};

/* Takes up to have bytes of *bytes. Returns how many it takes. */
/*@ requires \valid(bytes);
  @ assigns *bytes;
  @ ensures \result + *bytes == \old(*bytes) && \result <= have;
  @ ensures \result == have || *bytes == 0;
  @*/
static inline uint64_t bytes_take(uint64_t have, uint64_t *bytes)
{
	const uint64_t taken = have < *bytes ? have : *bytes;

	*bytes -= taken;
	return taken;
}

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

#endif
