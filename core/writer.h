/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing through one checked cursor, for heads and variables. Inside the core, and for lines of the access log. */
#ifndef TUX_CORE_WRITER_H
#define TUX_CORE_WRITER_H

#include "octet.h"
#include "span.h"

/*
 * A buffer that is being written. Once a write did not fit, later ones write nothing and full stays set. The changing members have
 * a type that no message has, so that the proof sees that writing changes no message.
 */
struct writer {
	uint8_t *at;
	uint32_t cap;
	int64_t len;  /* 0 to cap */
	int64_t full; /* 0 or 1 */
};

/* For the proof: the buffer of an out may be written, and does not contain the out itself. */
/*@ predicate out_valid{L}(struct writer *out) =
  @   \valid(out) && 0 <= out->len <= out->cap && \valid(out->at + (0 .. out->cap - 1)) &&
  @   \separated(out, out->at + (0 .. out->cap - 1));
  @*/

/* Returns the bytes written; 0 if a write did not fit. */
/*@ requires out_valid(out);
  @ assigns \nothing;
  @ ensures \result == (out->full ? 0 : out->len);
  @*/
static inline uint32_t out_bytes(const struct writer *out)
{
	return out->full ? 0 : (uint32_t)out->len;
}

/*@ requires out_valid(out) && \valid_read(bytes + (0 .. len - 1));
  @ requires \separated(out->at + (0 .. out->cap - 1), bytes + (0 .. len - 1));
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full) && out->len == \old(out->len) + len;
  @ ensures !out->full ==> \forall integer k; \old(out->len) <= k < out->len ==> out->at[k] == bytes[k - \old(out->len)];
  @ ensures out->full ==> out->len == \old(out->len);
  @*/
static inline void put(struct writer *out, const uint8_t *bytes, uint32_t len)
{
	if (out->full || out->cap - out->len < len) {
		out->full = 1;
		return;
	}
	octet_copy(out->at + out->len, bytes, len);
	out->len += len;
}

/*@ requires out_valid(out);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full) && out->len == \old(out->len) + 1 && out->at[\old(out->len)] == byte;
  @ ensures out->full ==> out->len == \old(out->len);
  @*/
static inline void put_byte(struct writer *out, uint8_t byte)
{
	if (out->full || out->cap - out->len < 1) {
		out->full = 1;
		return;
	}
	out->at[out->len++] = byte;
}

/* Returns the octet of an ASCII character; a question mark for any other. */
/*@ assigns \nothing; */
static inline uint8_t octet_of(char character)
{
	return character > 0 ? (uint8_t)character : '?';
}

/*@ requires out_valid(out) && text_readable(text);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @ ensures out->full ==> out->len == \old(out->len);
  @ ensures !out->full ==> !\old(out->full) && out->len == \old(out->len) + text.len;
  @*/
static inline void put_text(struct writer *out, struct tux_text text)
{
	if (out->full || out->cap - out->len < text.len) {
		out->full = 1;
		return;
	}
	/*@ loop invariant 0 <= i <= text.len;
	  @ loop assigns i, out->at[out->len .. out->cap - 1];
	  @ loop variant text.len - i; */
	for (uint32_t i = 0; i < text.len; i++)
		out->at[out->len + i] = octet_of(text.at[i]);
	out->len += text.len;
}

/* Writes a string literal, whose length the compiler knows. */
#define PUT(out, literal) put_text(out, TUX_TEXT(literal))

/* Writes a text terminated by NUL. */
/*@ requires out_valid(out) && string_readable(text);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static inline void put_string(struct writer *out, const char *text)
{
	/*@ loop invariant out_valid(out) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop invariant \exists integer n; i <= n < 0xffffffff && text[n] == 0 && \valid_read(text + (0 .. n));
	  @ loop assigns i, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant out->cap - out->len + (out->full ? 0 : 1); */
	for (uint32_t i = 0; text[i] != '\0' && !out->full; i++)
		put_byte(out, octet_of(text[i]));
}

/*@ requires out_valid(out);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static inline void put_number(struct writer *out, uint64_t number)
{
	uint8_t digits[20]; /* of 2^64 - 1 */
	uint32_t first = sizeof(digits);

	/*@ loop invariant 0 < first <= 20;
	  @ loop assigns first, number, digits[0 .. 19];
	  @ loop variant first; */
	do {
		digits[--first] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0 && first > 0);
	put(out, digits + first, (uint32_t)sizeof(digits) - first);
}

/* Writes the visible ones of len bytes, so that none of them ends a line. */
/*@ requires out_valid(out) && \valid_read(bytes + (0 .. len - 1));
  @ requires \separated(out->at + (0 .. out->cap - 1), bytes + (0 .. len - 1));
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @ ensures !out->full ==> \forall integer k; \old(out->len) <= k < out->len ==> out->at[k] != '\r' && out->at[k] != '\n';
  @*/
static inline void put_visible(struct writer *out, const uint8_t *bytes, uint32_t len)
{
	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant out_valid(out) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop invariant !out->full ==> \forall integer k; \at(out->len, Pre) <= k < out->len ==>
	  @   out->at[k] != '\r' && out->at[k] != '\n';
	  @ loop assigns i, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++)
		if (bytes[i] > 0x20 && bytes[i] != 0x7f)
			put_byte(out, bytes[i]);
}

/* True if an octet has one of the classes, none of which contains CR or LF. */
/*@ assigns \nothing;
  @ ensures classes == OCTET_TOKEN && octet == '\r' ==> !\result;
  @ ensures classes == OCTET_TOKEN && octet == '\n' ==> !\result;
  @ ensures classes == OCTET_TARGET && octet == '\r' ==> !\result;
  @ ensures classes == OCTET_TARGET && octet == '\n' ==> !\result;
  @ ensures classes == OCTET_VALUE && octet == '\r' ==> !\result;
  @ ensures classes == OCTET_VALUE && octet == '\n' ==> !\result;
  @*/
static inline bool stays_in_line(uint8_t octet, uint8_t classes)
{
	return octet_is(octet, classes);
}

/*
 * Writes len octets of a message if all have one of the classes; else sets full. So no octet ends a line or a request target, even
 * if the parser missed one.
 */
/*@ requires out_valid(out) && \valid_read(bytes + (0 .. len - 1));
  @ requires \separated(out->at + (0 .. out->cap - 1), bytes + (0 .. len - 1)) && \separated(out, bytes + (0 .. len - 1));
  @ requires classes == OCTET_TOKEN || classes == OCTET_TARGET || classes == OCTET_VALUE;
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full) && out->len == \old(out->len) + len;
  @ ensures !out->full ==> \forall integer k; \old(out->len) <= k < out->len ==> out->at[k] != '\r' && out->at[k] != '\n';
  @*/
static inline void put_of(struct writer *out, const uint8_t *bytes, uint32_t len, uint8_t classes)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> bytes[k] != '\r' && bytes[k] != '\n';
	  @ loop assigns i;
	  @ loop variant len - i; */
	while (i < len && stays_in_line(bytes[i], classes))
		i++;
	if (i == len)
		put(out, bytes, len);
	else
		out->full = 1;
}

#endif
