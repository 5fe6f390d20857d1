/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel lets the process do from here on, whatever becomes of it: Landlock for files, seccomp for system calls. */
#ifndef TUX_PROGRAM_CONFINE_SANDBOX_H
#define TUX_PROGRAM_CONFINE_SANDBOX_H

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
};

/* The sockets that are still made: to upstream servers. */
struct tux_sandbox_sockets {
	bool tcp;
	bool unix_stream;
};

/*
 * Confines the calling thread and those it starts to its files and ports; no_new_privs is set. Before there are threads. Writes what is
 * in force, or why nothing is, to summary: "landlock ABI 4". Returns false with a sentence in error if the kernel has it and it failed.
 */
bool tux_sandbox_files(const struct tux_sandbox *sandbox, char *summary, size_t summary_size, char *error, size_t error_size);

/* Like tux_sandbox_files(), but for the system calls of all threads: "seccomp". After every io_uring is open, since no other can be. */
bool tux_sandbox_calls(const struct tux_sandbox_sockets *sockets, char *summary, size_t summary_size, char *error, size_t error_size);

#endif
