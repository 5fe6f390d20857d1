/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the parsers of heads: lines, refusals, and the decision to parse again. Inside the core only. Each step reads from *pos
 * on. It returns TUX_PARSED with *pos after its input, TUX_MORE, or TUX_REFUSED. *pos <= len always holds.
 */
#ifndef TUX_CORE_HEAD_PARSE_H
#define TUX_CORE_HEAD_PARSE_H

#include "field_lines.h"
#include "scan.h"

/*@ requires \valid(to) && TUX_ACCEPTED < refusal < TUX_REFUSALS;
  @ assigns *to;
  @ ensures \result == TUX_REFUSED && *to == refusal;
  @*/
static inline enum tux_verdict refuse(uint8_t *to, enum tux_refusal refusal)
{
	*to = (uint8_t)refusal;
	return TUX_REFUSED;
}

/*
 * True if a head of which seen bytes gave TUX_MORE must be parsed again. It is complete, has a line end without CR, reaches the
 * limit, or has grown past a power of two. The last rule finds other errors early, and keeps the work for a slowly arriving head
 * linear.
 */
/*@ requires \valid_read(buf + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures len >= limit ==> \result;
  @*/
static inline bool worth_parsing(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit)
{
	uint32_t i;

	if (len >= limit || (seen ^ len) > (seen & len))
		return true;
	/*@ loop invariant seen <= i;
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (i = seen; i < len; i++) {
		if (buf[i] == '\n' && (i < 1 || buf[i - 1] != '\r' || (i >= 2 && buf[i - 2] == '\n')))
			return true;
	}
	return false;
}

/* For the proof: the arguments of a line parser. */
/*@ predicate line_step{L}(uint8_t *buf, integer len, uint32_t *pos, uint8_t *refusal) =
  @   len <= TUX_MAX_RECEIVED_HEAD && \valid_read(buf + (0 .. len - 1)) && \valid(pos) && *pos <= len && \valid(refusal) &&
  @   *refusal == TUX_ACCEPTED && \separated(pos, refusal, buf + (0 .. len - 1));
  @*/

/* Parses the CR LF that ends a line; with lf, also LF alone. */
/*@ requires line_step(buf, len, pos, refusal);
  @ assigns *pos, *refusal;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \result == TUX_PARSED ? \old(*pos) < *pos <= \old(*pos) + 2 && *pos <= len : *pos == \old(*pos);
  @ ensures \result == TUX_PARSED ==> buf[*pos - 1] == '\n' && (lf || (*pos == \old(*pos) + 2 && buf[*pos - 2] == '\r'));
  @*/
static inline enum tux_verdict line_end(const uint8_t *buf, uint32_t len, uint32_t *pos, bool lf, uint8_t *refusal)
{
	uint32_t i = *pos;

	if (len - i >= 2 && buf[i] == '\r' && buf[i + 1] == '\n') {
		*pos = i + 2;
		return TUX_PARSED;
	}
	if (lf && i < len && buf[i] == '\n') {
		*pos = i + 1;
		return TUX_PARSED;
	}
	if (len - i >= 2 || (i < len && buf[i] != '\r'))
		return refuse(refusal, TUX_REFUSED_LINE_END);
	return TUX_MORE;
}

/* "HTTP/1.1" as scan_load8() gives it. */
#define HTTP_1_1 0x312e312f50545448u

/* Parses HTTP/d.d, case-sensitive (RFC 9112 2.3). *minor is 0, or 1 for everything from 1 on. */
/*@ requires line_step(buf, len, pos, refusal) && \valid(minor) && *minor == 0;
  @ requires \separated(minor, pos, refusal, buf + (0 .. len - 1));
  @ assigns *pos, *refusal, *minor;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures *minor <= 1;
  @*/
static inline enum tux_verdict version(const uint8_t *buf, uint32_t len, uint32_t *pos, uint8_t *minor, uint8_t *refusal)
{
	static const uint8_t pattern[8] = { 'H', 'T', 'T', 'P', '/', '0', '.', '0' };
	uint32_t start = *pos, i;

	if (len - start >= 8 && scan_load8(buf + start) == HTTP_1_1) {
		*minor = 1;
		*pos = start + 8;
		return TUX_PARSED;
	}
	/*@ loop invariant 0 <= i <= 8 && i <= len - start;
	  @ loop assigns i;
	  @ loop variant 8 - i; */
	for (i = 0; i < 8; i++) {
		if (len - start <= i)
			return TUX_MORE;
		if (pattern[i] == '0' ? !octet_is_digit(buf[start + i]) : buf[start + i] != pattern[i])
			return refuse(refusal, TUX_REFUSED_VERSION_SYNTAX);
	}
	if (buf[start + 5] != '1')
		return refuse(refusal, TUX_REFUSED_VERSION);
	*minor = buf[start + 7] != '0';
	*pos = start + 8;
	return TUX_PARSED;
}

/* Parses a field name and its colon. */
/*@ requires line_step(buf, len, pos, refusal) && \valid(name);
  @ requires \separated(name, pos) && \separated(name, refusal) && \separated(name, buf + (0 .. len - 1));
  @ assigns *pos, *refusal, *name;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures span_inside(*name, len);
  @ ensures \result == TUX_PARSED ==> *pos > \old(*pos) && span_inside(*name, *pos);
  @*/
static inline enum tux_verdict field_name(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_span *name,
                                          uint8_t *refusal)
{
	uint32_t start = *pos;
	uint32_t i = octet_skip(buf, start, len, OCTET_TOKEN);

	*name = (struct tux_span){ start, i - start };
	if (i == len)
		return TUX_MORE;
	if (i > start && buf[i] == ':') {
		*pos = i + 1;
		return TUX_PARSED;
	}
	if (i == start && octet_is_blank(buf[i]))
		return refuse(refusal, TUX_REFUSED_FOLD);
	return refuse(refusal, buf[i] == '\n' ? TUX_REFUSED_LINE_END : TUX_REFUSED_FIELD_NAME);
}

/* Parses a field value and the white space around it, but not the line end after it. */
/*@ requires line_step(buf, len, pos, refusal) && \valid(value);
  @ requires \separated(value, pos) && \separated(value, refusal) && \separated(value, buf + (0 .. len - 1));
  @ assigns *pos, *refusal, *value;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures span_inside(*value, *pos);
  @*/
static inline enum tux_verdict field_value(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_span *value,
                                           uint8_t *refusal)
{
	uint32_t start = *pos, i, end;

	/*@ loop invariant \at(*pos, Pre) <= start <= len;
	  @ loop assigns start;
	  @ loop variant len - start; */
	while (start < len && octet_is_blank(buf[start]))
		start++;
	i = scan_value(buf, start, len);
	*pos = i;
	end = i;
	/*@ loop invariant start <= end <= i;
	  @ loop assigns end;
	  @ loop variant end - start; */
	while (end > start && octet_is_blank(buf[end - 1]))
		end--;
	*value = (struct tux_span){ start, end - start };
	if (i == len)
		return TUX_MORE;
	if (buf[i] != '\r' && buf[i] != '\n')
		return refuse(refusal, TUX_REFUSED_FIELD_VALUE);
	return TUX_PARSED;
}

/* Records a known name for the line at index, which is the last one. */
/*@ requires \valid(fields) && index < TUX_MAX_FIELDS && known < TUX_FIELD_NAMES;
  @ requires \forall integer n; 0 <= n < TUX_FIELD_NAMES ==> fields->first[n] <= index;
  @ assigns fields->repeated, fields->first[0 .. TUX_FIELD_NAMES - 1];
  @ ensures \forall integer n; 0 <= n < TUX_FIELD_NAMES ==> fields->first[n] <= index + 1;
  @*/
static inline void note_name(struct tux_field_lines *fields, uint32_t index, uint8_t known)
{
	if (fields->first[known] == 0)
		fields->first[known] = (uint16_t)(index + 1);
	else if (known != TUX_FIELD_OTHER)
		fields->repeated = true;
}

/* Parses a field line and its line end. Counts it only when it is complete. */
/*@ requires line_step(buf, len, pos, refusal);
  @ requires \valid(fields) && fields_inside(fields, *pos) && \separated(fields, pos, refusal, buf + (0 .. len - 1));
  @ assigns *pos, *refusal, *fields;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures \result == TUX_PARSED ==> *pos > \old(*pos);
  @ ensures fields_inside(fields, *pos);
  @*/
static inline enum tux_verdict field_line(const uint8_t *buf, uint32_t len, uint32_t *pos, bool lf, struct tux_field_lines *fields,
                                          uint8_t *refusal)
{
	struct tux_span name, value;
	enum tux_verdict verdict;
	uint32_t index = fields->count;
	uint8_t known;

	if (index >= TUX_MAX_FIELDS)
		return refuse(refusal, TUX_REFUSED_FIELD_COUNT);
	verdict = field_name(buf, len, pos, &name, refusal);
	if (verdict == TUX_PARSED)
		verdict = field_value(buf, len, pos, &value, refusal);
	if (verdict == TUX_PARSED)
		verdict = line_end(buf, len, pos, lf, refusal);
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(fields->line[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(fields->line[i].value, *pos); */
	/*@ assert fields_inside(fields, *pos); */
	if (verdict != TUX_PARSED)
		return verdict;
	known = (uint8_t)tux_field_recognise(buf, name.off, name.len);
	fields->line[index].name = name;
	fields->line[index].value = value;
	fields->line[index].known = known;
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(fields->line[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(fields->line[i].value, *pos); */
	/*@ assert span_inside(fields->line[index].name, *pos) && span_inside(fields->line[index].value, *pos); */
	fields->count = index + 1;
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(fields->line[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(fields->line[i].value, *pos); */
	/*@ assert span_inside(fields->line[index].name, *pos) && span_inside(fields->line[index].value, *pos); */
	/*@ assert \forall integer i; 0 <= i < fields->count ==> span_inside(fields->line[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < fields->count ==> span_inside(fields->line[i].value, *pos); */
	note_name(fields, index, known);
	/*@ assert fields_inside(fields, *pos); */
	return TUX_PARSED;
}

/* Parses the field lines and the empty line after them, like tux_fields_parse(). */
/*@ requires line_step(buf, len, pos, refusal);
  @ requires \valid(fields) && fields_inside(fields, *pos) && \separated(fields, pos, refusal, buf + (0 .. len - 1));
  @ assigns *pos, *refusal, *fields;
  @ ensures verdict_answers(\result, *refusal);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures fields_inside(fields, *pos);
  @*/
static inline enum tux_verdict field_lines(const uint8_t *buf, uint32_t len, uint32_t *pos, bool lf, struct tux_field_lines *fields,
                                           uint8_t *refusal)
{
	enum tux_verdict verdict = TUX_PARSED;

	/*@ loop invariant verdict_answers(verdict, *refusal);
	  @ loop invariant \at(*pos, Pre) <= *pos <= len;
	  @ loop invariant fields_inside(fields, *pos);
	  @ loop assigns verdict, *pos, *refusal, *fields;
	  @ loop variant len - *pos + (verdict == TUX_PARSED ? 1 : 0); */
	while (verdict == TUX_PARSED && *pos < len && buf[*pos] != '\r' && !(lf && buf[*pos] == '\n'))
		verdict = field_line(buf, len, pos, lf, fields, refusal);
	return verdict == TUX_PARSED ? line_end(buf, len, pos, lf, refusal) : verdict;
}

#endif
