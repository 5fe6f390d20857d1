/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "settings/automatic.h"
#include "settings/options.h"
#include "settings/units.h"
#include "suggestion.h"

enum {
	NAME_MAX_LEN = 32,
	FIRST_ID = 256,    /* value of getopt for the first row without a letter */
};

static const char *const verbs[] = { "serve", "check", "status", "log", "module", "bpf", "trust", "help" };

/* Writes the error for an option that getopt does not know, as written in arg; letter is not 0 if it is a short one. */
static void unknown_option(const char *arg, int letter, char *error, size_t error_size)
{
	const struct tux_option *near;
	char name[NAME_MAX_LEN + 1];
	size_t len;

	if (letter) {
		snprintf(error, error_size, "unknown option -%c%s", letter, tux_suggestion_for_letter(letter));
		return;
	}
	arg += strspn(arg, "-");
	len = strcspn(arg, "=");
	if (len > NAME_MAX_LEN)
		len = NAME_MAX_LEN;
	memcpy(name, arg, len);
	name[len] = '\0';
	near = tux_option_near(name, TUX_SCOPE_COMMAND);
	if (*tux_suggestion_for_option(name))
		snprintf(error, error_size, "unknown option --%s%s", name, tux_suggestion_for_option(name));
	else if (near)
		snprintf(error, error_size, "unknown option --%s; did you mean --%s?", name, near->name);
	else
		snprintf(error, error_size, "unknown option --%s", name);
}

/* Returns the value of getopt for a row of the table. */
static int option_id(unsigned row)
{
	return tux_options[row].letter ? tux_options[row].letter : FIRST_ID + (int)row;
}

/* Returns the option of a value of getopt; NULL if it is not one. */
static const struct tux_option *option_of(int id)
{
	unsigned i;

	for (i = 0; i < tux_option_count; i++)
		if ((tux_options[i].scope & TUX_SCOPE_COMMAND) && option_id(i) == id)
			return &tux_options[i];
	return NULL;
}

/* Fills getopt's table from the options of the command line. */
static void getopt_table(struct option table[TUX_OPTION_ROWS])
{
	unsigned i, count = 0;

	for (i = 0; i < tux_option_count && count + 1 < TUX_OPTION_ROWS; i++)
		if (tux_options[i].scope & TUX_SCOPE_COMMAND)
			table[count++] = (struct option){ tux_options[i].name, tux_options[i].value ? required_argument : no_argument, NULL, option_id(i) };
	table[count] = (struct option){ 0 };
}

/* Writes the sentence for an error of getopt; got is its result, ':' or '?'. */
static void getopt_fault(int got, char **argv, char *error, size_t error_size)
{
	const struct tux_option *option = option_of(optopt);
	char expected[TUX_OPTION_EXPECTED];

	if (got == ':' && option) {
		tux_option_expects(option, expected);
		snprintf(error, error_size, "option --%s needs a value: %s", option->name, expected);
	} else if (option && strncmp(argv[optind - 1], "--", 2) == 0) {
		snprintf(error, error_size, "option --%s takes no value", option->name);
	} else {
		unknown_option(argv[optind - 1], optopt, error, error_size);
	}
}

/* The options seen so far. */
struct seen {
	bool option[TUX_OPTION_ROWS]; /* by row */
	bool listen, port;
	bool scheme;      /* an address begins with http:// or https:// */
	bool automatic;   /* --tls */
	bool certificate; /* --tls or --certificate */
};

/* Prepares for the first use of an option: a list of the command line replaces that of the file, and listen and port each other. */
static void first_use(struct tux_settings *settings, const struct tux_option *option, struct seen *seen)
{
	bool *const before = &seen->option[option - tux_options];

	if (*before)
		return;
	*before = true;
	if (option->list)
		tux_options_clear(settings, &settings->top, option);
	if (strcmp(option->name, "listen") == 0) {
		seen->listen = true;
		settings->port = seen->port ? settings->port : 0;
	}
	if (strcmp(option->name, "port") == 0) {
		seen->port = true;
		settings->top.listen_count = seen->listen ? settings->top.listen_count : 0;
	}
}

