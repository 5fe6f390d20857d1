/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes one field line whose name and value come from elsewhere. */
#ifndef TUX_CORE_FIELD_LINE_H
#define TUX_CORE_FIELD_LINE_H

#include "span.h"

/*
 * Writes a field line and its CRLF to out (cap bytes). Returns the bytes written; 0 if they do not fit, if the name is no token, or if the
 * value has an octet other than visible ASCII, space and tab. So a value cannot begin another line. Any context. RFC 9110 5.1, 5.5.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && octets_readable(name) && octets_readable(value);
  @ requires octets_apart(name, out, cap) && octets_apart(value, out, cap);
  @ assigns out[0 .. cap - 1];
  @ ensures \result == 0 || \result == name.len + value.len + 4 <= cap;
  @ ensures \result > 0 ==> name.len > 0 && out[\result - 2] == '\r' && out[\result - 1] == '\n';
  @ ensures \result > 0 ==> \forall integer i; 0 <= i < \result - 2 ==> out[i] == '\t' || 0x20 <= out[i] <= 0x7e;
  @*/
uint32_t tux_field_line(uint8_t *out, uint32_t cap, struct tux_octets name, struct tux_octets value);

#endif
