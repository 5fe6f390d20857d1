/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The binary log: access records as the engines make them, which cost nothing to write; and its way back into lines. */
#ifndef TUX_PROGRAM_LOG_BINARY_H
#define TUX_PROGRAM_LOG_BINARY_H

#include <stdbool.h>
#include <stdio.h>

#include "line.h"

/*
 * Stands in front of records: whenever a file is opened, and where a failed write may have cut one off. It may be anywhere
 * between records, so that files can be joined with cat. All numbers are in the order of the machine that wrote them.
 */
struct tux_log_header {
	uint32_t mark; /* TUX_LOG_MARK: a record begins with its size, which is never that large */
	char name[4];  /* "TUXR" */
	uint32_t order; /* TUX_LOG_ORDER, told from that of a machine with the other byte order */
	uint16_t version;
	uint16_t record_bytes; /* of the fixed part of a record */
};

#define TUX_LOG_MARK 0xfffffffeu
#define TUX_LOG_ORDER 0x01020304u

enum {
	TUX_LOG_VERSION = 2,     /* that is written; 1 is read too */
	TUX_LOG_FIRST_BYTES = 64, /* of the fixed part of a record of version 1, which is how that of each version begins */
};

/* The header that this program writes. */
struct tux_log_header tux_log_header_make(void);

/*
 * Writes the lines of the records that come from fd, until its end, to out, and after each read what there is, so that it can
 * follow a log. What is not a record is skipped up to the next header; that, a cut end and what cannot be read is said on
 * stderr with name. False if something was.
 */
bool tux_log_convert(int fd, const char *name, enum tux_log_style style, FILE *out);

#endif