/* Applies one option; returns false with a sentence in error if its value is invalid. */
static bool option_apply(struct tux_command *command, struct tux_settings *settings, const struct tux_option *option, const char *value,
                         struct seen *seen, char *error, size_t error_size)
{
	char reason[512];

	if (option->type == TUX_TYPE_BLOCK) {
		if (strcmp(option->name, "config") == 0)
			command->config = value;
		else
			command->verb = strcmp(option->name, "help") == 0 ? TUX_VERB_HELP_SERVE : TUX_VERB_VERSION;
		if (!value || *value != '\0')
			return true;
		snprintf(error, error_size, "option --%s: \"%s\" is not %s", option->name, value, option->expected);
		return false;
	}
	first_use(settings, option, seen);
	seen->scheme = seen->scheme || (strcmp(option->name, "listen") == 0 && strstr(value, "://"));
	seen->automatic = seen->automatic || strcmp(option->name, "tls") == 0;
	seen->certificate = seen->certificate || seen->automatic || strcmp(option->name, "certificate") == 0;
	if (tux_options_set(settings, &settings->top, option, value, reason, sizeof(reason)))
		return true;
	snprintf(error, error_size, "option --%s", reason);
	return false;
}

/* Checks the arguments after the options: one directory at most. Returns false with a sentence in error. */
static bool directory_parse(int argc, char **argv, struct tux_settings *settings, char *error, size_t error_size)
{
	char suggestion[64];

	if (optind < argc) {
		tux_suggestion_for_directory(argv[argc - 1], suggestion, sizeof(suggestion));
		if (argc - optind == 1 && *suggestion)
			snprintf(error, error_size, "there is no directory \"%s\"%s", argv[optind], suggestion);
		else if (argc - optind > 1)
			snprintf(error, error_size, "one directory is served, but there is \"%s\" behind \"%s\"%s", argv[optind + 1], argv[optind], suggestion);
		if (*error)
			return false;
		settings->top.directory = argv[optind];
	}
	if (*settings->top.directory != '\0')
		return true;
	snprintf(error, error_size, "the name of the directory to serve is empty");
	return false;
}

/* Checks --tls, which names the only host. Returns false with a sentence in error. */
static bool names_check(const struct tux_settings *settings, char *error, size_t error_size)
{
	char reason[400];

	if (settings->top.name_count > 0 && settings->host_count > 0) {
		snprintf(error, error_size, "option --tls is for a server without hosts in its file: host \"%s\" { tls { automatic on } }",
		         settings->top.name[0]);
		return false;
	}
	if (settings->top.name_count == 0)
		return true;
	if (!tux_automatic_of(&settings->top, &settings->top)) {
		snprintf(error, error_size, "option --tls: the certificate is automatic, so there is no other one");
		return false;
	}
	if (tux_automatic_check(&settings->top, reason, sizeof(reason)))
		return true;
	snprintf(error, error_size, "option --tls: %s", reason);
	return false;
}

/* Keeps a malloc'ed text. Returns it, or the same one of an earlier reload, which compares them; NULL if it is NULL, or if there are too many. */
static const char *keep(char *text)
{
	static char *kept[2 * TUX_MAX_LISTENERS];
	static unsigned count;

	for (unsigned i = 0; text && i < count; i++)
		if (strcmp(kept[i], text) == 0) {
			free(text);
			return kept[i];
		}
	if (!text || count == sizeof(kept) / sizeof(kept[0])) {
		free(text);
		return NULL;
	}
	return kept[count++] = text;
}

/* Returns an address with https:// before it; NULL if out of memory. */
static const char *https_of(const char *address)
{
	char *text;

	return keep(asprintf(&text, "https://%s", address) < 0 ? NULL : text);
}

