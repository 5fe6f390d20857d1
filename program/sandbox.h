/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel lets the process do from here on, whatever becomes of it: Landlock for files, seccomp for system calls. */
#ifndef TUX_PROGRAM_SANDBOX_H
#define TUX_PROGRAM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tux_sandbox {
	const int *root_fd;         /* may be read beneath */
	unsigned root_count;
	const char *const *log_directory; /* files may be made and written in */
	unsigned log_directory_count;
	bool log_rotates;          /* and be renamed there */
	const char *control_directory; /* files may be removed in; NULL: none */
	int body_directory_fd;     /* files without names may be made, written and read in; -1: none */
	const uint16_t *ports;     /* of TCP servers that may be connected to */
	unsigned port_count;
	bool connects;             /* there are servers, of TCP or of Unix sockets */
};

/*
 * Confines the calling thread and those it starts; no_new_privs is set. Writes what is in force, and
 * what is not and why, to summary: "landlock ABI 4, seccomp". False with a sentence in error when a
 * part that the kernel has could not be put in force. Before there are threads.
 */
bool tux_sandbox_enter(const struct tux_sandbox *sandbox, char *summary, size_t summary_size, char *error,
                       size_t error_size);

#endif
