/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "escape.h"

#include "octet.h"

/*
 * For the proof: a unit is what one character becomes, at most six octets. In a quoted text, a backslash begins one and is followed
 * by an octet of the same one; a quote is only behind it. No quantifiers: the provers are quicker without.
 */
/*@ predicate special(integer octet) = octet == '"' || octet == '\\';
  @ predicate unit_octet{L}(integer context, uint8_t *out, integer k, integer end) =
  @   k < end ==> escape_octet(context, out[k]) && escape_after(context, out, k, end);
  @ predicate unit_whole{L}(uint8_t *out, integer at, integer len) =
  @   out[at] != '"' && (out[at] == '\\' ==> len >= 2) && (out[at] != '\\' && len >= 2 ==> !special(out[at + 1])) &&
  @   (len > 2 ==> !special(out[at + 2])) && (len > 3 ==> !special(out[at + 3])) && (len > 4 ==> !special(out[at + 4])) &&
  @   (len > 5 ==> !special(out[at + 5]));
  @ predicate unit_good{L}(integer context, uint8_t *out, integer at, integer len) =
  @   0 < len <= 6 && unit_octet(context, out, at, at + len) && unit_octet(context, out, at + 1, at + len) &&
  @   unit_octet(context, out, at + 2, at + len) && unit_octet(context, out, at + 3, at + len) &&
  @   unit_octet(context, out, at + 4, at + len) && unit_octet(context, out, at + 5, at + len) &&
  @   (escape_quotes(context) ==> unit_whole(out, at, len));
  @*/

/* Writes the first len of six octets behind the at octets at out if they fit, else none. Returns the bytes written. */
/*@ requires 1 <= len <= 6 && at <= cap && \valid(out + (0 .. cap - 1));
  @ assigns out[at .. cap - 1];
  @ ensures \result == (cap - at < len ? 0 : len);
  @ ensures \result > 0 ==> out[at] == a;
  @ ensures \result > 1 ==> out[at + 1] == b;
  @ ensures \result > 2 ==> out[at + 2] == c;
  @ ensures \result > 3 ==> out[at + 3] == d;
  @ ensures \result > 4 ==> out[at + 4] == e;
  @ ensures \result > 5 ==> out[at + 5] == f;
  @*/
static uint32_t six(uint8_t *out, uint32_t at, uint32_t cap, uint32_t len, uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f)
{
	if (cap - at < len)
		return 0;
	out[at] = a;
	if (len > 1)
		out[at + 1] = b;
	if (len > 2)
		out[at + 2] = c;
	if (len > 3)
		out[at + 3] = d;
	if (len > 4)
		out[at + 4] = e;
	if (len > 5)
		out[at + 5] = f;
	return len;
}

/* Returns the hexadecimal digit of a number below 16; ten is the letter of the digit for ten. */
/*@ requires number < 16 && (ten == 'A' || ten == 'a');
  @ assigns \nothing;
  @ ensures '0' <= \result <= '9' || ten <= \result <= ten + 5;
  @*/
static uint8_t digit(uint8_t number, uint8_t ten)
{
	return (uint8_t)(number < 10 ? '0' + number : ten + (number - 10));
}

/*
 * Returns the bytes of the UTF-8 character (RFC 3629) at the start of text; 0 if it is invalid, for example an overlong form, a
 * surrogate, or above U+10FFFF, or if it is a control character above ASCII (U+0080 to U+009F), which terminals obey.
 */
/*@ requires len > 0 && \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= 4 && \result <= len;
  @ ensures \result == 1 <==> text[0] < 0x80;
  @ ensures \result > 1 ==> text[0] >= 0xc2 && \forall integer k; 1 <= k < \result ==> 0x80 <= text[k] <= 0xbf;
  @ ensures \result > 1 && text[0] == 0xc2 ==> text[1] >= 0xa0;
  @*/
