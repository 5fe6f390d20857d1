/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "help.h"

#include <string.h>

#include "settings/options.h"

enum {
	COLUMN = 28,     /* where the help of an option starts */
	LINE_WIDTH = 96, /* longest line */
};

void tux_help(FILE *out)
{
	fputs("TUX serves static files over HTTP, fast.\n\n"
	      "usage: tux [DIR] [OPTION]...         look at DIR (the current directory): tux serve DIR --browse\n"
	      "       tux serve [DIR] [OPTION]...   serve the files in DIR (the current directory) over HTTP\n"
	      "       tux check FILE                what is wrong with a configuration file\n"
	      "       tux status [OPTION] [PROCESS] what the servers on this machine do; --json, --prometheus\n"
	      "       tux log [--format F] [FILE]   text of binary logs, or of the standard input\n"
	      "       tux module new NAME [FOLDER]  write a module, with its Makefile and test\n"
	      "       tux module list [PROCESS]     the modules that the servers on this machine have loaded\n"
	      "       tux bpf map [MODULE [MAP]]    read and fill the maps of verified handlers\n"
	      "       tux trust                     the certificate of TUX's authority for internal names, and how to trust it\n"
	      "       tux help serve                every option of the command line\n"
	      "       tux help configuration        every option of the configuration file, with its values\n"
	      "       tux --version\n\n"
	      "To begin with:\n"
	      "  tux                           look at the current directory on http://localhost:8080/\n"
	      "  tux serve /srv/www --listen :80\n\n"
	      "SIGTERM and Ctrl-C finish the responses under way and stop, twice stops at once; SIGHUP opens the log\n"
	      "and the document root anew and reads the file of --config again.\n"
	      "The manual: man tux.\n", out);
}

/* Prints text after `at` columns of a line. Breaks lines between words and indents them to column. */
static void words_print(FILE *out, const char *text, size_t at, size_t column)
{
	bool first = true;

	while (*text) {
		const size_t len = strcspn(text, " ");

		if (!first && at + 1 + len > LINE_WIDTH) {
			fprintf(out, "\n%*s", (int)column, "");
			at = column;
			first = true;
		}
		fprintf(out, "%s%.*s", first ? "" : " ", (int)len, text);
		at += len + !first;
		first = false;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* Returns the description of an option's default; NULL if the default is off or nothing. */
static const char *default_of(const struct tux_option *option)
{
	return option->without ? option->without : option->fallback;
}

static void help_row(FILE *out, const struct tux_option *option)
{
	const char *const fallback = default_of(option);
	int width = fprintf(out, "  --%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%s%s%s%s", option->help, option->list ? "; may be repeated" : "",
	         option->letter == 'p' ? "; -p N, too" : "", fallback ? " (" : "", fallback ? fallback : "", fallback ? ")" : "");
	if (width >= COLUMN)
		fprintf(out, "\n%*s", COLUMN, "");
	else
		fprintf(out, "%*s", COLUMN - width, "");
	words_print(out, text, COLUMN, COLUMN);
}

void tux_help_serve(FILE *out)
{
	const char *heading = NULL;
	unsigned i;

	fputs("usage: tux serve [DIR] [OPTION]...\n\n"
	      "Serves the files in DIR, the current directory by default, over HTTP/1.1.\n"
	      "Brackets hold defaults. Values and ranges: tux help configuration.\n", out);
	for (i = 0; i < tux_option_count; i++) {
		const struct tux_option *const option = &tux_options[i];

		if (!option->name)
			heading = option->help;
		if (!option->name || !(option->scope & TUX_SCOPE_COMMAND))
			continue;
		if (heading)
			fprintf(out, "\n%s\n", heading);
		heading = NULL;
		help_row(out, option);
	}
}

/* Writes the places of an option, such as "command line, top, host". */
static void places_print(FILE *out, unsigned scope)
{
	static const char *const names[] = { "command line", "top", "host", "route", "header", "upstream", "cgi", "module", "tls", "tls-client" };
	const char *between = "";
	unsigned i;

	fputs("    place: ", out);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (scope & 1u << i) {
			fprintf(out, "%s%s", between, names[i]);
			between = ", ";
		}
	fputc('\n', out);
}

static void reference_row(FILE *out, const struct tux_option *option)
{
	static const char *const types[] = {
		[TUX_TYPE_SWITCH] = "switch", [TUX_TYPE_COUNT] = "number", [TUX_TYPE_SIZE] = "bytes", [TUX_TYPE_SECONDS] = "seconds",
		[TUX_TYPE_MODE] = "mode", [TUX_TYPE_CHOICE] = "word", [TUX_TYPE_TEXT] = "text", [TUX_TYPE_SPECIAL] = "text", [TUX_TYPE_BLOCK] = "text",
	};
	const char *const fallback = default_of(option);
	char expected[TUX_OPTION_EXPECTED];
	const char *type;

	tux_option_expects(option, expected);
	fprintf(out, "\n%s%s%s\n    ", option->name, option->value ? " " : "", option->value ? option->value : "");
	words_print(out, option->help, 4, 4);
	if (option->more) {
		fputs("    more: ", out);
		words_print(out, option->more, 10, 10);
	}
	type = !option->value ? "switch" : option->type == TUX_TYPE_BLOCK && strchr(option->value, '{') ? "block" : types[option->type];
	fprintf(out, "    type: %s%s\n", type, option->list ? ", may be repeated" : "");
	fputs("    values: ", out);
	words_print(out, *expected ? expected : "no value", 12, 12);
	fputs("    default: ", out);
	words_print(out, fallback ? fallback : !option->value && option->size > 0 ? "off" : "not set", 13, 13);
	places_print(out, option->scope);
	if (option->letter)
		fprintf(out, "    short: -%c\n", option->letter);
	fprintf(out, "    since: %s\n", option->since);
}

void tux_help_configuration(FILE *out)
{
	unsigned i;

	fputs("Every option. On the command line it has two dashes in front, and a switch has no value.\n"
	      "In the file a switch is on or off. top: outside of all blocks of the file.\n", out);
	for (i = 0; i < tux_option_count; i++)
		if (tux_options[i].name)
			reference_row(out, &tux_options[i]);
		else
			fprintf(out, "\n%s\n", tux_options[i].help);
}
