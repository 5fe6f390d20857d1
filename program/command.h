/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parsed and checked command line. Parsing has no side effects. */
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

#define TUX_MAX_BODY_LIMIT (UINT64_C(1) << 60) /* bytes; the largest max-body */

enum tux_verb {
	TUX_VERB_USAGE, /* no arguments: print a summary of the commands */
	TUX_VERB_HELP,
	TUX_VERB_HELP_SERVE,
	TUX_VERB_VERSION,
	TUX_VERB_SERVE,
	TUX_VERB_CHECK,
	TUX_VERB_STATUS,
	TUX_VERB_LOG,
};

/* When to use the kernel engine. */
enum tux_kernel_wish {
	TUX_KERNEL_AUTO, /* if it is available */
	TUX_KERNEL_ALWAYS,
	TUX_KERNEL_NEVER,
};

struct tux_command {
	enum tux_verb verb;
	const char *config;    /* name of the configuration file; NULL = none */
	uint32_t port;         /* port of the default addresses; 0 = default */
	struct tux_host_options top; /* the only host, or the defaults of all hosts. Without a listen: the default addresses, or
	                                passed sockets */
	struct tux_host_options *host; /* hosts of the file; none = top is the only host */
	unsigned host_count;
	struct tux_upstream_table upstreams;
	struct tux_modules modules;
	enum tux_log_format log_format;
	uint64_t log_rotate; /* bytes of a log file before it is rotated; 0 = no rotation */
	uint32_t log_keep;   /* number of rotated files to keep */
	const char *control;   /* directory of the control socket, or "off"; NULL = default */
	enum tux_report_form status_form; /* form of `tux status`, which also uses control and status_pid */
	uint32_t status_pid;   /* process to ask; 0 = all */
	char **log_files; /* binary logs for `tux log`, terminated by NULL; none = standard input */
	const char *body_directory; /* NULL = tux-UID in /var/tmp or /tmp */
	const char *user; /* NULL = default */
	bool sandbox;
	uint32_t drain_timeout_ms;
	uint32_t drain_delay_ms; /* UINT32_MAX = default, see tux_serve_drain_delay() */
	enum tux_kernel_wish kernel;
	struct tux_cgis cgis;
	/* Settings of the engine. threads 0 = number of CPUs. serve.c sets its sites, kernel_fd, listeners, records and
	 * etag_key. */
	struct tux_engine_config engine;
};

/* The value of an option. */
enum tux_option_use {
	TUX_OPTION_UNKNOWN, /* unknown name, or only for the command line */
	TUX_OPTION_SWITCH,  /* no value */
	TUX_OPTION_VALUE,
	TUX_OPTION_LIST,    /* a value; the option may be repeated */
};

/* Sets the defaults; lists are empty. */
void tux_command_defaults(struct tux_command *command);

/* Adds a host; returns NULL if there are too many. Invalidates pointers that it returned earlier. */
struct tux_host_options *tux_command_host_add(struct tux_command *command);

/* Collects all listen specs without duplicates in specs, which has room for TUX_MAX_LISTENERS. Returns their number. */
unsigned tux_command_listens(const struct tux_command *command, const char **specs);

/* Frees all allocated members. */
void tux_command_free(struct tux_command *command);

/*
 * Parses the arguments and overrides settings in *command, which holds the defaults or a file's settings. Texts in *command then
 * point into argv, which getopt reorders. Returns false with a sentence for the user in error. Not thread-safe.
 */
bool tux_command_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size);

enum tux_option_use tux_command_option_use(const char *name);

/* Returns a description of the expected value of an option that tux_command_option_use() knows. */
const char *tux_command_option_expects(const char *name);

/* True if the option is allowed in a host. */
bool tux_command_option_of_host(const char *name);

/*
 * Sets an option of a host, or of all hosts if host is the command's top. value NULL turns a switch on, any other value turns it
 * off. For other options value is a text that outlives the command. Returns false with a sentence in error.
 */
bool tux_command_option(struct tux_command *command, struct tux_host_options *host, const char *name, const char *value, char *error,
                        size_t error_size);

/* True if a mistyped name is similar enough to name to suggest it. */
bool tux_command_is_near(const char *mistyped, const char *name);

/* Returns the option whose name is nearest to a mistyped one; NULL if none is near. */
const char *tux_command_option_near(const char *name);

/* Print the texts of `tux`, `tux help` and `tux help serve`. */
void tux_command_usage(FILE *out);
void tux_command_help(FILE *out);
void tux_command_help_serve(FILE *out);

#endif