static uint32_t utf8_len(const uint8_t *text, uint32_t len)
{
	const uint8_t first = text[0];
	const uint32_t want = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

	if (want > len)
		return 0;
	/*@ loop invariant 1 <= i && (i <= want || want <= 1 && i == 1);
	  @ loop invariant \forall integer k; 1 <= k < i ==> 0x80 <= text[k] <= 0xbf;
	  @ loop assigns i;
	  @ loop variant 4 - i; */
	for (uint32_t i = 1; i < want; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) || (first == 0xf0 && text[1] < 0x90) ||
	    (first == 0xf4 && text[1] > 0x8f) || (first == 0xc2 && text[1] < 0xa0))
		return 0;
	return want;
}

/* True if an octet stays as it is. */
/*@ requires TUX_ESCAPE_LOG <= context <= TUX_ESCAPE_MESSAGE;
  @ assigns \nothing;
  @ ensures \result ==> 0x20 <= octet < 0x7f && escape_octet(context, octet);
  @ ensures \result && escape_quotes(context) ==> !special(octet);
  @ ensures \result && context == TUX_ESCAPE_HTML ==> octet != '&';
  @ ensures \result && context == TUX_ESCAPE_URI ==> octet != '%';
  @ ensures !\result && context == TUX_ESCAPE_HTML && 0x20 <= octet < 0x7f ==>
  @   octet == '&' || octet == '<' || octet == '>' || octet == '"' || octet == '\'';
  @*/
static bool is_plain(enum tux_escape context, uint8_t octet)
{
	if (octet < 0x20 || octet >= 0x7f)
		return false;
	switch (context) {
	case TUX_ESCAPE_COLUMN:
		if (octet == ' ')
			return false;
		break;
	case TUX_ESCAPE_LABEL:
		if (octet == '<')
			return false;
		break;
	case TUX_ESCAPE_HTML:
		return octet != '&' && octet != '<' && octet != '>' && octet != '"' && octet != '\'';
	case TUX_ESCAPE_URI:
		return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || (octet >= '0' && octet <= '9') || octet == '-' ||
		       octet == '.' || octet == '_' || octet == '~';
	case TUX_ESCAPE_MESSAGE:
		return true;
	case TUX_ESCAPE_LOG:
	case TUX_ESCAPE_JSON_BYTES:
	case TUX_ESCAPE_JSON:
		break;
	}
	return octet != '"' && octet != '\\';
}

/* Like unit_write(), but for a character that HTML refers to by name or number. */
/*@ requires at <= cap && \valid(out + (0 .. cap - 1)) && (octet == '&' || octet == '<' || octet == '>' || octet == '"' || octet == '\'');
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && (cap - at >= TUX_MAX_ESCAPED ==> \result > 0);
  @ ensures \result > 0 ==> unit_good(TUX_ESCAPE_HTML, out, at, \result);
  @*/
static uint32_t reference_write(uint8_t *out, uint32_t at, uint32_t cap, uint8_t octet)
{
	if (octet == '&')
		return six(out, at, cap, 5, '&', 'a', 'm', 'p', ';', 0);
	if (octet == '<')
		return six(out, at, cap, 4, '&', 'l', 't', ';', 0, 0);
	if (octet == '>')
		return six(out, at, cap, 4, '&', 'g', 't', ';', 0, 0);
	if (octet == '"')
		return six(out, at, cap, 6, '&', 'q', 'u', 'o', 't', ';');
	return six(out, at, cap, 5, '&', '#', '3', '9', ';', 0);
}

/* Like unit_write(), but for the ways that escape an octet whatever its neighbours are. */
/*@ requires at <= cap && \valid(out + (0 .. cap - 1));
  @ requires context == TUX_ESCAPE_LOG || context == TUX_ESCAPE_COLUMN || context == TUX_ESCAPE_JSON_BYTES || context == TUX_ESCAPE_URI;
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && (cap - at >= TUX_MAX_ESCAPED ==> \result > 0);
  @ ensures \result > 0 ==> unit_good(context, out, at, \result);
  @*/
