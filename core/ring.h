/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rings of access records between a writer and a reader: positions count bytes since the start, and never wrap. Each side treats
 * the other's position as hostile, and passes a copy of it. Any context.
 */
#ifndef TUX_CORE_RING_H
#define TUX_CORE_RING_H

#include "octet.h"
#include "span.h"

/*@ predicate ring_positions(integer head, integer tail, integer size) = tail <= head <= tail + size; */

/* Returns the bytes to read in a ring of size bytes; 0 for an invalid pair of positions. */
/*@ assigns \nothing;
  @ ensures ring_positions(head, tail, size) ? \result == head - tail : \result == 0;
  @*/
static inline uint32_t tux_ring_used(uint64_t head, uint64_t tail, uint32_t size)
{
	return head >= tail && head - tail <= size ? (uint32_t)(head - tail) : 0;
}

/* Returns the free bytes of a ring of size bytes; 0 for an invalid pair of positions. */
/*@ assigns \nothing;
  @ ensures ring_positions(head, tail, size) ? \result == size - (head - tail) : \result == 0;
  @*/
static inline uint32_t tux_ring_room(uint64_t head, uint64_t tail, uint32_t size)
{
	return head >= tail && head - tail <= size ? size - (uint32_t)(head - tail) : 0;
}

/* Returns the piece of len bytes at a position that lies before the end of the ring. The others are at its start. */
/*@ requires 0 < size && len <= size;
  @ assigns \nothing;
  @ ensures \result.off == at % size && \result.off + \result.len <= size;
  @ ensures \result.len <= len && len - \result.len <= \result.off;
  @ ensures \result.len == len || \result.off + \result.len == size;
  @*/
static inline struct tux_span tux_ring_piece(uint64_t at, uint32_t len, uint32_t size)
{
	const uint32_t off = (uint32_t)(at % size);

	return (struct tux_span){ off, len < size - off ? len : size - off };
}

/* Copies len bytes to a position of the ring. */
/*@ requires 0 < size && len <= size && \valid(ring + (0 .. size - 1)) && \valid_read(from + (0 .. len - 1));
  @ requires \separated(ring + (0 .. size - 1), from + (0 .. len - 1));
  @ assigns ring[0 .. size - 1];
  @ ensures \forall integer i; 0 <= i < len && at % size + i < size ==> ring[at % size + i] == from[i];
  @ ensures \forall integer i; 0 <= i < len && size <= at % size + i ==> ring[at % size + i - size] == from[i];
  @ ensures \forall integer i; 0 <= i < size && (i < at % size ==> len <= i - at % size + size) &&
  @   (at % size <= i ==> len <= i - at % size) ==> ring[i] == \old(ring[i]);
  @*/
static inline void tux_ring_copy_in(uint8_t *restrict ring, uint32_t size, uint64_t at, const uint8_t *restrict from, uint32_t len)
{
	const struct tux_span piece = tux_ring_piece(at, len, size);

	octet_copy(ring + piece.off, from, piece.len);
	octet_copy(ring, from + piece.len, len - piece.len);
}

/* Copies len bytes from a position of the ring. */
/*@ requires 0 < size && len <= size && \valid_read(ring + (0 .. size - 1)) && \valid(to + (0 .. len - 1));
  @ requires \separated(ring + (0 .. size - 1), to + (0 .. len - 1));
  @ assigns to[0 .. len - 1];
  @ ensures \forall integer i; 0 <= i < len && at % size + i < size ==> to[i] == ring[at % size + i];
  @ ensures \forall integer i; 0 <= i < len && size <= at % size + i ==> to[i] == ring[at % size + i - size];
  @*/
static inline void tux_ring_copy_out(const uint8_t *restrict ring, uint32_t size, uint64_t at, uint8_t *restrict to, uint32_t len)
{
	const struct tux_span piece = tux_ring_piece(at, len, size);

	octet_copy(to, ring + piece.off, piece.len);
	octet_copy(to + piece.len, ring, len - piece.len);
}

/* The place of several rings in shared memory: ring i and its header follow first + i * stride. */
struct tux_rings {
	uint32_t count;
	uint32_t first; /* bytes */
	uint32_t stride; /* bytes */
	uint32_t size; /* bytes of a ring */
};

/* For the proof: each ring, after a header of header_bytes, lies in memory of that many bytes. */
/*@ predicate rings_inside(struct tux_rings rings, integer header_bytes, integer bytes) =
  @   0 < rings.size && header_bytes + rings.size <= rings.stride && rings.first + rings.count * rings.stride <= bytes;
  @*/

/* True if all rings, each after a header of header_bytes, lie in memory of that many bytes, and start at multiples of align. */
/*@ requires align > 0;
  @ assigns \nothing;
  @ ensures \result <==> rings_inside(rings, header_bytes, bytes) && rings.first % align == 0 && rings.stride % align == 0;
  @*/
static inline bool tux_rings_valid(struct tux_rings rings, uint32_t header_bytes, uint32_t align, uint64_t bytes)
{
	if (rings.size == 0 || rings.stride < header_bytes || rings.stride - header_bytes < rings.size)
		return false;
	if (bytes < rings.first || (bytes - rings.first) / rings.stride < rings.count)
		return false;
	return rings.first % align == 0 && rings.stride % align == 0;
}

/* Returns the offset of ring i and its header, in bytes. */
/*@ requires i < rings.count;
  @ assigns \nothing;
  @ ensures \result == rings.first + i * rings.stride;
  @ ensures \forall integer header_bytes, bytes; rings_inside(rings, header_bytes, bytes) ==> \result + header_bytes + rings.size <= bytes;
  @*/
static inline uint64_t tux_rings_at(struct tux_rings rings, uint32_t i)
{
	//@ assert 0 <= (rings.count - i - 1) * rings.stride;
	//@ assert i * rings.stride + rings.stride <= rings.count * rings.stride;
	return rings.first + (uint64_t)i * rings.stride;
}

#endif
