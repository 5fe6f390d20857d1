/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A named value of the server for a backend: a field line of a head, or a variable of a CGI program. */
#ifndef TUX_CORE_NAMED_VALUE_H
#define TUX_CORE_NAMED_VALUE_H

#include "span.h"

/*
 * Writes "NAME: value" and CRLF, or "NAME=value" and NUL, to out (cap bytes). Returns the bytes written; 0 if they do not fit, or if an octet
 * of the value is not permitted in a field. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && text_readable(name) && octets_readable(value) && octets_apart(value, out, cap);
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_named_field(uint8_t *out, uint32_t cap, struct tux_text name, struct tux_octets value);

/*@ requires \valid(out + (0 .. cap - 1)) && text_readable(name) && octets_readable(value) && octets_apart(value, out, cap);
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_named_variable(uint8_t *out, uint32_t cap, struct tux_text name, struct tux_octets value);

#endif
