/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An access record as a line of text: for people, or in the Combined Log Format. */
#ifndef TUX_PROGRAM_LOG_LINE_H
#define TUX_PROGRAM_LOG_LINE_H

#include "../core/record.h"

enum tux_log_style {
	TUX_LOG_COMBINED,
	TUX_LOG_PLAIN,  /* for people */
	TUX_LOG_COLOUR, /* for people, on a terminal */
};

/* Bytes of the longest line: every byte of every text escaped, and what stands between them. */
enum { TUX_LOG_LINE_MAX = 4 * TUX_RECORD_MAX + 512 };

/* What is kept from line to line; zeroed at first. */
struct tux_log_clock {
	int64_t second; /* that text is of, since 1970 */
	char text[40];
	bool filled;
};

/*
 * Writes the line of one record, whose texts stand at text, with its newline to out, which has room for
 * TUX_LOG_LINE_MAX bytes; returns its bytes. Whatever a client sent, no control character, quote or
 * backslash of it comes into the line unescaped. The caller has checked that the lengths in
 * record fit what is at text. One style for one clock.
 */
size_t tux_log_line(enum tux_log_style style, struct tux_log_clock *clock, const struct tux_record *record,
                    const uint8_t *text, char *out);

#endif
