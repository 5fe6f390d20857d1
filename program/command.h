/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what the user asked for, checked, and nothing done yet. */
#ifndef TUX_PROGRAM_COMMAND_H
#define TUX_PROGRAM_COMMAND_H

#include <stdio.h>

#include "../engine/config.h"
#include "settings/cgis.h"
#include "log/log.h"
#include "settings/host.h"
#include "settings/modules.h"
#include "settings/upstreams.h"

enum { TUX_DEFAULT_CACHE_ENTRIES = 16384 };

#define TUX_MAX_BODY_LIMIT (UINT64_C(1) << 60) /* bytes that max-body may say */

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
	uint32_t port;         /* of the default addresses; 0: not said */
	struct tux_host_options top; /* the one host, or what is so for all that do not say otherwise. Its listen none: the default
	                                addresses, or the sockets passed */
	struct tux_host_options *host; /* those of the file; none: the top is the one */
	unsigned host_count;
	struct tux_upstream_table upstreams;
	struct tux_modules modules;
	enum tux_log_format log_format;
	uint64_t log_rotate; /* bytes of the log's file, from which on a new one is begun; 0: it is not rotated */
	uint32_t log_keep;   /* files that were rotated */
	const char *control;   /* the directory of the control socket, or "off"; NULL: the usual one */
	enum tux_report_form status_form; /* of `tux status`; its control is the same, its process status_pid */
	uint32_t status_pid;   /* 0: all */
	char **log_files; /* of `tux log`: binary logs, up to a NULL; none: the standard input */
	const char *body_directory; /* NULL: one of our own */
	const char *user; /* NULL: not said */
	bool sandbox;
	uint32_t drain_timeout_ms;
	uint32_t drain_delay_ms; /* UINT32_MAX: not said, tux_serve_drain_delay() knows */
	enum tux_kernel_wish kernel;
	struct tux_cgis cgis;
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

/* Another host, to be said of; NULL when there are too many. Those that were given before may have moved. */
struct tux_host_options *tux_command_host_add(struct tux_command *command);

/* All that is listened on, each once, in specs, which has room for TUX_MAX_LISTENERS; how many. */
unsigned tux_command_listens(const struct tux_command *command, const char **specs);

/* Frees what has grown. */
void tux_command_free(struct tux_command *command);

/*
 * Reads the arguments over what is in *command, the defaults or what a file said; its texts then point into argv, which
 * getopt reorders. False with a sentence for the user in error. Not thread-safe.
 */
bool tux_command_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size);

enum tux_option_use tux_command_option_use(const char *name);

/* Of the options that tux_command_option_use() knows: what a value has to be, for people. */
const char *tux_command_option_expects(const char *name);

/* Whether it can be said of a host. */
bool tux_command_option_of_host(const char *name);

/*
 * Takes one of them: of a host, or of all with the command's top. value NULL switches a switch on, another one off; else it is a
 * text that stays. False with a sentence in error.
 */
bool tux_command_option(struct tux_command *command, struct tux_host_options *host, const char *name, const char *value, char *error,
                        size_t error_size);

/* Whether a mistyped name may well have been meant to be this one. */
bool tux_command_is_near(const char *mistyped, const char *name);

/* The option whose name is nearest to a mistyped one; NULL when none is near. */
const char *tux_command_option_near(const char *name);

/* The texts of `tux`, and of `tux help` and `tux help serve`. */
void tux_command_usage(FILE *out);
void tux_command_help(FILE *out);
void tux_command_help_serve(FILE *out);

#endif
