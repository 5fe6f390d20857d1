/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of CGI programs as they are said, gathered into the engine's table. */
#ifndef TUX_PROGRAM_SETTINGS_CGIS_H
#define TUX_PROGRAM_SETTINGS_CGIS_H

#include "../../engine/config.h"
#include "option.h"

struct tux_cgi_lists;

enum {
	TUX_CGI_OF_FILES = TUX_MAX_CGI,     /* the number of the kind "files": of files of hosts that are programs */
	TUX_CGI_NUMBERS = TUX_MAX_CGI + 1,
};

/* tux_options_init() sets the defaults; the rest is zero. */
struct tux_cgis {
	struct tux_cgi cgi[TUX_CGI_NUMBERS];
	struct tux_cgi_lists *lists[TUX_CGI_NUMBERS]; /* what those point to */
	bool said[TUX_CGI_NUMBERS]; /* else it was only referred to */
	struct tux_cgi defaults;
	unsigned count; /* but for the kind "files" */
};

/*
 * The number of the kind with this name, TUX_CGI_OF_FILES or one below count. It is added with the defaults if it is new; the name
 * stays. -1 with a sentence in error.
 */
int tux_cgis_find(struct tux_cgis *cgis, const char *name, char *error, size_t error_size);

/* Sets an option of a kind, like tux_option_set(). */
bool tux_cgis_set(struct tux_cgis *cgis, unsigned number, const struct tux_option *option, const char *value, char *error, size_t error_size);

/* Whether what was said of it suffices. False with a sentence in error. */
bool tux_cgis_complete(const struct tux_cgis *cgis, unsigned number, char *error, size_t error_size);

/* The kind "files" as it is said, or as it is by default, for files beneath root, a path that stays. */
struct tux_cgi tux_cgis_of_files(const struct tux_cgis *cgis, const char *root);

/* Frees what the table has grown to. */
void tux_cgis_free(struct tux_cgis *cgis);

#endif
