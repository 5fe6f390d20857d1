/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of the access log: lines gathered, written, rotated. A failing disk never stops serving. */
#ifndef TUX_PROGRAM_LOG_FILE_H
#define TUX_PROGRAM_LOG_FILE_H

#include <sys/types.h>

#include "../confine/user.h"
#include "line.h"

struct tux_log_file;

/* What is written for each request. */
enum tux_log_format {
	TUX_LOG_FORMAT_AUTO, /* lines for people on a terminal, else the Combined Log Format */
	TUX_LOG_FORMAT_COMBINED,
	TUX_LOG_FORMAT_JSON,
	TUX_LOG_FORMAT_BINARY, /* log_binary.h */
};

/* The style that a format means for a descriptor that is written to; in colour unless that is not wanted (no-color.org). */
enum tux_log_style tux_log_style_for(enum tux_log_format format, int fd);

/*
 * Opens a file by its name, or the standard output by "-". A file's directory is remembered by its absolute path, so that it
 * opens again whatever the working directory is then. user, who stays, writes it (destination.h). NULL with a sentence in error.
 */
struct tux_log_file *tux_log_file_open(const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                                       size_t error_size);

/* Whether both are one file. */
bool tux_log_file_same(const struct tux_log_file *file, const struct tux_log_file *other);

/* From now on it is rotated before it would grow beyond bytes, as tux_log_rotate() says. */
void tux_log_file_rotate(struct tux_log_file *file, uint64_t bytes, unsigned keep);

/* The absolute path of its directory; NULL on the standard output. */
const char *tux_log_file_directory(const struct tux_log_file *file);

/* Whether its lines are for people, who are not to wait for more of them. */
bool tux_log_file_for_people(const struct tux_log_file *file);

/* Adds the line of a record, whose texts are at text. It may be written later, with others. The log's thread, as what follows. */
void tux_log_file_add(struct tux_log_file *file, const struct tux_record *record, const uint8_t *text);

/* Writes what was added. Returns how many lines were lost since the last call. */
unsigned tux_log_file_flush(struct tux_log_file *file);

/* Opens it again, as after a rotation. */
void tux_log_file_reopen(struct tux_log_file *file);

/* Lines that were written to their end. Any thread. */
uint64_t tux_log_file_written(const struct tux_log_file *file);

void tux_log_file_close(struct tux_log_file *file);

#endif
