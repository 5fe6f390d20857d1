/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The error log, for engine threads. */
#ifndef TUX_ENGINE_IO_ERROR_LOG_H
#define TUX_ENGINE_IO_ERROR_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { SAY_BYTES = 1024 }; /* maximum bytes of a text in one line; the rest is omitted */

/*
 * Writes the line "tux: FRONT TEXT" to standard error. Replaces bytes that could control a terminal. Never blocks.
 * Returns false if the line is lost.
 */
bool say(const char *front, const char *text, uint32_t len);

#endif
