/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access log: one thread that takes records from the engine and writes lines. */
#ifndef TUX_PROGRAM_LOG_H
#define TUX_PROGRAM_LOG_H

#include <sys/types.h>

#include "../engine/engine.h"
#include "log_line.h"

struct tux_log;

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
 * Opens the log: a file name, or "-" for the standard output. A file's directory is remembered by its absolute path, so that it opens again
 * whatever the working directory is then. NULL with a sentence in error.
 */
struct tux_log *tux_log_open(const char *name, enum tux_log_format format, char *error, size_t error_size);

/*
 * From now on the file is rotated before it would grow beyond bytes (0: never): renamed to NAME.1, that to NAME.2 and so on, keep of
 * them. Only a regular file is. Before the thread is started.
 */
void tux_log_rotate(struct tux_log *log, uint64_t bytes, unsigned keep);

/* Gives the file to the user that will write it, so that opening it again works without privileges. */
void tux_log_give(struct tux_log *log, uid_t uid, gid_t gid);

/* The absolute path of the directory that opening again writes to; NULL on the standard output. */
const char *tux_log_directory(const struct tux_log *log);

/* Starts the thread. The engine outlives it. False with a sentence in error. */
bool tux_log_start(struct tux_log *log, struct tux_engine *engine, char *error, size_t error_size);

/* Opens the file again, as after a rotation; by the log's thread, soon. */
void tux_log_reopen(struct tux_log *log);

/*
 * Writes all records that there are, ends the thread if it was started, closes the file and frees the log.
 * The engine has stopped. False, after a few seconds, if nobody reads the pipe that the log goes to: the
 * thread then still uses log and engine, and all that is left is to exit.
 */
bool tux_log_close(struct tux_log *log);

#endif
