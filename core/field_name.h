/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Field lines (RFC 9110 5): the known names, and iteration over list-valued fields. field_lines.c parses the lines of a head. */
#ifndef TUX_CORE_FIELD_NAME_H
#define TUX_CORE_FIELD_NAME_H

#include "span.h"

/* The field names that TUX evaluates. All others are TUX_FIELD_OTHER. */
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
	TUX_FIELD_NAMES /* number of names */
};

/* One field line: name and value are spans of the buffer the head was parsed in; the value has no
 * white space around it and may be empty. */
struct tux_field {
	struct tux_span name;
	struct tux_span value;
	uint8_t known; /* enum tux_field_name */
};

/*
 * Returns the known name that the len bytes at buf + off spell, in any case; TUX_FIELD_OTHER if it is unknown. off + len lies
 * inside the buffer. Any context. RFC 9110 5.1.
 */
/*@ requires off + len <= 0xffffffff && \valid_read(buf + (off .. off + len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
enum tux_field_name tux_field_recognise(const uint8_t *buf, uint32_t off, uint32_t len);

/* True if the span of buf spells the lower-case ASCII text of text_len bytes, in any case. Any context. */
/*@ requires span_readable(buf, span);
  @ requires \valid_read(text + (0 .. text_len - 1));
  @ requires \forall integer i; 0 <= i < text_len ==> 0 <= text[i];
  @ assigns \nothing;
  @ ensures \result ==> span.len == text_len;
  @*/
bool tux_field_equals(const uint8_t *buf, struct tux_span span, const char *text, uint32_t text_len);

/*
 * Removes the next element from a comma-separated list (RFC 9110 5.6.1). *rest is the remaining field value and moves after the
 * element. *element is the element without surrounding white space. A comma in a quoted string does not separate. Skips empty
 * elements. Returns false, with *element empty, at the end of the list. Any context.
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
 * Returns the weight of a list element such as "gzip;q=0.5" in thousandths (RFC 9110 12.4.2): 1000 if it has no weight, 0 if the
 * weight is malformed. *token is the part before the first ';', white space trimmed. Any context.
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
