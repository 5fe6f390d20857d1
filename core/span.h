/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of a buffer by offset and length: it survives a buffer that moves, and it can be proved. */
#ifndef TUX_CORE_SPAN_H
#define TUX_CORE_SPAN_H

#include "types.h"

/* A part of some buffer. Empty when len is 0; off is then still inside the buffer or at its end. */
struct tux_span {
	uint32_t off; /* bytes from the start of the buffer */
	uint32_t len; /* bytes */
};

/* A text of the program: static ASCII, terminated by NUL. */
struct tux_text {
	const char *at;
	uint32_t len; /* bytes, without the NUL */
};

#define TUX_TEXT(literal) ((struct tux_text){ literal, (uint32_t)sizeof(literal) - 1 })

/* Octets of the program, borrowed for a call. */
struct tux_octets {
	const uint8_t *at;
	uint32_t len; /* bytes */
};

/*
 * For the proof: the span lies inside the first len bytes of its buffer; its bytes may be read; it is a
 * part of another span.
 */
/*@ predicate span_inside(struct tux_span span, integer len) = span.off + span.len <= len;
  @ predicate span_readable{L}(uint8_t *buf, struct tux_span span) =
  @   span_inside(span, 0xffffffff) && \valid_read(buf + (span.off .. span.off + span.len - 1));
  @ predicate span_part(struct tux_span part, struct tux_span of) =
  @   of.off <= part.off && part.off + part.len <= of.off + of.len;
  @
  @ // Octets may be read; they are none of the cap bytes at out.
  @ predicate octets_readable{L}(struct tux_octets octets) = \valid_read(octets.at + (0 .. octets.len - 1));
  @ predicate octets_apart{L}(struct tux_octets octets, uint8_t *out, integer cap) =
  @   \separated(out + (0 .. cap - 1), octets.at + (0 .. octets.len - 1));
  @
  @ // The bytes of a text may be read; so may those of one that ends in NUL.
  @ predicate text_readable{L}(struct tux_text text) = \valid_read(text.at + (0 .. text.len - 1));
  @ predicate string_readable{L}(char *string) =
  @   \exists integer n; 0 <= n < 0xffffffff && string[n] == 0 && \valid_read(string + (0 .. n));
  @*/

#endif
