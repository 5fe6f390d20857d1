/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roots such as /srv/hosts/%h: each directory in /srv/hosts is the root of a host with its name. The names come from the file
 * system, never from a request.
 */
#ifndef TUX_PROGRAM_SETTINGS_HOST_PATTERN_H
#define TUX_PROGRAM_SETTINGS_HOST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { TUX_MAX_LABEL = 63 }; /* bytes of a label of a name */

/* The root of a host, cut at the name with the variables. */
struct tux_host_pattern {
	const char *directory; /* whose directories are the hosts */
	const char *before, *after; /* texts around the variables in a directory's name */
	const char *below;     /* path of the root beneath such a directory; "" = the directory itself */
	unsigned labels;       /* %2.%1 has 2; 0 = %h, the whole name */
	char text[];           /* of all of these */
};

/*
 * Cuts a root with '%'. *pattern is to be freed by free(), and has the directory of a root that has no variables, only "%%", with
 * before NULL. Returns false with a sentence in error.
 */
bool tux_host_pattern_read(const char *root, struct tux_host_pattern **pattern, char *error, size_t error_size);

/* Returns the length of the host name that a directory's name has, at *name; 0 if the directory is no host. */
size_t tux_host_pattern_match(const struct tux_host_pattern *pattern, const char *file, const char **name);

#endif
