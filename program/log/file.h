/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file of the access log: buffers, writes and rotates. A disk error never stops serving. */
#ifndef TUX_PROGRAM_LOG_FILE_H
#define TUX_PROGRAM_LOG_FILE_H

#include <sys/types.h>

#include "../confine/user.h"
#include "line.h"

struct tux_log_file;

/* The format of each request's log entry. */
enum tux_log_format {
	TUX_LOG_FORMAT_AUTO, /* plain lines on a terminal, else the Combined Log Format */
	TUX_LOG_FORMAT_COMBINED,
	TUX_LOG_FORMAT_JSON,
	TUX_LOG_FORMAT_BINARY, /* see binary.h */
};

/* Returns the style of a format for a descriptor. On a terminal it is coloured, unless NO_COLOR disables that (no-color.org). */
enum tux_log_style tux_log_style_for(enum tux_log_format format, int fd);

/*
 * Opens a file by its name, or the standard output for "-". Stores the absolute path of the file's directory, so that a later
 * reopen does not depend on the working directory. user owns the file (destination.h) and must outlive it. Returns NULL with a
 * sentence in error.
 */
struct tux_log_file *tux_log_file_open(const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                                       size_t error_size);

/* Returns its absolute path, by which files are compared; NULL for the standard output. */
const char *tux_log_file_path(const struct tux_log_file *file);

/* Rotates the file from now on before it would grow beyond bytes; see tux_log_rotate(). */
void tux_log_file_rotate(struct tux_log_file *file, uint64_t bytes, unsigned keep);

/* Returns the absolute path of its directory; NULL for the standard output. */
const char *tux_log_file_directory(const struct tux_log_file *file);

/* True if people read the lines, which must not be delayed. */
bool tux_log_file_for_people(const struct tux_log_file *file);

/* A buffer of lines that are not written yet. A file needs one only between its first record of a batch and the flush. */
struct tux_log_lines;

/* Returns a buffer, which free() frees; NULL if out of memory. */
struct tux_log_lines *tux_log_lines_new(void);

/* True if the file has a buffer. */
bool tux_log_file_has_lines(const struct tux_log_file *file);

/* Gives an empty buffer to a file until the next flush. Only the log thread calls this function and those below. */
void tux_log_file_lend(struct tux_log_file *file, struct tux_log_lines *lines);

/* Adds the line of a record, whose texts are at text, to the buffer. A later call may write it. */
void tux_log_file_add(struct tux_log_file *file, const struct tux_access_record *record, const uint8_t *text);

/* Writes the buffered lines, and takes the buffer from the file. Returns the number of lines lost since the last call. */
unsigned tux_log_file_flush(struct tux_log_file *file);

/* Reopens the file, as after a rotation. */
void tux_log_file_reopen(struct tux_log_file *file);

/* Returns the number of completely written lines. Any thread. */
uint64_t tux_log_file_written(const struct tux_log_file *file);

void tux_log_file_close(struct tux_log_file *file);

#endif
