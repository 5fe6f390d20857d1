/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The field lines of a head or of a trailer section (RFC 9110 5, RFC 9112 5), and the empty line after them. They are parsed in
 * place and found by name.
 */
#ifndef TUX_CORE_FIELD_LINES_H
#define TUX_CORE_FIELD_LINES_H

#include "field_name.h"
#include "limit.h"
#include "refusal.h"

/* Parsed lines, in their order. line[] is valid up to count. */
struct tux_field_lines {
	uint32_t count;
	bool repeated; /* a known name occurs on more than one line */
	uint16_t first[TUX_FIELD_NAMES]; /* 1 + index in line[] of the first line of a known name; 0 = missing */
	struct tux_field line[TUX_MAX_FIELDS];
};

/* For the proof: first[] points to existing lines, and their spans lie inside the first len bytes. */
/*@ predicate fields_indexed{L}(struct tux_field_lines *fields) =
  @   fields->count <= TUX_MAX_FIELDS && (\forall integer n; 0 <= n < TUX_FIELD_NAMES ==> fields->first[n] <= fields->count);
  @ predicate fields_inside{L}(struct tux_field_lines *fields, integer len) =
  @   fields_indexed(fields) &&
  @   (\forall integer i; 0 <= i < fields->count ==> span_inside(fields->line[i].name, len)) &&
  @   (\forall integer i; 0 <= i < fields->count ==> span_inside(fields->line[i].value, len));
  @
  @ // Parsed lines and their buffer, as whoever looks at them has them.
  @ predicate fields_readable{L}(uint8_t *buf, struct tux_field_lines *fields) =
  @   \valid_read(fields) && \exists integer len; 0 <= len <= TUX_MAX_RECEIVED_HEAD && fields_inside(fields, len) &&
  @   \valid_read(buf + (0 .. len - 1));
  @*/

/* Removes all lines. Leaves line[] uninitialized, because count and first[] define its valid part. */
/*@ requires \valid(fields);
  @ assigns fields->count, fields->repeated, fields->first[0 .. TUX_FIELD_NAMES - 1];
  @ ensures fields->count == 0 && fields_inside(fields, 0);
  @ ensures \forall integer n; 0 <= n < TUX_FIELD_NAMES ==> fields->first[n] == 0;
  @*/
static inline void tux_fields_clear(struct tux_field_lines *fields)
{
	uint32_t i;

	fields->count = 0;
	fields->repeated = false;
	/*@ loop invariant 0 <= i <= TUX_FIELD_NAMES;
	  @ loop invariant \forall integer n; 0 <= n < i ==> fields->first[n] == 0;
	  @ loop assigns i, fields->first[0 .. TUX_FIELD_NAMES - 1];
	  @ loop variant TUX_FIELD_NAMES - i; */
	for (i = 0; i < TUX_FIELD_NAMES; i++)
		fields->first[i] = 0;
}

/*
 * Parses field lines and the empty line after them from *pos up to len into *fields, which the caller has cleared. lf: a line may
 * also end in LF alone, as in a CGI program's output (RFC 3875 6.3). Returns TUX_PARSED with *pos after the empty line; TUX_MORE;
 * or TUX_REFUSED with *refusal, which is TUX_ACCEPTED at first. Any context.
 */
/*@ requires len <= TUX_MAX_RECEIVED_HEAD && \valid_read(buf + (0 .. len - 1)) && \valid(pos) && *pos <= len;
  @ requires \valid(fields) && \valid(refusal) && \separated(pos, fields, refusal, buf + (0 .. len - 1));
  @ requires *refusal == TUX_ACCEPTED && fields_inside(fields, *pos);
  @ assigns *pos, *refusal, *fields;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \old(*pos) <= *pos <= len && fields_inside(fields, *pos);
  @*/
enum tux_verdict tux_fields_parse(const uint8_t *buf, uint32_t len, uint32_t *pos, bool lf, struct tux_field_lines *fields,
                                  uint8_t *refusal);

/*
 * Finds the first line of a known field with after 0, else the next line after that index. Returns 1 + index of the line in
 * fields->line[], which is the next call's after; 0 at the end. Any context.
 */
/*@ requires \valid_read(fields) && name < TUX_FIELD_NAMES && fields_indexed(fields);
  @ assigns \nothing;
  @ ensures \result <= fields->count;
  @ ensures after == 0 ==> \result == fields->first[name];
  @ ensures \result != 0 ==> \result > after;
  @*/
static inline uint32_t tux_fields_find(const struct tux_field_lines *fields, enum tux_field_name name, uint32_t after)
{
	uint32_t i;

	if (after == 0)
		return fields->first[name];
	if (!fields->repeated)
		return 0;
	/*@ loop invariant after <= i;
	  @ loop assigns i;
	  @ loop variant fields->count - i; */
	for (i = after; i < fields->count; i++) {
		if (fields->line[i].known == name)
			return i + 1;
	}
	return 0;
}

/* The options of all Connection lines together (RFC 9110 7.6.1): a set of these. */
enum tux_connection_option {
	TUX_CONNECTION_CLOSE = 1,
	TUX_CONNECTION_KEEP_ALIVE = 2,
	TUX_CONNECTION_UPGRADE = 4,
};

/* Returns a set of enum tux_connection_option. Any context. */
/*@ requires fields_readable(buf, fields);
  @ assigns \nothing;
  @*/
uint32_t tux_fields_connection(const uint8_t *buf, const struct tux_field_lines *fields);

#endif
