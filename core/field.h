/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Field lines (RFC 9110 5): the names that TUX knows, and the walk over list-valued fields.
 * Parsing the lines out of a head is fields.c's work.
 */
#ifndef TUX_CORE_FIELD_H
#define TUX_CORE_FIELD_H

#include "span.h"

/* The field names that TUX looks at. Others are kept with TUX_FIELD_OTHER. */
enum tux_field_name {
	TUX_FIELD_OTHER,
	TUX_FIELD_ACCEPT,
	TUX_FIELD_ACCEPT_ENCODING,
	TUX_FIELD_CONNECTION,
	TUX_FIELD_CONTENT_LENGTH,
	TUX_FIELD_CONTENT_TYPE,
	TUX_FIELD_COOKIE,
	TUX_FIELD_DATE,
	TUX_FIELD_EXPECT,
	TUX_FIELD_FORWARDED,
	TUX_FIELD_HOST,
	TUX_FIELD_IF_MATCH,
	TUX_FIELD_IF_MODIFIED_SINCE,
	TUX_FIELD_IF_NONE_MATCH,
	TUX_FIELD_IF_RANGE,
	TUX_FIELD_IF_UNMODIFIED_SINCE,
	TUX_FIELD_KEEP_ALIVE,
	TUX_FIELD_LOCATION,
	TUX_FIELD_PROXY,
	TUX_FIELD_PROXY_AUTHENTICATE,
	TUX_FIELD_PROXY_AUTHORIZATION,
	TUX_FIELD_PROXY_CONNECTION,
	TUX_FIELD_RANGE,
	TUX_FIELD_REFERER,
	TUX_FIELD_STATUS,
	TUX_FIELD_TE,
	TUX_FIELD_TRAILER,
	TUX_FIELD_TRANSFER_ENCODING,
	TUX_FIELD_UPGRADE,
	TUX_FIELD_USER_AGENT,
	TUX_FIELD_X_ACCEL_REDIRECT,
	TUX_FIELD_X_FORWARDED_FOR,
	TUX_FIELD_X_FORWARDED_HOST,
	TUX_FIELD_X_FORWARDED_PROTO,
	TUX_FIELD_X_SENDFILE,
	TUX_FIELD_NAMES /* how many there are */
};

/* One field line: name and value are spans of the buffer the head was parsed in; the value has no
 * white space around it and may be empty. */
struct tux_field {
	struct tux_span name;
	struct tux_span value;
	uint8_t known; /* enum tux_field_name */
};

/*
 * The known name that the len bytes at buf + off spell, in any case; TUX_FIELD_OTHER if none.
 * off + len lies inside the buffer. Any context. RFC 9110 5.1.
 */
/*@ requires off + len <= 0xffffffff && \valid_read(buf + (off .. off + len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
enum tux_field_name tux_field_recognise(const uint8_t *buf, uint32_t off, uint32_t len);

/*
 * Whether the span of buf spells the lower-case ASCII text of text_len bytes, in any case.
 * Any context.
 */
/*@ requires span_readable(buf, span);
  @ requires \valid_read(text + (0 .. text_len - 1));
  @ requires \forall integer i; 0 <= i < text_len ==> 0 <= text[i];
  @ assigns \nothing;
  @ ensures \result ==> span.len == text_len;
  @*/
bool tux_field_equals(const uint8_t *buf, struct tux_span span, const char *text, uint32_t text_len);

/*
 * Takes the next element off a comma-separated list (RFC 9110 5.6.1): *rest is what is left of the
 * field value and moves behind the element; *element is the element without white space around
 * it. A comma in a quoted string does not separate. Empty elements are skipped. Returns false,
 * with *element empty, when the list is at its end. Any context.
 */
/*@ requires \valid(rest) && \valid(element) && \separated(rest, element);
  @ requires span_readable(buf, *rest);
  @ requires \separated(rest, buf + (rest->off .. rest->off + rest->len - 1));
  @ requires \separated(element, buf + (rest->off .. rest->off + rest->len - 1));
  @ assigns *rest, *element;
  @ ensures span_part(*element, \old(*rest)) && span_part(*rest, \old(*rest));
  @ ensures \result <==> element->len > 0;
  @ ensures \result ==> rest->len < \old(rest->len);
  @*/
bool tux_field_list_next(const uint8_t *buf, struct tux_span *rest, struct tux_span *element);

/*
 * The weight parameter of a list element such as "gzip;q=0.5" in thousandths (RFC 9110 12.4.2):
 * 1000 when there is none, 0 when it is malformed. *token is the part before the first ';', white
 * space trimmed. Any context.
 */
/*@ requires \valid(token);
  @ requires span_readable(buf, element);
  @ requires \separated(token, buf + (element.off .. element.off + element.len - 1));
  @ assigns *token;
  @ ensures span_part(*token, element);
  @ ensures \result <= 1000;
  @*/
uint32_t tux_field_weight(const uint8_t *buf, struct tux_span element, struct tux_span *token);

#endif
