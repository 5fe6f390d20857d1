/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces of bytes that are sent: how much a piece takes, and what remains. Any context. */
#ifndef TUX_CORE_PIECE_H
#define TUX_CORE_PIECE_H

#include "span.h"

/* Takes up to have bytes of *bytes. Returns how many it takes. */
/*@ requires \valid(bytes);
  @ assigns *bytes;
  @ ensures \result + *bytes == \old(*bytes) && \result <= have;
  @ ensures \result == have || *bytes == 0;
  @*/
static inline uint64_t tux_bytes_take(uint64_t have, uint64_t *bytes)
{
	const uint64_t taken = have < *bytes ? have : *bytes;

	*bytes -= taken;
	return taken;
}

/* Returns the smaller one of two numbers of bytes. */
/*@ assigns \nothing;
  @ ensures \result == (bytes < have ? bytes : have);
  @*/
static inline uint32_t tux_bytes_min(uint32_t have, uint64_t bytes)
{
	return bytes < have ? (uint32_t)bytes : have;
}

/* Returns what remains of have bytes after used ones; 0 if they are more. */
/*@ assigns \nothing;
  @ ensures \result == (used < have ? have - used : 0);
  @*/
static inline uint32_t tux_bytes_remaining(uint32_t have, uint32_t used)
{
	return used < have ? have - used : 0;
}

/*
 * Returns the capacity for a buffer of len bytes that gets more bytes: first, or twice what it needs if that fits, or UINT32_MAX; 0 if
 * it needs more than that.
 */
/*@ requires 0 < first;
  @ assigns \nothing;
  @ ensures len + more <= 0xffffffff ==> len + more <= \result && first <= \result;
  @ ensures 0xffffffff < len + more ==> \result == 0;
  @*/
static inline uint32_t tux_bytes_grown(uint32_t len, uint32_t more, uint32_t first)
{
	uint32_t need;

	if (more > UINT32_MAX - len)
		return 0;
	need = len + more;
	if (need < first)
		return first;
	return need <= UINT32_MAX / 2 ? 2 * need : UINT32_MAX;
}

/* Removes the first bytes of the *left bytes of a file from *off on; all if those are fewer. */
/*@ requires \valid(off) && \valid(left) && \separated(off, left) && *off + *left <= 0xffffffffffffffff;
  @ assigns *off, *left;
  @ ensures *off + *left == \old(*off + *left);
  @ ensures *left == (bytes < \old(*left) ? \old(*left) - bytes : 0);
  @*/
static inline void tux_remaining_advance(uint64_t *off, uint64_t *left, uint64_t bytes)
{
	const uint64_t taken = bytes < *left ? bytes : *left;

	*off += taken;
	*left -= taken;
}

/* True if a file of size bytes has left bytes from off on. */
/*@ assigns \nothing;
  @ ensures \result <==> off + left <= size;
  @*/
static inline bool tux_remaining_inside(uint64_t off, uint64_t left, uint64_t size)
{
	return off <= size && left <= size - off;
}

/* Returns the part of left bytes of a file, from off on, that lies in the page of off: its place in that page of page bytes. */
/*@ requires 0 < page;
  @ assigns \nothing;
  @ ensures \result.off == off % page && \result.off + \result.len <= page && \result.len <= left;
  @ ensures \result.len == left || \result.off + \result.len == page;
  @ ensures left > 0 ==> \result.len > 0;
  @*/
static inline struct tux_span tux_page_piece(uint64_t off, uint64_t left, uint32_t page)
{
	const uint32_t at = (uint32_t)(off % page);

	//@ assert 0 <= off % page < page;
	return (struct tux_span){ at, left < page - at ? (uint32_t)left : page - at };
}

/* Returns the number of the page of page bytes that has the last one of left bytes of a file, from off on. */
/*@ requires 0 < page && 0 < left && off + left <= 0xffffffffffffffff;
  @ assigns \nothing;
  @ ensures \result * page <= off + left - 1 < \result * page + page;
  @*/
static inline uint64_t tux_page_last(uint64_t off, uint64_t left, uint32_t page)
{
	return (off + (left - 1)) / page;
}

#endif
