/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The start of a process of an isolated module. The spawner starts it like a program (program/cgi), with the configuration that it was forked
 * with: the server names only the module. The process executes this program again, as `tux module-host`, with the descriptors below.
 */
#ifndef TUX_PROGRAM_MODULES_PROCESS_H
#define TUX_PROGRAM_MODULES_PROCESS_H

#include "../../engine/config.h"

enum {
	TUX_MODULE_CONTROL_FD = 0, /* the socket to the server */
	TUX_MODULE_OBJECT_FD = 3,  /* a sealed copy of the module's file */
	TUX_MODULE_POLICY_FD = 4,  /* its configuration, in the texts of struct tux_module_policy */
	TUX_MODULE_ROOT_FD = 5,    /* its root directory, if it has one */
};

/* The order of texts in the configuration, each with its NUL. Pairs of keys and values follow. */
enum tux_module_text {
	TUX_MODULE_NAME,
	TUX_MODULE_FILE,
	TUX_MODULE_THREADS,  /* a number */
	TUX_MODULE_FLAGS,    /* a number: the bits below */
	TUX_MODULE_TEXTS
};

enum {
	TUX_MODULE_HAS_ROOT = 1,
	TUX_MODULE_PROGRAMS = 2,
	TUX_MODULE_WRITES = 4,
	TUX_MODULE_NETWORK = 8,
	TUX_MODULE_UNCONFINED = 16,
	TUX_MODULE_REQUIRES_SANDBOX = 32,
};

/*
 * Sets a kind of program for an isolated module, and copies the module's file. Call it with the privileges of the start. Returns false with
 * a sentence in error.
 */
bool tux_module_kind(struct tux_cgi *cgi, const struct tux_module_config *module, bool of_root, bool unconfined, char *error, size_t error_size);

/*
 * Executes the module host with an environment of count variables. Called in a new process with its user and limits. Returns an errno on failure.
 */
int tux_module_execute(const struct tux_cgi *cgi, const char *const *variable, unsigned count);

/* Installs the descriptors beside the standard streams, and closes all others. Returns false with errno. */
bool tux_module_descriptors(const struct tux_cgi *cgi);

#endif
