/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files that read the configuration: line numbers, error messages, and values as texts. */
#ifndef TUX_PROGRAM_CONFIG_READING_H
#define TUX_PROGRAM_CONFIG_READING_H

#include <stdio.h>
#include <ucl.h>

#include "../settings/options.h"

enum { CONFIG_ERROR_MAX = 512 }; /* bytes of an error message */

/* A block of texts. */
struct texts {
	struct texts *next;
	size_t len, size; /* used bytes, and all */
	char octets[];
};

struct tux_config {
	struct texts *texts; /* the values, each terminated by NUL */
};

struct reading {
	struct tux_config *config;
	struct tux_settings *settings;
	struct tux_host_settings *host; /* options being set: the settings' top, or one of their hosts */
	const char **host_at; /* position of each host in the file */
	const char *upstream_at[TUX_MAX_UPSTREAMS]; /* position of the first reference to each upstream */
	const char *module_at[TUX_MAX_MODULES]; /* position of the first reference to each module */
	const char *path;
	char *file; /* the whole file, followed by a NUL */
	size_t len; /* bytes, without the NUL */
	const char *line_at;       /* position of the last message in the file; NULL = no message yet */
	unsigned line;             /* line of that position */
	uint16_t route_port;       /* port that routes hand connections over to; 0 = none */
	const char *route_port_at; /* position of route_port in the file */
	const char *cgi_at[TUX_CGI_NUMBERS]; /* position of the first reference to each CGI kind */
	FILE *errors;
	bool check;     /* look for directories and users, too */
	unsigned wrong; /* number of errors so far */
};

/* True if a text is part of the file. */
bool reading_is_inside(const struct reading *reading, const char *at);

/* Returns the line of a position in the file; 0 if it is outside the file. */
unsigned reading_line(struct reading *reading, const char *at);

/* Reports and counts an error at a position in the file; at NULL an error of the whole file. */
void __attribute__((format(printf, 3, 4))) reading_wrong(struct reading *reading, const char *at, const char *format, ...);

/* Writes text of the file to the messages, escaped as TUX_ESCAPE_MESSAGE, so that each message is one line. */
void reading_put(struct reading *reading, const char *text, size_t len);

/* Like reading_wrong(), but for a warning: the file stays valid. */
void __attribute__((format(printf, 3, 4))) reading_warn(struct reading *reading, const char *at, const char *format, ...);

/*
 * Returns the option of a key in the block of a scope. where names the block for messages. For an unknown key reports it, suggests a
 * similar one or lists all, and returns NULL.
 */
const struct tux_option *reading_option(struct reading *reading, const ucl_object_t *key, const char *where, enum tux_scope scope);

/* Reports a key that may have one value if it has more. Returns true if it has one. */
bool reading_once(struct reading *reading, const ucl_object_t *key);

/* Returns a NUL-terminated copy that lives as long as the configuration; "" after an error message if out of memory. */
const char *reading_keep(struct reading *reading, const char *text, size_t len);

/* Like reading_keep(), but for two texts joined. */
const char *reading_join(struct reading *reading, const char *front, const char *text);

/* Like reading_keep(), but for a value. Returns NULL after an error message if the value is not a text. */
const char *reading_text(struct reading *reading, const ucl_object_t *value, const char *at);

/*
 * Calls apply for each block of a key such as NAME { }, which may be repeated. libucl makes one object of the blocks, or one of
 * each. Reports expected if a block has no name or no { }.
 */
void reading_blocks(struct reading *reading, const ucl_object_t *first, const char *expected,
                    void (*apply)(struct reading *reading, const ucl_object_t *block));

#endif
