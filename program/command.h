/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what the user asked for, checked, and nothing done yet. */
#ifndef TUX_PROGRAM_COMMAND_H
#define TUX_PROGRAM_COMMAND_H

#include <stdio.h>

#include "../engine/engine.h"
#include "log.h"
#include "routes.h"

enum { TUX_DEFAULT_CACHE_ENTRIES = 16384 };

enum tux_verb {
	TUX_VERB_USAGE, /* nothing was asked for: say what there is */
	TUX_VERB_HELP,
	TUX_VERB_HELP_SERVE,
	TUX_VERB_VERSION,
	TUX_VERB_SERVE,
	TUX_VERB_CHECK,
	TUX_VERB_STATUS,
	TUX_VERB_LOG,
};

/* Whether the kernel engine is wanted. */
enum tux_kernel_wish {
	TUX_KERNEL_AUTO, /* where it can be had */
	TUX_KERNEL_ALWAYS,
	TUX_KERNEL_NEVER,
};

struct tux_command {
	enum tux_verb verb;
	const char *config;    /* the name of a file with options; NULL: none */
	const char *directory;
	const char *listen[TUX_MAX_LISTENERS]; /* as written; none: the default addresses, or the sockets passed */
	unsigned listen_count;
	const char *log;  /* a file name, "-" for the standard output; NULL: off */
	enum tux_log_format log_format;
	uint64_t log_rotate; /* bytes of the log's file, from which on a new one is begun; 0: it is not rotated */
	uint32_t log_keep;   /* files that were rotated */
	char **log_files; /* of `tux log`: binary logs, up to a NULL; none: the standard input */
	const char *user; /* NULL: not said */
	bool sandbox;
	uint32_t drain_timeout_ms;
	enum tux_kernel_wish kernel;
	struct tux_route_table routes;
	struct tux_site site; /* its root_fd, routes and redirects are left to serve.c */
	/* What the engine is told. threads 0: as many as there are CPUs. Its sites, kernel_fd, listeners, records and etag_key are left
	 * to serve.c. */
	struct tux_engine_config engine;
};

/* What an option takes. */
enum tux_option_use {
	TUX_OPTION_UNKNOWN, /* there is none of this name, or it is for the command line alone */
	TUX_OPTION_SWITCH,  /* nothing */
	TUX_OPTION_VALUE,
	TUX_OPTION_LIST,    /* a value, several times */
};

/* What there is when nothing is said; lists are empty. */
void tux_command_defaults(struct tux_command *command);

/*
 * Reads the arguments over what is in *command, the defaults or what a file said; its texts then point into argv, which
 * getopt reorders. False with a sentence for the user in error. Not thread-safe.
 */
bool tux_command_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size);

enum tux_option_use tux_command_option_use(const char *name);

/* Of the options that tux_command_option_use() knows: what a value has to be, for people. */
const char *tux_command_option_expects(const char *name);

/* Takes one of them; value NULL for a switch, which it switches on, else a text that stays. False with a sentence in error. */
bool tux_command_option(struct tux_command *command, const char *name, const char *value, char *error, size_t error_size);

/* The option whose name is nearest to a mistyped one; NULL when none is near. */
const char *tux_command_option_near(const char *name);

/* The texts of `tux`, and of `tux help` and `tux help serve`. */
void tux_command_usage(FILE *out);
void tux_command_help(FILE *out);
void tux_command_help_serve(FILE *out);

#endif
