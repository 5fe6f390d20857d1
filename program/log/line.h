/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formats an access record: a plain line, the Combined Log Format, JSON, or the binary record. */
#ifndef TUX_PROGRAM_LOG_LINE_H
#define TUX_PROGRAM_LOG_LINE_H

#include "../../core/access_record.h"

enum tux_log_style {
	TUX_LOG_COMBINED,
	TUX_LOG_PLAIN,  /* for people */
	TUX_LOG_COLOUR, /* for people, on a terminal */
	TUX_LOG_JSON,   /* an object on each line */
	TUX_LOG_BINARY, /* the record itself, without a newline: binary.h */
};

/* Bytes of the longest line: every byte of every text escaped, plus the separators. */
enum { TUX_LOG_LINE_MAX = 6 * TUX_ACCESS_RECORD_MAX + 512 };

/* The formatted time, cached between lines. Zero-initialize before use. */
struct tux_log_clock {
	int64_t second; /* seconds since 1970 that text shows */
	char text[40];
	bool filled;
};

/*
 * Writes the line of one record and its newline to out, which has room for TUX_LOG_LINE_MAX bytes. The texts of the record are at
 * text. Returns the bytes written. Escapes every control character, quote and backslash from a client. JSON writes each non-ASCII
 * byte as \u00XX, whatever its encoding, so that a line is always valid JSON and no byte is lost. The time in JSON is UTC (RFC
 * 3339). The caller has checked that the lengths in record match text. Use each clock with one style only.
 */
size_t tux_log_line(enum tux_log_style style, struct tux_log_clock *clock, const struct tux_access_record *record,
                    const uint8_t *text, char *out);

#endif