/* Adds the address of plain HTTP beside an address at port 443 or 8443. Returns false if out of memory, or if there are too many. */
static bool add_plain(struct tux_host_settings *top, const char *address)
{
	static const char *const ports[][2] = { { ":443", ":80" }, { ":8443", ":8080" } };
	const size_t len = strlen(address);

	for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		const size_t end = strlen(ports[i][0]);
		const char *plain;
		char *text;

		if (len < end || strcmp(address + len - end, ports[i][0]) != 0 || strncmp(address, "unix:", strlen("unix:")) == 0)
			continue;
		plain = keep(asprintf(&text, "%.*s%s", (int)(len - end), address, ports[i][1]) < 0 ? NULL : text);
		return plain && tux_host_listen_add(top, plain);
	}
	return true;
}

/*
 * Lets the addresses of --listen speak TLS if a certificate is on the command line, too, and no address says with its scheme whether it does.
 * Otherwise `--listen :443 --tls NAME` would serve plain HTTP. With --tls, port 80 beside port 443 redirects to it. Returns false if out of memory, or if
 * there are too many addresses.
 */
static bool listens_secure(struct tux_settings *settings, const struct seen *seen)
{
	struct tux_host_settings *const top = &settings->top;
	const unsigned count = seen->listen && seen->certificate && !seen->scheme ? top->listen_count : 0;

	for (unsigned i = 0; i < count; i++) {
		const char *address = top->listen[i];

		if (!(top->listen[i] = https_of(address)) || (seen->automatic && !add_plain(top, address)))
			return false;
	}
	if (top->listen_count > count && count > 0 && !tux_options_said(top, "https-redirect"))
		top->https_port = TUX_HTTPS_PORT_OWN;
	return true;
}

/* Parses the arguments of `tux serve`: argv[0] is "serve". */
static bool serve_parse(int argc, char **argv, struct tux_command *command, struct tux_settings *settings, char *error, size_t error_size)
{
	struct seen seen = { .listen = false };
	struct option table[TUX_OPTION_ROWS];
	const char *specs[TUX_MAX_LISTENERS];
	int got;

	getopt_table(table);
	command->verb = TUX_VERB_SERVE;
	opterr = 0;
	optind = 0; /* glibc: restart the scan */
	while ((got = getopt_long(argc, argv, ":hp:V", table, NULL)) != -1) {
		if (got == ':' || got == '?') {
			getopt_fault(got, argv, error, error_size);
			return false;
		}
		if (!option_apply(command, settings, option_of(got), optarg, &seen, error, error_size))
			return false;
		if (command->verb != TUX_VERB_SERVE)
			return true; /* --help and --version take precedence over later errors */
	}
	if (settings->port != 0 && tux_settings_listens(settings, specs) > 0) {
		snprintf(error, error_size, "port is for the default addresses; listen says its port itself, such as --listen :%u", settings->port);
		return false;
	}
	if (!names_check(settings, error, error_size) || !directory_parse(argc, argv, settings, error, error_size))
		return false;
	if (!listens_secure(settings, &seen)) {
		snprintf(error, error_size, "out of memory, or more than %d addresses with those at port 80", TUX_MAX_LISTENERS);
		return false;
	}
	if (settings->top.values.index_count == 0 && !tux_host_index_add(&settings->top, "index.html")) {
		snprintf(error, error_size, "out of memory");
		return false;
	}
	tux_options_inherit(settings->host, settings->host_count, &settings->top);
	return !settings->top.routes || tux_routes_settle(settings->top.routes, error, error_size);
}

static bool help_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	command->verb = TUX_VERB_HELP;
	if (argc < 2)
		return true;
	if (strcmp(argv[1], "serve") == 0) {
		command->verb = TUX_VERB_HELP_SERVE;
		return true;
	}
	if (strcmp(argv[1], "configuration") == 0) {
		command->verb = TUX_VERB_HELP_CONFIGURATION;
		return true;
	}
	snprintf(error, error_size, "there is no help on \"%s\"; there is on: serve, configuration", argv[1]);
	return false;
}

