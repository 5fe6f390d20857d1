/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. Parsing has no side effects. settings/options.c has the options of `tux serve`. */
#ifndef TUX_PROGRAM_COMMAND_H
#define TUX_PROGRAM_COMMAND_H

#include "../engine/engine.h"
#include "bpf/maps.h"
#include "log/file.h"
#include "settings/settings.h"

enum tux_verb {
	TUX_VERB_HELP,
	TUX_VERB_HELP_SERVE,
	TUX_VERB_HELP_CONFIGURATION,
	TUX_VERB_VERSION,
	TUX_VERB_SERVE,
	TUX_VERB_CHECK,
	TUX_VERB_STATUS,
	TUX_VERB_LOG,
	TUX_VERB_MODULE_LIST,
	TUX_VERB_MODULE_NEW,
	TUX_VERB_TRUST,
	TUX_VERB_BPF_MAP,
};

/* The command and its arguments, except the settings of a server. Zero-initialize before use. Texts point into argv. */
struct tux_command {
	enum tux_verb verb;
	const char *config;    /* name of the configuration file; NULL = no file */
	const char *control;   /* for `tux status`: directory of the control socket; NULL = default. So for `tux module list` */
	enum tux_report_form status_form;
	uint32_t status_pid;   /* process to ask; 0 = all */
	enum tux_log_format log_format; /* for `tux log` */
	const char *state_directory; /* for `tux trust`; NULL = default */
	const char *module_name;   /* for `tux module new` */
	const char *module_folder;
	struct tux_map_query map; /* for `tux bpf map` */
	char **log_files;      /* binary logs for `tux log`, terminated by NULL; none = standard input */
};

/*
 * Parses the arguments. Those of `tux serve` override *settings, which has the defaults or the settings of a file. Texts then point
 * into argv, which getopt reorders. Returns false with a sentence for the user in error. Not thread-safe.
 */
bool tux_command_parse(int argc, char **argv, struct tux_command *command, struct tux_settings *settings, char *error, size_t error_size);

#endif
