/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Escapes text from elsewhere for the text that it becomes a part of: a log, JSON, HTML, a URI. */
#ifndef TUX_CORE_ESCAPE_H
#define TUX_CORE_ESCAPE_H

#include "types.h"

/* The text around. Bytes that are not named stay. */
enum tux_escape {
	TUX_ESCAPE_LOG,        /* between quotes in a log: control characters, quotes, backslashes and non-ASCII bytes become \xXX */
	TUX_ESCAPE_COLUMN,     /* between spaces in a log: like TUX_ESCAPE_LOG, and so do spaces */
	TUX_ESCAPE_JSON_BYTES, /* in a JSON string (RFC 8259 7): \", \\, and \u00XX for control characters and non-ASCII bytes */
	TUX_ESCAPE_JSON,       /* in a JSON string: \", \\, \u00XX for control characters and U+0080 to U+009F; U+FFFD for invalid UTF-8 */
	TUX_ESCAPE_LABEL,      /* between quotes in JSON or a label: \", \\, '?' for control characters and '<'; U+FFFD for invalid UTF-8
	                          and U+0080 to U+009F */
	TUX_ESCAPE_HTML,       /* in HTML or its attributes: references for & < > " '; U+FFFD as above, and for control characters */
	TUX_ESCAPE_URI,        /* a segment of a URI: %XX for all but the unreserved characters (RFC 3986 2.3) */
	TUX_ESCAPE_MESSAGE,    /* a line of text: '?' for control characters but tab; U+FFFD as above */
};

enum { TUX_MAX_ESCAPED = 6 }; /* bytes that one byte becomes, at most */

/*
 * For the proof: no octet of an escaped text is a control character or a delimiter of the text around. escape_after() says what
 * follows '&', '%', and 0xc2, which begins the control characters above ASCII in UTF-8. escape_state() is how a reader of a quoted
 * text sees its first octets: 0 = between two characters, 1 = within an escape, 2 = after a quote that ended it.
 */
/*@ predicate escape_unreserved(integer octet) =
  @   'a' <= octet <= 'z' || 'A' <= octet <= 'Z' || '0' <= octet <= '9' || octet == '-' || octet == '.' || octet == '_' || octet == '~';
  @ predicate escape_octet(integer context, integer octet) =
  @   (octet >= 0x20 || (context == TUX_ESCAPE_MESSAGE && octet == '\t')) && octet != 0x7f &&
  @   (context == TUX_ESCAPE_LOG || context == TUX_ESCAPE_COLUMN || context == TUX_ESCAPE_JSON_BYTES ==> octet < 0x7f) &&
  @   (context == TUX_ESCAPE_LOG || context == TUX_ESCAPE_COLUMN ==> octet != '"') && (context == TUX_ESCAPE_COLUMN ==> octet != ' ') &&
  @   (context == TUX_ESCAPE_LABEL ==> octet != '<') &&
  @   (context == TUX_ESCAPE_HTML ==> octet != '<' && octet != '>' && octet != '"' && octet != '\'') &&
  @   (context == TUX_ESCAPE_URI ==> octet == '%' || escape_unreserved(octet));
  @ predicate escape_hex(integer octet) = '0' <= octet <= '9' || 'A' <= octet <= 'F';
  @ predicate escape_after{L}(integer context, uint8_t *at, integer k, integer len) =
  @   (context == TUX_ESCAPE_HTML && at[k] == '&' ==>
  @     k + 1 < len && (at[k + 1] == 'a' || at[k + 1] == 'l' || at[k + 1] == 'g' || at[k + 1] == 'q' || at[k + 1] == '#')) &&
  @   (at[k] == 0xc2 ==> k + 1 < len && at[k + 1] >= 0xa0) &&
  @   (context == TUX_ESCAPE_URI && at[k] == '%' ==> k + 2 < len && escape_hex(at[k + 1]) && escape_hex(at[k + 2]));
  @ predicate escape_quotes(integer context) =
  @   context == TUX_ESCAPE_LOG || context == TUX_ESCAPE_COLUMN || context == TUX_ESCAPE_JSON_BYTES || context == TUX_ESCAPE_JSON ||
  @   context == TUX_ESCAPE_LABEL;
  @ logic integer escape_next(integer state, integer octet) =
  @   state == 2 ? 2 : state == 1 ? 0 : octet == '\\' ? 1 : octet == '"' ? 2 : 0;
  @ logic integer escape_state{L}(uint8_t *at, integer len) =
  @   len <= 0 ? 0 : escape_next(escape_state(at, len - 1), at[len - 1]);
  @*/

/*
 * Writes the len bytes at text escaped to out, as long as a whole escape fits into cap bytes. Returns the bytes written. *consumed: the
 * bytes of text that they are; all, if cap is at least TUX_MAX_ESCAPED times len. Any context.
 */
/*@ requires TUX_ESCAPE_LOG <= context <= TUX_ESCAPE_MESSAGE;
  @ requires \valid(out + (0 .. cap - 1)) && \valid_read(text + (0 .. len - 1)) && \valid(consumed);
  @ requires \separated(out + (0 .. cap - 1), text + (0 .. len - 1)) && \separated(consumed, out + (0 .. cap - 1), text + (0 .. len - 1));
  @ assigns *consumed, out[0 .. cap - 1];
  @ ensures \result <= cap && *consumed <= len;
  @ ensures TUX_MAX_ESCAPED * len <= cap ==> *consumed == len;
  @ ensures \forall integer k; 0 <= k < \result ==> escape_octet(context, out[k]) && escape_after(context, out, k, \result);
  @ ensures escape_quotes(context) ==> escape_state(out, \result) == 0;
  @*/
uint32_t tux_escape(enum tux_escape context, uint8_t *out, uint32_t cap, const uint8_t *text, uint32_t len, uint32_t *consumed);

#endif