/* Reads the format of `tux log`, which writes text. */
static bool log_format(const char *value, enum tux_log_format *format)
{
	static const char *const names[] = { [TUX_LOG_FORMAT_AUTO] = "auto", [TUX_LOG_FORMAT_COMBINED] = "combined", [TUX_LOG_FORMAT_JSON] = "json" };
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			*format = (enum tux_log_format)i;
			return true;
		}
	return false;
}

/* Parses the arguments of `tux log`: argv[0] is "log". */
static bool log_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	static const struct option table[] = { { "format", required_argument, NULL, 'f' }, { 0 } };
	int got;

	command->verb = TUX_VERB_LOG;
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (got == 'f' && log_format(optarg, &command->log_format))
			continue;
		if (got == 'f')
			snprintf(error, error_size, "option --format: \"%s\" is not auto, combined or json", optarg);
		else if (got == ':')
			snprintf(error, error_size, "option --format needs a value: auto, combined or json");
		else
			snprintf(error, error_size, "\"log\" does not know %s: tux log [--format auto|combined|json] [FILE...]",
			         argv[optind - 1]);
		return false;
	}
	command->log_files = argv + optind;
	return true;
}

/* Parses the arguments of `tux status`: argv[0] is "status". */
static bool status_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	static const struct option table[] = { { "json", no_argument, NULL, 'j' }, { "prometheus", no_argument, NULL, 'p' },
	                                       { "control", required_argument, NULL, 'c' }, { 0 } };
	uint64_t pid = 0;
	int got;

	command->verb = TUX_VERB_STATUS;
	command->status_form = TUX_REPORT_TEXT;
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (got == 'j') {
			command->status_form = TUX_REPORT_JSON;
		} else if (got == 'p') {
			command->status_form = TUX_REPORT_PROMETHEUS;
		} else if (got == 'c') {
			command->control = optarg;
		} else {
			snprintf(error, error_size, "\"status\" does not know %s: tux status [--json|--prometheus] [--control DIR] [PROCESS]",
			         argv[optind - 1]);
			return false;
		}
	}
	if (argc - optind > 1 || (optind < argc && !tux_value_count(argv[optind], 1, UINT32_MAX, &pid))) {
		snprintf(error, error_size, "\"status\" takes the number of one process, but there is \"%s\"", argv[argc - 1]);
		return false;
	}
	command->status_pid = (uint32_t)pid;
	return true;
}

/* Parses the arguments of `tux trust`: argv[0] is "trust". */
static bool trust_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	static const struct option table[] = { { "state-directory", required_argument, NULL, 's' }, { 0 } };
	int got;

	command->verb = TUX_VERB_TRUST;
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) == 's')
		command->state_directory = optarg;
	if (got != -1 || optind < argc)
		snprintf(error, error_size, "\"trust\" does not know %s: tux trust [--state-directory DIR]", argv[got != -1 ? optind - 1 : optind]);
	return *error == '\0';
}

/* Parses the arguments of `tux module list`: argv[0] is "list". */
static bool module_list_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	static const struct option table[] = { { "control", required_argument, NULL, 'c' }, { 0 } };
	uint64_t pid = 0;
	int got;

	command->verb = TUX_VERB_MODULE_LIST;
	command->status_form = TUX_REPORT_MODULES;
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) == 'c')
		command->control = optarg;
	if (got != -1)
		snprintf(error, error_size, "\"module list\" does not know %s: tux module list [--control DIR] [PROCESS]", argv[optind - 1]);
	else if (argc - optind > 1 || (optind < argc && !tux_value_count(argv[optind], 1, UINT32_MAX, &pid)))
		snprintf(error, error_size, "\"module list\" takes the number of one process, but there is \"%s\"", argv[argc - 1]);
	command->status_pid = (uint32_t)pid;
	return *error == '\0';
}

