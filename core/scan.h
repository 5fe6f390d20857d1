/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fast scanners: like the loops of octet.h, but eight octets at a time. Inside the core only. Each has a plain counterpart in
 * octet.h (octet_skip(), octet_find(), octet_spells()), which handles the rest, and whose result is its contract. The proof shows
 * no access outside the buffer, no overflow, termination, and a result in bounds. Tests compare fast and plain: each word test
 * octet by octet in test/unit/test_scan.c, whole scanners in test/fuzz/fuzz_scan.c.
 */
#ifndef TUX_CORE_SCAN_H
#define TUX_CORE_SCAN_H

#include "octet.h"

/* Facts about shifts that WP cannot prove; test_scan.c tries all cases. */
/*@ axiomatic shift {
  @   axiom shift_octet: \forall integer x, n; 0 <= x <= 255 && 0 <= n <= 56 ==> 0 <= x << n <= 0xff00000000000000;
  @ }
  @*/

/* Returns eight octets as a number, the first one lowest on every machine. Compilers make one load of it. */
/*@ requires \valid_read(at + (0 .. 7));
  @ assigns \nothing;
  @*/
static inline uint64_t scan_load8(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
	       (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

/* Like scan_load8(), but for an ASCII text; a constant if text is one. */
/*@ requires \valid_read(text + (0 .. 7));
  @ requires \forall integer i; 0 <= i < 8 ==> 0 <= text[i];
  @ assigns \nothing;
  @*/
static inline uint64_t scan_load8_text(const char *text)
{
	return (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[1] << 8 | (uint64_t)(uint8_t)text[2] << 16 |
	       (uint64_t)(uint8_t)text[3] << 24 | (uint64_t)(uint8_t)text[4] << 32 | (uint64_t)(uint8_t)text[5] << 40 |
	       (uint64_t)(uint8_t)text[6] << 48 | (uint64_t)(uint8_t)text[7] << 56;
}

/* Repeats an octet eight times. Tests of all eight at once never carry into the next octet, because their sums stay below 0x100. */
#define SCAN_OCTETS(octet) ((octet) * 0x0101010101010101u)

/* Returns the eight octets with the letters A to Z in lower case. */
/*@ assigns \nothing; */
static inline uint64_t scan_lower8(uint64_t eight)
{
	uint64_t low = eight & SCAN_OCTETS(0x7fu);
	uint64_t upper = (low + SCAN_OCTETS(0x3fu)) & ~(low + SCAN_OCTETS(0x25u)) & ~eight & SCAN_OCTETS(0x80u);

	return eight | upper >> 2;
}

/* True if all eight are OCTET_VALUE and none is a tab. */
/*@ assigns \nothing; */
static inline bool scan_all_value(uint64_t eight)
{
	uint64_t low = eight & SCAN_OCTETS(0x7fu);
	uint64_t good = eight | ((low + SCAN_OCTETS(0x60u)) & ~(low + SCAN_OCTETS(0x01u)));

	return (good & SCAN_OCTETS(0x80u)) == SCAN_OCTETS(0x80u);
}

/* True if all eight are OCTET_TARGET. */
/*@ assigns \nothing; */
static inline bool scan_all_target(uint64_t eight)
{
	uint64_t low = eight & SCAN_OCTETS(0x7fu);
	uint64_t hash = ((low ^ SCAN_OCTETS(0x23u)) & SCAN_OCTETS(0x7fu)) + SCAN_OCTETS(0x7fu);
	uint64_t good = eight | ((low + SCAN_OCTETS(0x5fu)) & ~(low + SCAN_OCTETS(0x01u)) & hash);

	return (good & SCAN_OCTETS(0x80u)) == SCAN_OCTETS(0x80u);
}

/* True if none of the eight is a question mark. */
/*@ assigns \nothing; */
static inline bool scan_no_question(uint64_t eight)
{
	uint64_t other = eight | (((eight ^ SCAN_OCTETS(0x3fu)) & SCAN_OCTETS(0x7fu)) + SCAN_OCTETS(0x7fu));

	return (other & SCAN_OCTETS(0x80u)) == SCAN_OCTETS(0x80u);
}

/* Like octet_skip() with OCTET_TARGET. */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @ ensures \result < end ==> (octet_class[buf[\result]] & OCTET_TARGET) == 0;
  @*/
static inline uint32_t scan_target(const uint8_t *buf, uint32_t off, uint32_t end)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (end - off >= 8 && scan_all_target(scan_load8(buf + off)))
		off += 8;
	return octet_skip(buf, off, end, OCTET_TARGET);
}

/* Like octet_skip() with OCTET_VALUE. */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @ ensures \result < end ==> (octet_class[buf[\result]] & OCTET_VALUE) == 0;
  @*/
static inline uint32_t scan_value(const uint8_t *buf, uint32_t off, uint32_t end)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (end - off >= 8 && scan_all_value(scan_load8(buf + off)))
		off += 8;
	return octet_skip(buf, off, end, OCTET_VALUE);
}

/* Like octet_find() of '?'. */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @ ensures \result < end ==> buf[\result] == '?';
  @*/
static inline uint32_t scan_question(const uint8_t *buf, uint32_t off, uint32_t end)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (end - off >= 8 && scan_no_question(scan_load8(buf + off)))
		off += 8;
	return octet_find(buf, off, end, '?');
}

/* Like octet_spells(). */
/*@ requires \valid_read(at + (0 .. len - 1)) && \valid_read(text + (0 .. len - 1));
  @ requires \forall integer i; 0 <= i < len ==> 0 <= text[i];
  @ assigns \nothing;
  @*/
static inline bool scan_spells(const uint8_t *at, const char *text, uint32_t len)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= len;
	  @ loop assigns i;
	  @ loop variant len - i; */
	while (len - i >= 8) {
		if (scan_lower8(scan_load8(at + i)) != scan_load8_text(text + i))
			return false;
		i += 8;
	}
	/* The last eight overlap those before. */
	if (len > 8)
		return scan_lower8(scan_load8(at + len - 8)) == scan_load8_text(text + len - 8);
	return octet_spells(at + i, text + i, len - i);
}

#endif
