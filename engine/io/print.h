/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Formats text into a buffer of fixed size and returns the length actually written, where snprintf() returns the length of the full
 * text. Writes text from elsewhere escaped.
 */
#ifndef TUX_ENGINE_IO_PRINT_H
#define TUX_ENGINE_IO_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../core/escape.h"

/* Like snprintf(), but returns the bytes in out without the NUL: always less than size, which is 1 or more. */
size_t print(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like print(), but returns false and leaves out empty if the text does not fit. */
bool print_whole(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes the len bytes at text to a file, escaped (core/escape.h). */
void file_put_escaped(FILE *out, enum tux_escape how, const char *text, size_t len);

#endif
