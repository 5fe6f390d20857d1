/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats text into a buffer of fixed size and returns the length actually written. snprintf() returns the length of the full
 * text.
 */
#ifndef TUX_ENGINE_IO_PRINT_H
#define TUX_ENGINE_IO_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Like snprintf(), but returns the bytes in out without the NUL: always less than size, which is 1 or more. */
size_t print(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like print(), but returns false and leaves out empty if the text does not fit. */
bool print_whole(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Writes the len bytes at text, and a NUL, to out of size bytes (1 or more), escaped as in access logs. Control characters,
 * quotes, backslashes and non-ASCII bytes become \xXX. Stops before the first one that does not fit. Returns the bytes without
 * the NUL.
 */
size_t print_escaped(char *out, size_t size, const uint8_t *text, size_t len);

#endif