/* Parses the arguments of `tux module`: argv[0] is "module". */
static bool module_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return module_list_parse(argc - 1, argv + 1, command, error, error_size);
	if (argc < 3 || argc > 4 || strcmp(argv[1], "new") != 0) {
		snprintf(error, error_size, "\"module\" takes one of: tux module new NAME [FOLDER]; tux module list [--control DIR] [PROCESS]");
		return false;
	}
	command->verb = TUX_VERB_MODULE_NEW;
	command->module_name = argv[2];
	command->module_folder = argc > 3 ? argv[3] : argv[2];
	return true;
}

/* Parses the arguments of `tux bpf`: argv[0] is "bpf". */
static bool bpf_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	struct tux_map_query *const map = &command->map;
	int at = 2;

	command->verb = TUX_VERB_BPF_MAP;
	map->remove = argc > 2 && strcmp(argv[2], "--remove") == 0;
	at += map->remove;
	map->module = argc > at ? argv[at] : NULL;
	map->map = argc > at + 1 ? argv[at + 1] : NULL;
	map->key = argc > at + 2 ? argv[at + 2] : NULL;
	map->value = argc > at + 3 ? argv[at + 3] : NULL;
	if (argc > 1 && strcmp(argv[1], "map") == 0 && argc <= at + 4 && (!map->remove || (map->key && !map->value)) &&
	    !(map->module && map->module[0] == '-'))
		return true;
	snprintf(error, error_size, "\"bpf\" takes one of: tux bpf map [MODULE [MAP [KEY [VALUE]]]]; tux bpf map MODULE MAP - (lines KEY VALUE of the standard "
	         "input); tux bpf map --remove MODULE MAP KEY");
	return false;
}

/* True for the short form: options, or the name of a directory, instead of a command. */
static bool is_quick(const char *first)
{
	struct stat st;

	return *first == '-' || (stat(first, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Parses `tux [DIR] [OPTION]...`, which is `tux serve` with --browse. */
static bool quick_parse(int argc, char **argv, struct tux_command *command, struct tux_settings *settings, char *error, size_t error_size)
{
	settings->top.values.browse = true;
	return serve_parse(argc, argv, command, settings, error, error_size);
}

bool tux_command_parse(int argc, char **argv, struct tux_command *command, struct tux_settings *settings, char *error, size_t error_size)
{
	const char *first = argc > 1 ? argv[1] : NULL;
	char suggestion[64];
	size_t i;

	error[0] = '\0';
	if (!first)
		return quick_parse(argc, argv, command, settings, error, error_size);
	if (strcmp(first, "serve") == 0)
		return serve_parse(argc - 1, argv + 1, command, settings, error, error_size);
	if (strcmp(first, "check") == 0) {
		command->verb = TUX_VERB_CHECK;
		command->config = argc > 2 ? argv[2] : NULL;
		if (argc != 3 || strcmp(argv[2], "--help") == 0)
			snprintf(error, error_size, "\"check\" takes one file: tux check FILE");
		return *error == '\0';
	}
	if (strcmp(first, "status") == 0)
		return status_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "log") == 0)
		return log_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "module") == 0)
		return module_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "bpf") == 0)
		return bpf_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "trust") == 0)
		return trust_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "help") == 0)
		return help_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
		command->verb = TUX_VERB_HELP;
		return true;
	}
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
		command->verb = TUX_VERB_VERSION;
		return true;
	}
	if (is_quick(first))
		return quick_parse(argc, argv, command, settings, error, error_size);
	if (*tux_suggestion_for_command(first)) {
		snprintf(error, error_size, "unknown command \"%s\"%s", first, tux_suggestion_for_command(first));
		return false;
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (tux_suggestion_distance(first, verbs[i]) <= TUX_NEAR_MISS) {
			snprintf(error, error_size, "unknown command \"%s\"; did you mean \"%s\"?", first, verbs[i]);
			return false;
		}
	}
	tux_suggestion_for_directory(first, suggestion, sizeof(suggestion));
	if (*suggestion)
		snprintf(error, error_size, "there is no directory \"%s\"%s", first, suggestion);
	else
		snprintf(error, error_size, "\"%s\" is neither a command nor a directory; to serve one: tux serve DIR", first);
	return false;
}
