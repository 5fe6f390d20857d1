/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fields of a request that a module asks for, and its reply: what the interface of modules permits, the same in both engines. */
#ifndef TUX_CORE_MODULE_REPLY_H
#define TUX_CORE_MODULE_REPLY_H

#include "field_lines.h"
#include "response.h"

enum {
	TUX_MAX_REPLY_TYPE = 255,      /* bytes of a Content-Type */
	TUX_MAX_REPLY_LOCATION = 8192, /* bytes of a Location */
};

/* Replies that write a field themselves. */
enum tux_reply_field_kind {
	TUX_REPLY_FIELD_ALWAYS = 1, /* all do */
	TUX_REPLY_FIELD_LOCATION = 2,
	TUX_REPLY_FIELD_ETAG = 4,
	TUX_REPLY_FIELD_LAST_MODIFIED = 8,
	TUX_REPLY_FIELD_CONTENT_RANGE = 16,
	TUX_REPLY_FIELD_LIST_OF_FILE = 32, /* a field that may have several lines */
};

enum tux_reply_check {
	TUX_REPLY_VALID,
	TUX_REPLY_INVALID,
	TUX_REPLY_LONG, /* the field lines together would be longer than TUX_MAX_FIELD_LINES */
};

/* Returns the index of the first line with this name, in any case; fields->count if it is missing. Any context. RFC 9110 5.1. */
/*@ requires fields_readable(buf, fields) && octets_readable(name);
  @ assigns \nothing;
  @ ensures \result <= fields->count;
  @*/
uint32_t tux_module_field(const uint8_t *buf, const struct tux_field_lines *fields, struct tux_octets name);

/* Returns the kind of a field; 0 if no reply writes it. Any context. */
/*@ requires octets_readable(name);
  @ assigns \nothing;
  @ ensures \result <= TUX_REPLY_FIELD_LIST_OF_FILE;
  @*/
uint8_t tux_reply_field_kind(struct tux_octets name);

/*
 * Checks a field before it is added to the used bytes of field lines. added is the set of kinds of those that were added before, and *kind
 * the kind of this one. tux_field_line() checks the octets. Any context.
 */
/*@ requires octets_readable(name) && \valid(kind) && \separated(kind, name.at + (0 .. name.len - 1));
  @ assigns *kind;
  @ ensures *kind <= TUX_REPLY_FIELD_LIST_OF_FILE;
  @ ensures \result == TUX_REPLY_VALID ==> used + name.len + value_len + 4 <= TUX_MAX_FIELD_LINES;
  @ ensures \result == TUX_REPLY_VALID ==> *kind != TUX_REPLY_FIELD_ALWAYS;
  @*/
enum tux_reply_check tux_reply_field_check(struct tux_octets name, uint32_t value_len, uint32_t used, uint8_t added, uint8_t *kind);

/* True if a reply may have this status, and this Content-Type: 200 to 599, visible ASCII and spaces. Any context. */
/*@ requires octets_readable(type);
  @ assigns \nothing;
  @ ensures \result ==> 200 <= status <= 599 && type.len <= TUX_MAX_REPLY_TYPE;
  @ ensures \result ==> \forall integer i; 0 <= i < type.len ==> 0x20 <= type.at[i] <= 0x7e;
  @*/
bool tux_reply_head_valid(uint32_t status, struct tux_octets type);

/* True if a redirect may have this status and this Location: visible ASCII. Any context. RFC 9110 15.4. */
/*@ requires octets_readable(location);
  @ assigns \nothing;
  @ ensures \result ==> 301 <= status <= 308 && 0 < location.len <= TUX_MAX_REPLY_LOCATION;
  @ ensures \result ==> \forall integer i; 0 <= i < location.len ==> 0x21 <= location.at[i] <= 0x7e;
  @*/
bool tux_reply_redirect_valid(uint32_t status, struct tux_octets location);

#endif
