/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restricts the process of an isolated module permanently. It runs code that its user wrote, so less is known of it than of the server. */
#ifndef TUX_PROGRAM_CONFINE_MODULE_SANDBOX_H
#define TUX_PROGRAM_CONFINE_MODULE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct tux_module_policy {
	bool has_root; /* files beneath "/" may be read; else no file can be opened any more */
	bool programs; /* processes may be started, and files beneath "/" executed */
	bool writes;   /* files beneath "/" may be changed */
	bool network;  /* sockets may be opened */
};

/* The parts of the sandbox that are in force. Zero-initialize before use. */
struct tux_module_sandbox {
	unsigned landlock_abi; /* 0: this kernel has none */
	bool seccomp;
};

/* Restricts files, and TCP ports, if the kernel supports it. Call it before any thread starts. Returns false with a sentence in error. */
bool tux_module_sandbox_files(const struct tux_module_policy *policy, struct tux_module_sandbox *sandbox, char *error, size_t error_size);

/*
 * Forbids system calls that reach other processes or the kernel, if the kernel supports it. Call it before the module is loaded, so that its
 * load() leaves no process outside of the sandbox. Returns false with a sentence in error.
 */
bool tux_module_sandbox_begin(const struct tux_module_policy *policy, struct tux_module_sandbox *sandbox, char *error, size_t error_size);

/* Forbids the rest of them, for all threads: those that load() and start() may use. Returns false with a sentence in error. */
bool tux_module_sandbox_calls(const struct tux_module_policy *policy, char *error, size_t error_size);

#endif
