/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character classes of octets, and plain loops over octets. Inside the core only. test/unit/test_scan.c checks the table octet by
 * octet against the grammar.
 */
#ifndef TUX_CORE_OCTET_H
#define TUX_CORE_OCTET_H

#include "types.h"

enum {
	OCTET_TOKEN = 0x01,     /* tchar, RFC 9110 5.6.2 */
	OCTET_TARGET = 0x02,    /* in a request target: no control, no space, no '#' */
	OCTET_VALUE = 0x04,     /* in a field value: visible, space, tab, or 0x80 and above */
	OCTET_HOST = 0x08,      /* in a reg-name, RFC 3986 3.2.2, without '%' */
	OCTET_PLAIN = 0x10,     /* unescaped in a received path: all but NUL, '%' and '/' */
	OCTET_UNESCAPED = 0x20, /* unescaped in a path that TUX writes: unreserved, sub-delims, '/', ':', '@' */
	OCTET_BLANK = 0x40,     /* space or tab */
};

static const uint8_t octet_class[256] = {
	/* clang-format off */
	0x00, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x54, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, /* 00 */
	0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, /* 10 */
	0x54, 0x3f, 0x16, 0x15, 0x3f, 0x07, 0x3f, 0x3f, 0x3e, 0x3e, 0x3f, 0x3f, 0x3e, 0x3f, 0x3f, 0x26, /* 20 */
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x36, 0x3e, 0x16, 0x3e, 0x16, 0x16, /* 30 */
	0x36, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, /* 40 */
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x16, 0x16, 0x16, 0x17, 0x3f, /* 50 */
	0x17, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, /* 60 */
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x16, 0x17, 0x16, 0x3f, 0x10, /* 70 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* 80 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* 90 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* a0 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* b0 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* c0 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* d0 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* e0 */
	0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, 0x16, /* f0 */
	/* clang-format on */
};

/*@ assigns \nothing;
  @ ensures \result <==> (octet_class[octet] & classes) != 0;
  @ ensures classes == OCTET_PLAIN && octet == 0 ==> !\result;
  @ ensures classes == OCTET_PLAIN && octet == '/' ==> !\result;
  @ ensures classes == OCTET_UNESCAPED && octet == '\r' ==> !\result;
  @ ensures classes == OCTET_UNESCAPED && octet == '\n' ==> !\result;
  @*/
static inline bool octet_is(uint8_t octet, uint8_t classes)
{
	return (octet_class[octet] & classes) != 0;
}

/*@ assigns \nothing; */
static inline bool octet_is_blank(uint8_t octet)
{
	return octet_is(octet, OCTET_BLANK);
}

/*@ assigns \nothing;
  @ ensures \result <==> '0' <= octet <= '9';
  @*/
static inline bool octet_is_digit(uint8_t octet)
{
	return octet >= '0' && octet <= '9';
}

/*@ assigns \nothing;
  @ ensures \result == ('A' <= octet <= 'Z' ? octet + 0x20 : octet);
  @*/
static inline uint8_t octet_lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 0x20) : octet;
}

/* Returns the value of a hexadecimal digit; 16 for any other octet. */
/*@ assigns \nothing;
  @ ensures \result <= 16;
  @*/
static inline uint8_t octet_hex(uint8_t octet)
{
	if (octet_is_digit(octet))
		return (uint8_t)(octet - '0');
	octet = octet_lower(octet);
	if (octet >= 'a' && octet <= 'f')
		return (uint8_t)(octet - 'a' + 10);
	return 16;
}

/*
 * Returns the first offset from off up to end whose octet has none of the classes; end if all have one. It tests four at a time,
 * because most of a request's parsing time is spent here.
 */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @ ensures \forall integer i; off <= i < \result ==> (octet_class[buf[i]] & classes) != 0;
  @ ensures \result < end ==> (octet_class[buf[\result]] & classes) == 0;
  @*/
static inline uint32_t octet_skip(const uint8_t *buf, uint32_t off, uint32_t end, uint8_t classes)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop invariant \forall integer i; \at(off, Pre) <= i < off ==> (octet_class[buf[i]] & classes) != 0;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (end - off >= 4) {
		const uint8_t *four = buf + off;

		if (!octet_is(four[0], classes))
			return off;
		if (!octet_is(four[1], classes))
			return off + 1;
		if (!octet_is(four[2], classes))
			return off + 2;
		if (!octet_is(four[3], classes))
			return off + 3;
		off += 4;
	}
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop invariant \forall integer i; \at(off, Pre) <= i < off ==> (octet_class[buf[i]] & classes) != 0;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (off < end && octet_is(buf[off], classes))
		off++;
	return off;
}

/* Returns the first offset of octet from off up to end; end if it is missing. */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @ ensures \result < end ==> buf[\result] == octet;
  @ ensures \forall integer i; off <= i < \result ==> buf[i] != octet;
  @*/
static inline uint32_t octet_find(const uint8_t *buf, uint32_t off, uint32_t end, uint8_t octet)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop invariant \forall integer i; \at(off, Pre) <= i < off ==> buf[i] != octet;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (off < end && buf[off] != octet)
		off++;
	return off;
}

/* True if the len bytes at one equal those at other. */
/*@ requires \valid_read(one + (0 .. len - 1)) && \valid_read(other + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <==> \forall integer i; 0 <= i < len ==> one[i] == other[i];
  @*/
static inline bool octet_equal(const uint8_t *one, const uint8_t *other, uint32_t len)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> one[k] == other[k];
	  @ loop assigns i;
	  @ loop variant len - i; */
	while (i < len && one[i] == other[i])
		i++;
	return i == len;
}

/* True if the len bytes at at spell text, which is lower-case ASCII, in any case. */
/*@ requires \valid_read(at + (0 .. len - 1)) && \valid_read(text + (0 .. len - 1));
  @ requires \forall integer i; 0 <= i < len ==> 0 <= text[i];
  @ assigns \nothing;
  @ ensures \result <==> \forall integer i; 0 <= i < len ==> text[i] == ('A' <= at[i] <= 'Z' ? at[i] + 0x20 : at[i]);
  @*/
static inline bool octet_spells(const uint8_t *at, const char *text, uint32_t len)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> text[k] == ('A' <= at[k] <= 'Z' ? at[k] + 0x20 : at[k]);
	  @ loop assigns i;
	  @ loop variant len - i; */
	while (i < len && octet_lower(at[i]) == (uint8_t)text[i])
		i++;
	return i == len;
}

/* Like memcpy(); compilers make it one. */
/*@ requires \valid(to + (0 .. len - 1)) && \valid_read(from + (0 .. len - 1));
  @ requires \separated(to + (0 .. len - 1), from + (0 .. len - 1));
  @ assigns to[0 .. len - 1];
  @ ensures \forall integer i; 0 <= i < len ==> to[i] == from[i];
  @*/
static inline void octet_copy(uint8_t *restrict to, const uint8_t *restrict from, uint32_t len)
{
	uint32_t i;

	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> to[k] == from[k];
	  @ loop assigns i, to[0 .. len - 1];
	  @ loop variant len - i; */
	for (i = 0; i < len; i++)
		to[i] = from[i];
}

#endif