static uint32_t octet_write(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, uint8_t octet)
{
	if (is_plain(context, octet))
		return six(out, at, cap, 1, octet, 0, 0, 0, 0, 0);
	if (context == TUX_ESCAPE_URI)
		return six(out, at, cap, 3, '%', digit(octet / 16, 'A'), digit(octet % 16, 'A'), 0, 0, 0);
	if (context != TUX_ESCAPE_JSON_BYTES)
		return six(out, at, cap, 4, '\\', 'x', digit(octet / 16, 'A'), digit(octet % 16, 'A'), 0, 0);
	if (octet == '"' || octet == '\\')
		return six(out, at, cap, 2, '\\', octet, 0, 0, 0, 0);
	return six(out, at, cap, 6, '\\', 'u', '0', '0', digit(octet / 16, 'a'), digit(octet % 16, 'a'));
}

/* Like unit_write(), but for what no character of the text around is: writes U+FFFD. */
/*@ requires at <= cap && \valid(out + (0 .. cap - 1));
  @ requires context == TUX_ESCAPE_JSON || context == TUX_ESCAPE_LABEL || context == TUX_ESCAPE_HTML || context == TUX_ESCAPE_MESSAGE;
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && (cap - at >= TUX_MAX_ESCAPED ==> \result > 0);
  @ ensures \result > 0 ==> unit_good(context, out, at, \result);
  @*/
static uint32_t replacement_write(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap)
{
	(void)context;
	return six(out, at, cap, 3, 0xef, 0xbf, 0xbd, 0, 0, 0);
}

/* Like unit_write(), but for a control character above ASCII, which is 0xc2 and octet. */
/*@ requires at <= cap && \valid(out + (0 .. cap - 1)) && 0x80 <= octet <= 0x9f;
  @ requires context == TUX_ESCAPE_JSON || context == TUX_ESCAPE_LABEL || context == TUX_ESCAPE_HTML || context == TUX_ESCAPE_MESSAGE;
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && (cap - at >= TUX_MAX_ESCAPED ==> \result > 0);
  @ ensures \result > 0 ==> unit_good(context, out, at, \result);
  @*/
static uint32_t control_write(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, uint8_t octet)
{
	if (context == TUX_ESCAPE_JSON)
		return six(out, at, cap, 6, '\\', 'u', '0', '0', digit(octet / 16, 'a'), digit(octet % 16, 'a'));
	return replacement_write(context, out, at, cap);
}

/* Like unit_write(), but for an ASCII character, in a text that may have others. */
/*@ requires at <= cap && \valid(out + (0 .. cap - 1)) && octet < 0x80;
  @ requires context == TUX_ESCAPE_JSON || context == TUX_ESCAPE_LABEL || context == TUX_ESCAPE_HTML || context == TUX_ESCAPE_MESSAGE;
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && (cap - at >= TUX_MAX_ESCAPED ==> \result > 0);
  @ ensures \result > 0 ==> unit_good(context, out, at, \result);
  @*/
static uint32_t ascii_write(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, uint8_t octet)
{
	if (is_plain(context, octet) || (context == TUX_ESCAPE_MESSAGE && octet == '\t'))
		return six(out, at, cap, 1, octet, 0, 0, 0, 0, 0);
	if (context == TUX_ESCAPE_MESSAGE)
		return six(out, at, cap, 1, '?', 0, 0, 0, 0, 0);
	if (context == TUX_ESCAPE_HTML)
		return octet < 0x20 || octet == 0x7f ? replacement_write(context, out, at, cap) : reference_write(out, at, cap, octet);
	if (octet == '"' || octet == '\\')
		return six(out, at, cap, 2, '\\', octet, 0, 0, 0, 0);
	if (context == TUX_ESCAPE_LABEL)
		return six(out, at, cap, 1, '?', 0, 0, 0, 0, 0);
	return six(out, at, cap, 6, '\\', 'u', '0', '0', digit(octet / 16, 'a'), digit(octet % 16, 'a'));
}

