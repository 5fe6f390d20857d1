/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each octet may be part of, and tests of eight octets at once. Inside the core only. The
 * table is checked octet by octet against the grammar in test/unit/test_field.c.
 */
#ifndef TUX_CORE_OCTET_H
#define TUX_CORE_OCTET_H

#include "types.h"

enum {
	OCTET_TOKEN = 0x01,     /* tchar, RFC 9110 5.6.2 */
	OCTET_TARGET = 0x02,    /* in a request target: no control, no space, no '#' */
	OCTET_VALUE = 0x04,     /* in a field value: visible, space, tab, or 0x80 and above */
	OCTET_HOST = 0x08,      /* in a reg-name, RFC 3986 3.2.2; its '%' apart */
	OCTET_PLAIN = 0x10,     /* in a path it stands for itself: all but NUL, '%' and '/' */
	OCTET_UNESCAPED = 0x20, /* in a path that we write: unreserved, sub-delims, '/', ':', '@' */
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
  @*/
static inline bool octet_is(uint8_t octet, uint8_t classes)
{
	return (octet_class[octet] & classes) != 0;
}

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

/* The value of a hexadecimal digit; 16 for any other octet. */
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
 * The first offset from off up to end whose octet is of none of the classes; end if there is none. Four
 * at a time: this loop is where the time of a request goes.
 */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @*/
static inline uint32_t octet_skip(const uint8_t *buf, uint32_t off, uint32_t end, uint8_t classes)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
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
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (off < end && octet_is(buf[off], classes))
		off++;
	return off;
}

/*
 * Eight octets as a number, the first one lowest on every machine. Compilers make one load of it.
 * The tests below work on all eight at once: their sums stay below 0x100 in each octet, so that
 * nothing carries into the next one.
 */
static inline uint64_t octet_load8(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
	       (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

#define OCTETS(octet) ((octet) * 0x0101010101010101u)

/* The eight with the letters A to Z in lower case. */
static inline uint64_t octet_lower8(uint64_t eight)
{
	uint64_t low = eight & OCTETS(0x7fu);
	uint64_t upper = (low + OCTETS(0x3fu)) & ~(low + OCTETS(0x25u)) & ~eight & OCTETS(0x80u);

	return eight | upper >> 2;
}

/* Whether all eight are OCTET_VALUE and none is a tab. */
static inline bool octet_all_value(uint64_t eight)
{
	uint64_t low = eight & OCTETS(0x7fu);
	uint64_t good = eight | ((low + OCTETS(0x60u)) & ~(low + OCTETS(0x01u)));

	return (good & OCTETS(0x80u)) == OCTETS(0x80u);
}

/* Whether all eight are OCTET_TARGET. */
static inline bool octet_all_target(uint64_t eight)
{
	uint64_t low = eight & OCTETS(0x7fu);
	uint64_t hash = (low ^ OCTETS(0x23u)) + OCTETS(0x7fu);
	uint64_t good = eight | ((low + OCTETS(0x5fu)) & ~(low + OCTETS(0x01u)) & hash);

	return (good & OCTETS(0x80u)) == OCTETS(0x80u);
}

/* Whether none of the eight is a question mark. */
static inline bool octet_no_question(uint64_t eight)
{
	uint64_t other = eight | (((eight & OCTETS(0x7fu)) ^ OCTETS(0x3fu)) + OCTETS(0x7fu));

	return (other & OCTETS(0x80u)) == OCTETS(0x80u);
}

#endif
