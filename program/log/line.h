/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An access record as a line of text: for people, in the Combined Log Format, or as JSON; or as it is. */
#ifndef TUX_PROGRAM_LOG_LINE_H
#define TUX_PROGRAM_LOG_LINE_H

#include "../../core/record.h"

enum tux_log_style {
	TUX_LOG_COMBINED,
	TUX_LOG_PLAIN,  /* for people */
	TUX_LOG_COLOUR, /* for people, on a terminal */
	TUX_LOG_JSON,   /* an object on each line */
	TUX_LOG_BINARY, /* the record itself, without a newline: log_binary.h */
};

/* Bytes of the longest line: every byte of every text escaped, and what stands between them. */
enum { TUX_LOG_LINE_MAX = 6 * TUX_RECORD_MAX + 512 };

/* What is kept from line to line; zeroed at first. */
struct tux_log_clock {
	int64_t second; /* that text is of, since 1970 */
	char text[40];
	bool filled;
};

/*
 * Writes the line of one record, whose texts stand at text, with its newline to out, which has room for
 * TUX_LOG_LINE_MAX bytes; returns its bytes. Whatever a client sent, no control character, quote or
 * backslash of it comes into the line unescaped. JSON has a byte that is not ASCII as \u00XX, whatever
 * encoding the client meant, so that a line is always JSON and no byte is lost; its time is UTC (RFC 3339).
 * The caller has checked that the lengths in record fit what is at text. One style for one clock.
 */
size_t tux_log_line(enum tux_log_style style, struct tux_log_clock *clock, const struct tux_record *record,
                    const uint8_t *text, char *out);

#endif
