/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what the user asked for, checked, and nothing done yet. */
#ifndef TUX_PROGRAM_COMMAND_H
#define TUX_PROGRAM_COMMAND_H

#include <stdio.h>

#include "../engine/engine.h"

enum { TUX_DEFAULT_CACHE_ENTRIES = 16384 };

enum tux_verb {
	TUX_VERB_USAGE, /* nothing was asked for: say what there is */
	TUX_VERB_HELP,
	TUX_VERB_HELP_SERVE,
	TUX_VERB_VERSION,
	TUX_VERB_SERVE,
	TUX_VERB_STATUS,
};

/* Whether the kernel engine is wanted. */
enum tux_kernel_wish {
	TUX_KERNEL_AUTO, /* where it can be had */
	TUX_KERNEL_ALWAYS,
	TUX_KERNEL_NEVER,
};

struct tux_command {
	enum tux_verb verb;
	const char *directory;
	const char *listen[TUX_MAX_LISTENERS]; /* as written; none: the default addresses, or the sockets passed */
	unsigned listen_count;
	const char *log;  /* a file name, "-" for the standard output; NULL: off */
	const char *user; /* NULL: not said */
	bool sandbox;
	uint32_t drain_timeout_ms;
	enum tux_kernel_wish kernel;
	/* What the engine is told. threads 0: as many as there are CPUs. Its root_fd, kernel_fd, listeners, records and
	 * etag_key are left to serve.c. */
	struct tux_engine_config engine;
};

/*
 * Reads the arguments into *command, whose texts then point into argv, which getopt reorders.
 * False with a sentence for the user in error. Not thread-safe.
 */
bool tux_command_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size);

/* The texts of `tux`, and of `tux help` and `tux help serve`. */
void tux_command_usage(FILE *out);
void tux_command_help(FILE *out);
void tux_command_help_serve(FILE *out);

#endif
