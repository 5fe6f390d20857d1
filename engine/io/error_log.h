/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The error log, for engine threads. */
#ifndef TUX_ENGINE_IO_ERROR_LOG_H
#define TUX_ENGINE_IO_ERROR_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { SAY_BYTES = 1024 }; /* of a text in one line; what is beyond is left out */

/*
 * Writes the line "tux: FRONT TEXT" to the standard error, the text's len bytes without what a terminal would take for an order.
 * Never waits: false if it is lost.
 */
bool say(const char *front, const char *text, uint32_t len);

#endif
