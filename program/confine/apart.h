/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work with private keys in a process of its own. OpenSSL and libc leave parts of keys in freed memory; that memory ends with the process. The
 * process ends with its parent, is in no core dump, and may have a limit of CPU time.
 */
#ifndef TUX_PROGRAM_CONFINE_APART_H
#define TUX_PROGRAM_CONFINE_APART_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	TUX_APART_TEXT = 1024,  /* room for the sentence of the process; a pipe takes more without a reader */
	TUX_APART_DONE = 0,     /* exit statuses */
	TUX_APART_FAILED = 1,   /* with a sentence */
};

/* The work. Runs in the new process. Returns the exit status; if it is not TUX_APART_DONE, a sentence is in error. */
typedef int tux_apart_work(void *owner, char *error, size_t error_size);

/* A running process. */
struct tux_apart {
	pid_t pid; /* 0: none */
	int fd;    /* of its sentence */
	const char *name;
};

/*
 * Starts the work in a process with this name, which outlives it. cpu_s: limit of CPU time in seconds; 0: none. Call it in a process with one
 * thread. Returns false with errno.
 */
bool tux_apart_start(struct tux_apart *apart, const char *name, unsigned cpu_s, tux_apart_work *work, void *owner);

/*
 * True if the process has ended, which is forgotten then. Sets its exit status, or TUX_APART_FAILED after a signal, and a sentence in error if it
 * is not TUX_APART_DONE. Never blocks.
 */
bool tux_apart_ended(struct tux_apart *apart, int *status, char *error, size_t error_size);

/* Like tux_apart_ended(), but waits until then. Returns the status. */
int tux_apart_await(struct tux_apart *apart, char *error, size_t error_size);

#endif
