/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binary log: access records in the engines' own format, so that writing them needs no formatting. tux_log_convert() makes text
 * lines of them.
 */
#ifndef TUX_PROGRAM_LOG_BINARY_H
#define TUX_PROGRAM_LOG_BINARY_H

#include <stdbool.h>
#include <stdio.h>

#include "line.h"

/*
 * Precedes records: at each open of a file, and where a failed write may have truncated a record. It may stand between any two
 * records, so files can be joined with cat. All numbers have the byte order of the machine that wrote them.
 */
struct tux_log_header {
	uint32_t mark; /* TUX_LOG_MARK; a record begins with its size, which is always smaller */
	char name[4];  /* "TUXR" */
	uint32_t order; /* TUX_LOG_ORDER; shows the byte order of the machine that wrote it */
	uint16_t version;
	uint16_t record_bytes; /* size of the fixed part of a record */
};

#define TUX_LOG_MARK 0xfffffffeu
#define TUX_LOG_ORDER 0x01020304u

enum {
	TUX_LOG_VERSION = 3,     /* version that is written; the earlier ones can be read too */
	TUX_LOG_FIRST_BYTES = 64, /* size of the fixed part of a version 1 record; every version begins with these fields */
	TUX_LOG_SECOND_BYTES = 80, /* like TUX_LOG_FIRST_BYTES, but for version 2 */
};

/* Returns the header that this program writes. */
struct tux_log_header tux_log_header_make(void);

/*
 * Converts the records from fd to lines on out, until end of file. Flushes out after each read, so that it can follow a log. Skips
 * invalid data up to the next header. Reports invalid data, a truncated end and read errors on stderr with name, and then returns
 * false.
 */
bool tux_log_convert(int fd, const char *name, enum tux_log_style style, FILE *out);

#endif