/* Like unit_write(), but for a character of two to four bytes. */
/*@ requires at <= cap && \valid(out + (0 .. cap - 1)) && 2 <= bytes <= 4 && \valid_read(text + (0 .. bytes - 1));
  @ requires context == TUX_ESCAPE_JSON || context == TUX_ESCAPE_LABEL || context == TUX_ESCAPE_HTML || context == TUX_ESCAPE_MESSAGE;
  @ requires text[0] >= 0xc2 && (text[0] == 0xc2 ==> text[1] >= 0xa0) && 0x80 <= text[1] <= 0xbf;
  @ requires (bytes > 2 ==> 0x80 <= text[2] <= 0xbf) && (bytes > 3 ==> 0x80 <= text[3] <= 0xbf);
  @ requires \separated(out + (0 .. cap - 1), text + (0 .. bytes - 1));
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && (cap - at >= TUX_MAX_ESCAPED ==> \result > 0);
  @ ensures \result > 0 ==> unit_good(context, out, at, \result);
  @*/
static uint32_t utf8_write(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, const uint8_t *text, uint32_t bytes)
{
	(void)context;
	return six(out, at, cap, bytes, text[0], text[1], bytes > 2 ? text[2] : 0, bytes > 3 ? text[3] : 0, 0, 0);
}

/*
 * Writes the first character of text escaped behind the at octets at out, if that fits. Returns the bytes written, else 0. *consumed:
 * the bytes of that character.
 */
/*@ requires TUX_ESCAPE_LOG <= context <= TUX_ESCAPE_MESSAGE && len > 0;
  @ requires at <= cap && \valid(out + (0 .. cap - 1)) && \valid_read(text + (0 .. len - 1)) && \valid(consumed);
  @ requires \separated(out + (0 .. cap - 1), text + (0 .. len - 1)) && \separated(consumed, out + (0 .. cap - 1), text + (0 .. len - 1));
  @ assigns *consumed, out[at .. cap - 1];
  @ ensures \result <= cap - at && 1 <= *consumed <= len;
  @ ensures cap - at >= TUX_MAX_ESCAPED ==> 0 < \result <= TUX_MAX_ESCAPED;
  @ ensures \result > 0 ==> unit_good(context, out, at, \result);
  @*/
static uint32_t unit_write(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, const uint8_t *text, uint32_t len,
                           uint32_t *consumed)
{
	uint32_t bytes;

	*consumed = 1;
	if (context == TUX_ESCAPE_LOG || context == TUX_ESCAPE_COLUMN || context == TUX_ESCAPE_JSON_BYTES || context == TUX_ESCAPE_URI)
		return octet_write(context, out, at, cap, text[0]);
	bytes = utf8_len(text, len);
	if (bytes == 0 && len > 1 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0) {
		*consumed = 2;
		return control_write(context, out, at, cap, text[1]);
	}
	if (bytes == 0)
		return replacement_write(context, out, at, cap);
	if (bytes == 1)
		return ascii_write(context, out, at, cap, text[0]);
	*consumed = bytes;
	return utf8_write(context, out, at, cap, text, bytes);
}

/* Like unit_write(), behind the at octets at out. For the proof: these stay as they are, so a reader of them sees the same. */
/*@ requires TUX_ESCAPE_LOG <= context <= TUX_ESCAPE_MESSAGE && len > 0 && at <= cap;
  @ requires \valid(out + (0 .. cap - 1)) && \valid_read(text + (0 .. len - 1)) && \valid(consumed);
  @ requires \separated(out + (0 .. cap - 1), text + (0 .. len - 1)) && \separated(consumed, out + (0 .. cap - 1), text + (0 .. len - 1));
  @ requires escape_quotes(context) ==> escape_state(out, at) == 0;
  @ assigns *consumed, out[at .. cap - 1];
  @ ensures \result <= cap - at && 1 <= *consumed <= len;
  @ ensures cap - at >= TUX_MAX_ESCAPED ==> 0 < \result <= TUX_MAX_ESCAPED;
  @ ensures \forall integer k; at <= k < at + \result ==> escape_octet(context, out[k]) && escape_after(context, out, k, at + \result);
  @ ensures escape_quotes(context) ==> escape_state(out, at + \result) == 0;
  @*/
