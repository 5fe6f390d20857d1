/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restricts the process permanently: Landlock for files, seccomp for system calls. */
#ifndef TUX_PROGRAM_CONFINE_SANDBOX_H
#define TUX_PROGRAM_CONFINE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tux_sandbox {
	const int *root_fd;         /* directories whose files may be read */
	unsigned root_count;
	const char *const *log_directory; /* directories in which files may be created and written */
	unsigned log_directory_count;
	bool log_rotates;          /* files in log_directory may be renamed */
	const char *control_directory; /* directory in which files may be removed; NULL = none */
	int body_directory_fd;     /* directory in which unnamed files may be created, written and read; -1 = none */
	const uint16_t *ports;     /* TCP ports to which connections are allowed */
	unsigned port_count;
};

/* Types of sockets that may still be created, for upstream servers. */
struct tux_sandbox_sockets {
	bool tcp;
	bool unix_stream;
	bool pairs; /* connected pairs of Unix sockets, for processes of modules */
};

/*
 * Restricts the calling thread, and threads it starts later, to its files and ports; sets no_new_privs. Call it before any thread
 * starts. Writes the active restriction, or the reason for its absence, to summary: "landlock ABI 4". Returns false with a sentence
 * in error if the kernel supports it and it failed.
 */
bool tux_sandbox_files(const struct tux_sandbox *sandbox, char *summary, size_t summary_size, char *error, size_t error_size);

/*
 * Like tux_sandbox_files(), but for the system calls of all threads: "seccomp". Call it after every io_uring is open, because no
 * other can be created later.
 */
bool tux_sandbox_calls(const struct tux_sandbox_sockets *sockets, char *summary, size_t summary_size, char *error, size_t error_size);

/* True if the kernel has filters of system calls. */
bool tux_sandbox_has_seccomp(void);

#endif
