/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the head of a request that does not come from a client. */
#ifndef TUX_CORE_REQUEST_WRITE_H
#define TUX_CORE_REQUEST_WRITE_H

#include "span.h"

/*
 * Writes a request head to out (cap bytes): method, target, HTTP/1.1, Host unless host is empty, and field lines, each with its CRLF.
 * Returns the bytes written; 0 if they do not fit, if method or target is empty or has an octet that it cannot have, or if the lines
 * are not valid as tux_field_lines_valid() says. So none of the texts can begin another line than its own. Any context.
 * RFC 9112 2.1, 3.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && octets_readable(method) && octets_readable(target) && octets_readable(host);
  @ requires octets_readable(lines) && octets_apart(method, out, cap) && octets_apart(target, out, cap);
  @ requires octets_apart(host, out, cap) && octets_apart(lines, out, cap);
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_request_write(uint8_t *out, uint32_t cap, struct tux_octets method, struct tux_octets target, struct tux_octets host,
                           struct tux_octets lines);

#endif
