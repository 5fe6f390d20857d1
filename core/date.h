/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP dates (RFC 9110 5.6.7): written in one format, read in three. */
#ifndef TUX_CORE_DATE_H
#define TUX_CORE_DATE_H

#include "types.h"

enum { TUX_DATE_LEN = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/*
 * Writes the IMF-fixdate of seconds since 1970 UTC: TUX_DATE_LEN bytes, no NUL. Clamps seconds to the years 1970 to 9999. Any
 * context.
 */
/*@ requires \valid(out + (0 .. TUX_DATE_LEN - 1));
  @ assigns out[0 .. TUX_DATE_LEN - 1];
  @*/
void tux_date_format(int64_t seconds, uint8_t out[TUX_DATE_LEN]);

/*
 * Reads an IMF-fixdate, RFC 850 date or asctime date of exactly len bytes into *seconds since
 * 1970. now resolves the two-digit year of RFC 850 (more than 50 years ahead means the century
 * before). False, with *seconds 0, for anything else. Any context.
 */
/*@ requires \valid_read(text + (0 .. len - 1)) && \valid(seconds) && \separated(seconds, text + (0 .. len - 1));
  @ assigns *seconds;
  @ ensures !\result ==> *seconds == 0;
  @*/
bool tux_date_parse(const uint8_t *text, uint32_t len, int64_t now, int64_t *seconds);

#endif