static inline uint32_t unit_append(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, const uint8_t *text, uint32_t len,
                                   uint32_t *consumed)
{
	const uint32_t bytes = unit_write(context, out, at, cap, text, len, consumed);

	/*@ ghost
	  @ uint32_t seen = 0;
	  @ /@ loop invariant 0 <= seen <= at && escape_state(out, seen) == escape_state{Pre}(out, seen);
	  @  @ loop assigns seen;
	  @  @ loop variant at - seen; @/
	  @ while (seen < at)
	  @   seen++;
	  @ uint32_t more = 0;
	  @ /@ loop invariant 0 <= more <= bytes;
	  @  @ loop invariant \forall integer k; at <= k < at + more ==>
	  @  @   escape_octet(context, out[k]) && escape_after(context, out, k, at + bytes);
	  @  @ loop invariant escape_quotes(context) ==> escape_state(out, at + more) == (more == 1 && out[at] == '\\' ? 1 : 0);
	  @  @ loop assigns more;
	  @  @ loop variant bytes - more; @/
	  @ while (more < bytes) {
	  @   /@ assert escape_state(out, at + more + 1) == escape_next(escape_state(out, at + more), out[at + more]); @/
	  @   if (more == 0) {
	  @     /@ assert escape_octet(context, out[at]) && escape_after(context, out, at, at + bytes); @/
	  @     /@ assert escape_quotes(context) ==> escape_state(out, at + more + 1) == (out[at] == '\\' ? 1 : 0); @/
	  @   } else if (more == 1) {
	  @     /@ assert escape_octet(context, out[at + 1]) && escape_after(context, out, at + 1, at + bytes); @/
	  @     /@ assert escape_quotes(context) ==> escape_state(out, at + more + 1) == (0); @/
	  @   } else if (more == 2) {
	  @     /@ assert escape_octet(context, out[at + 2]) && escape_after(context, out, at + 2, at + bytes); @/
	  @     /@ assert escape_quotes(context) ==> escape_state(out, at + more + 1) == (0); @/
	  @   } else if (more == 3) {
	  @     /@ assert escape_octet(context, out[at + 3]) && escape_after(context, out, at + 3, at + bytes); @/
	  @     /@ assert escape_quotes(context) ==> escape_state(out, at + more + 1) == (0); @/
	  @   } else if (more == 4) {
	  @     /@ assert escape_octet(context, out[at + 4]) && escape_after(context, out, at + 4, at + bytes); @/
	  @     /@ assert escape_quotes(context) ==> escape_state(out, at + more + 1) == (0); @/
	  @   } else {
	  @     /@ assert escape_octet(context, out[at + 5]) && escape_after(context, out, at + 5, at + bytes); @/
	  @     /@ assert escape_quotes(context) ==> escape_state(out, at + more + 1) == (0); @/
	  @   }
	  @   /@ assert escape_octet(context, out[at + more]) && escape_after(context, out, at + more, at + bytes); @/
	  @   more++;
	  @ }
	  @*/
	return bytes;
}

/* Returns the number of octets at the start of text that stay, at most max. */
/*@ requires TUX_ESCAPE_LOG <= context <= TUX_ESCAPE_MESSAGE && \valid_read(text + (0 .. max - 1));
  @ assigns \nothing;
  @ ensures \result <= max;
  @ ensures \forall integer k; 0 <= k < \result ==> 0x20 <= text[k] < 0x7f && !special(text[k]) && escape_octet(context, text[k]);
  @ ensures \result > 0 ==> context != TUX_ESCAPE_HTML && context != TUX_ESCAPE_URI;
  @*/
static inline uint32_t run_of(enum tux_escape context, const uint8_t *text, uint32_t max)
{
	const uint8_t other = context == TUX_ESCAPE_COLUMN ? ' ' : context == TUX_ESCAPE_LABEL ? '<' : '"';
	uint32_t i = 0;

	if (context == TUX_ESCAPE_HTML || context == TUX_ESCAPE_URI)
		return 0;
	/*@ loop invariant i <= max;
	  @ loop invariant \forall integer k; 0 <= k < i ==> 0x20 <= text[k] < 0x7f && !special(text[k]) && text[k] != other;
	  @ loop assigns i;
	  @ loop variant max - i; */
	while (i < max && text[i] >= 0x20 && text[i] < 0x7f && text[i] != '"' && text[i] != '\\' && text[i] != other)
		i++;
	return i;
}

