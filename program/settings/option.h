/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One option: its name, its values, and the place of its value in a structure. settings/options.c has the table of all. */
#ifndef TUX_PROGRAM_SETTINGS_OPTION_H
#define TUX_PROGRAM_SETTINGS_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TUX_OPTION_EXPECTED = 160 }; /* bytes of tux_option_expects(), NUL included */

/* Places where an option may be set; a set. */
enum tux_scope {
	TUX_SCOPE_COMMAND = 1 << 0,  /* command line of tux serve */
	TUX_SCOPE_TOP = 1 << 1,      /* top of the configuration file */
	TUX_SCOPE_HOST = 1 << 2,     /* host NAME { } */
	TUX_SCOPE_ROUTE = 1 << 3,    /* route PATTERN { } */
	TUX_SCOPE_HEADER = 1 << 4,   /* header { } */
	TUX_SCOPE_UPSTREAM = 1 << 5, /* upstream NAME { } */
	TUX_SCOPE_CGI = 1 << 6,      /* cgi NAME { } */
	TUX_SCOPE_MODULE = 1 << 7,   /* module NAME { } */
	TUX_SCOPE_TLS = 1 << 8,      /* tls { } */
	TUX_SCOPE_TLS_CLIENT = 1 << 9, /* tls-client { } */
};

enum tux_option_type {
	TUX_TYPE_SWITCH,  /* on or off; on the command line the name alone turns it on */
	TUX_TYPE_COUNT,   /* decimal number from min to max */
	TUX_TYPE_SIZE,    /* bytes from min to max, as 64K */
	TUX_TYPE_SECONDS, /* seconds with decimals; min, max and the stored value are milliseconds */
	TUX_TYPE_MODE,    /* mode bits in octal */
	TUX_TYPE_CHOICE,  /* a word of value, which separates them by '|'; the stored value is its number, from 0 */
	TUX_TYPE_TEXT,    /* not empty */
	TUX_TYPE_SPECIAL, /* the row's function reads it */
	TUX_TYPE_BLOCK,   /* program/config or program/command.c reads it */
};

/* Objects of the machine that a value names. `tux check` looks for them. */
enum tux_option_names {
	TUX_NAMES_NOTHING,
	TUX_NAMES_DIRECTORY,
	TUX_NAMES_FILE,   /* "off", "-", or a path in a directory that exists */
	TUX_NAMES_SOCKET, /* an address, or unix:PATH in a directory that exists */
	TUX_NAMES_USER,
};

/*
 * A row of the table. The structure with the value depends on the scope: tux_host_settings for options of hosts, tux_settings for
 * the others of the command line and the top of the file, tux_route_fields, tux_upstream, tux_cgi, tux_module_config and
 * tux_certificate_files and tux_client_demand for those blocks.
 */
struct tux_option {
	const char *name;  /* NULL: help is the heading of the rows that follow */
	const char *value; /* name of the value in the help; NULL: no value */
	const char *since; /* version that added it */
	const char *help;  /* one line */
	const char *more;  /* further sentences of the man page and the reference; NULL: nothing to add */
	unsigned scope;    /* set of enum tux_scope */
	enum tux_option_type type;
	enum tux_option_names names;
	bool list;         /* may be repeated */
	char letter;       /* short form on the command line; 0: no short form */
	bool or_zero;      /* 0 is allowed besides min to max */
	uint64_t min, max;
	const char *expected; /* description of a valid value; NULL: derived from the type and the range */
	const char *fallback; /* default value, as written; NULL: zero, or as without says */
	const char *without;  /* description of the default; NULL: fallback */
	uint32_t at, size;    /* place of the value in its structure; of a list: with its count */
	bool (*read)(void *object, const char *value); /* for TUX_TYPE_SPECIAL; the value of a switch is NULL for on. False: invalid */
};

/* Writes the description of a valid value for people, such as "a number from 1 to 256". */
void tux_option_expects(const struct tux_option *option, char out[TUX_OPTION_EXPECTED]);

/*
 * Sets an option in its structure. value NULL turns a switch on, any other value turns it off. For other options value is a text
 * that outlives the structure. Returns false if the value is invalid.
 */
bool tux_option_read(const struct tux_option *option, void *object, const char *value);

/* Like tux_option_read(), but writes a sentence into error if the value is invalid. */
bool tux_option_set(const struct tux_option *option, void *object, const char *value, char *error, size_t error_size);

#endif
