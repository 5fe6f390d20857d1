/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access log: one thread that takes records from the engine and writes lines, for each site to its file. */
#ifndef TUX_PROGRAM_LOG_LOG_H
#define TUX_PROGRAM_LOG_LOG_H

#include <sys/types.h>

#include "../../engine/engine.h"
#include "file.h"

struct tux_log;

/* A log for so many sites, without a file yet. NULL: there is no memory. */
struct tux_log *tux_log_open(unsigned sites);

/* The records of a site go to a file, as tux_log_file_open() has it; without this, nowhere. A file may be that of several sites. */
bool tux_log_add(struct tux_log *log, unsigned site, const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                 size_t error_size);

/*
 * From now on each file is rotated before it would grow beyond bytes (0: never): renamed to NAME.1, that to NAME.2 and so on, keep of
 * them. Only a regular file is. Before the thread is started.
 */
void tux_log_rotate(struct tux_log *log, uint64_t bytes, unsigned keep);

/* The absolute paths of the directories that opening again writes to, into room for as many as there are sites; how many. */
unsigned tux_log_directories(const struct tux_log *log, const char **directories);

/* Starts the thread. The engine outlives it. False with a sentence in error. */
bool tux_log_start(struct tux_log *log, struct tux_engine *engine, char *error, size_t error_size);

/* Opens the files again, as after a rotation; by the log's thread, soon. */
void tux_log_reopen(struct tux_log *log);

/*
 * Writes all records that there are, ends the thread if it was started, closes the files and frees the log.
 * The engine has stopped. False, after a few seconds, if nobody reads a pipe that the log goes to: the
 * thread then still uses log and engine, and all that is left is to exit.
 */
bool tux_log_close(struct tux_log *log);

#endif