/* Copies the octets at the start of text that stay behind the at octets at out. Returns their number. Most of a log is written here. */
/*@ requires TUX_ESCAPE_LOG <= context <= TUX_ESCAPE_MESSAGE && at <= cap;
  @ requires \valid(out + (0 .. cap - 1)) && \valid_read(text + (0 .. len - 1));
  @ requires \separated(out + (0 .. cap - 1), text + (0 .. len - 1));
  @ requires escape_quotes(context) ==> escape_state(out, at) == 0;
  @ assigns out[at .. cap - 1];
  @ ensures \result <= cap - at && \result <= len;
  @ ensures \forall integer k; at <= k < at + \result ==> escape_octet(context, out[k]) && escape_after(context, out, k, at + \result);
  @ ensures escape_quotes(context) ==> escape_state(out, at + \result) == 0;
  @*/
static inline uint32_t run_append(enum tux_escape context, uint8_t *out, uint32_t at, uint32_t cap, const uint8_t *text, uint32_t len)
{
	const uint32_t bytes = run_of(context, text, len < cap - at ? len : cap - at);

	octet_copy(out + at, text, bytes);
	/*@ ghost
	  @ uint32_t seen = 0;
	  @ /@ loop invariant 0 <= seen <= at && escape_state(out, seen) == escape_state{Pre}(out, seen);
	  @  @ loop assigns seen;
	  @  @ loop variant at - seen; @/
	  @ while (seen < at)
	  @   seen++;
	  @ uint32_t more = 0;
	  @ /@ loop invariant 0 <= more <= bytes;
	  @  @ loop invariant \forall integer k; at <= k < at + more ==>
	  @  @   escape_octet(context, out[k]) && escape_after(context, out, k, at + bytes);
	  @  @ loop invariant escape_quotes(context) ==> escape_state(out, at + more) == 0;
	  @  @ loop assigns more;
	  @  @ loop variant bytes - more; @/
	  @ while (more < bytes) {
	  @   /@ assert out[at + more] == text[more]; @/
	  @   /@ assert escape_state(out, at + more + 1) == escape_next(escape_state(out, at + more), out[at + more]); @/
	  @   more++;
	  @ }
	  @*/
	return bytes;
}

uint32_t tux_escape(enum tux_escape context, uint8_t *out, uint32_t cap, const uint8_t *text, uint32_t len, uint32_t *consumed)
{
	uint32_t at = 0, i = 0;

	/*@ loop invariant i <= len && at <= cap;
	  @ loop invariant TUX_MAX_ESCAPED * len <= cap ==> at <= TUX_MAX_ESCAPED * i;
	  @ loop invariant \forall integer k; 0 <= k < at ==> escape_octet(context, out[k]) && escape_after(context, out, k, at);
	  @ loop invariant escape_quotes(context) ==> escape_state(out, at) == 0;
	  @ loop assigns i, at, out[0 .. cap - 1];
	  @ loop variant len - i; */
	while (i < len) {
		uint32_t bytes, used;

		bytes = run_append(context, out, at, cap, text + i, len - i);
		at += bytes;
		i += bytes;
		/*@ assert \forall integer k; 0 <= k < at ==> escape_octet(context, out[k]) && escape_after(context, out, k, at); */
		if (i == len)
			break;
		bytes = unit_append(context, out, at, cap, text + i, len - i, &used);
		/*@ assert bytes == 0 ==>
		  @   \forall integer k; 0 <= k < at ==> escape_octet(context, out[k]) && escape_after(context, out, k, at); */
		if (bytes == 0)
			break;
		at += bytes;
		i += used;
		/*@ assert \forall integer k; 0 <= k < at ==> escape_octet(context, out[k]) && escape_after(context, out, k, at); */
	}
	*consumed = i;
	return at;
}
