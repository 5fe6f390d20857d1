/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* Numbers with units, as people write and read them: "64K", "1.5" seconds, "1.2 GB", "12,345". */
#ifndef TUX_PROGRAM_SETTINGS_UNITS_H
#define TUX_PROGRAM_SETTINGS_UNITS_H

#include "../../core/span.h"

enum { TUX_VALUE_TEXT = 32 }; /* bytes that hold any of the texts written here, NUL included */

/* For the proof: text_from(): a text has its NUL at an offset or after it. text_written(): the output has a NUL. */
/*@ predicate text_from{L}(char *text, integer at) =
  @   \exists integer n; 0 <= at <= n < 0xffffffff && text[n] == 0 && \valid_read(text + (0 .. n));
  @ predicate text_written{L}(char *out) = \exists integer n; 0 <= n < TUX_VALUE_TEXT && out[n] == 0;
  @*/

/* Reads a decimal number from min to max, without anything before or after it. */
/*@ requires text_from(text, 0) && \valid(value);
  @ assigns *value;
  @ ensures \result ==> min <= *value <= max;
  @*/
bool tux_value_count(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Like tux_value_count(), but with an optional K, M, G or T (any case, powers of 1024, "KiB" too). */
/*@ requires text_from(text, 0) && \valid(bytes);
  @ assigns *bytes;
  @ ensures \result ==> min <= *bytes <= max;
  @*/
bool tux_value_size(const char *text, uint64_t min, uint64_t max, uint64_t *bytes);

/* Reads mode bits in octal ("0004", "1111"), from 0 to 07777. */
/*@ requires text_from(text, 0) && \valid(mode);
  @ assigns *mode;
  @ ensures *mode <= 07777;
  @*/
bool tux_value_mode(const char *text, uint16_t *mode);

/* Reads seconds with up to three decimals ("20", "0.5") from min_ms to max_ms milliseconds. */
/*@ requires text_from(text, 0) && \valid(ms);
  @ assigns *ms;
  @ ensures \result ==> min_ms <= *ms <= max_ms;
  @*/
bool tux_value_seconds(const char *text, uint32_t min_ms, uint32_t max_ms, uint32_t *ms);

/* Writes a count with commas: "12,345". */
/*@ requires \valid(out + (0 .. TUX_VALUE_TEXT - 1));
  @ assigns out[0 .. TUX_VALUE_TEXT - 1];
  @ ensures text_written(out);
  @*/
void tux_value_write_count(uint64_t count, char out[TUX_VALUE_TEXT]);

/* Writes bytes in powers of 1000, truncated: "512 B", "1.2 GB". */
/*@ requires \valid(out + (0 .. TUX_VALUE_TEXT - 1));
  @ assigns out[0 .. TUX_VALUE_TEXT - 1];
  @ ensures text_written(out);
  @*/
void tux_value_write_bytes(uint64_t bytes, char out[TUX_VALUE_TEXT]);

/* Writes a time of us microseconds: "0.08 ms", "12.3 ms", "4.5 s", "12 s", "3 min 5 s", "2 h 3 min". */
/*@ requires \valid(out + (0 .. TUX_VALUE_TEXT - 1));
  @ assigns out[0 .. TUX_VALUE_TEXT - 1];
  @ ensures text_written(out);
  @*/
void tux_value_write_time(uint64_t us, char out[TUX_VALUE_TEXT]);

#endif
