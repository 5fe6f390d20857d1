/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access log: one thread takes records from the engine and writes each host's lines to its file. */
#ifndef TUX_PROGRAM_LOG_LOG_H
#define TUX_PROGRAM_LOG_LOG_H

#include <sys/types.h>

#include "../../engine/engine.h"
#include "file.h"

struct tux_log;

/* Returns a log for a number of hosts, without files; NULL if out of memory. */
struct tux_log *tux_log_open(unsigned hosts);

/*
 * Opens a file for the records of a host, like tux_log_file_open(). Records of a host without a file are dropped. Several hosts may
 * share a file. Returns false with a sentence in error.
 */
bool tux_log_add(struct tux_log *log, unsigned host, const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                 size_t error_size);

/* Gives a host the file of another host. */
void tux_log_share(struct tux_log *log, unsigned host, unsigned other);

/*
 * Rotates each regular file before it would grow beyond bytes (0 = never): it becomes NAME.1, NAME.1 becomes NAME.2 and so on, up
 * to keep files. Call it before tux_log_start().
 */
void tux_log_rotate(struct tux_log *log, uint64_t bytes, unsigned keep);

/*
 * Fills directories with the absolute paths of the directories that a reopen writes to. It must have room for one path per host.
 * Returns their number.
 */
unsigned tux_log_directories(const struct tux_log *log, const char **directories);

/* Starts the thread. The engine must outlive it. Returns false with a sentence in error. */
bool tux_log_start(struct tux_log *log, struct tux_engine *engine, char *error, size_t error_size);

/* Requests a reopen of the files, as after a rotation. The log thread does it soon. */
void tux_log_reopen(struct tux_log *log);

/*
 * Writes all pending records, ends the thread if it runs, closes the files and frees the log. Call it after the engine has stopped.
 * Returns false after a few seconds if the log writes to a pipe and its reader does not read. The thread then still uses log and
 * engine; the caller can only exit.
 */
bool tux_log_close(struct tux_log *log);

#endif
