/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers with units, as people write and read them: "64K", "1.5" seconds, "1.2 GB", "12,345". */
#ifndef TUX_PROGRAM_SETTINGS_UNITS_H
#define TUX_PROGRAM_SETTINGS_UNITS_H

#include "../../core/types.h"

enum { TUX_VALUE_TEXT = 32 }; /* bytes that hold any of the texts written here, NUL included */

/* A decimal number from min to max, nothing around it. */
bool tux_value_count(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* The same with an optional K, M, G or T behind it (any case, powers of 1024, "KiB" too). */
bool tux_value_size(const char *text, uint64_t min, uint64_t max, uint64_t *bytes);

/* Mode bits in octal ("0004", "1111"), from 0 to 07777. */
bool tux_value_mode(const char *text, uint16_t *mode);

/* Seconds with up to three decimals ("20", "0.5") from min_ms to max_ms milliseconds. */
bool tux_value_seconds(const char *text, uint32_t min_ms, uint32_t max_ms, uint32_t *ms);

/* Writes count with commas, "12,345"; bytes as "512 B" or "1.2 GB" (powers of 1000); a time as
 * "0.08 ms", "12.3 ms", "4.5 s", "12 s", "3 min 5 s", "2 h 3 min". */
void tux_value_write_count(uint64_t count, char out[TUX_VALUE_TEXT]);
void tux_value_write_bytes(uint64_t bytes, char out[TUX_VALUE_TEXT]);
void tux_value_write_time(uint64_t us, char out[TUX_VALUE_TEXT]);

#endif
