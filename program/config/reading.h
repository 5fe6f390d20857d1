/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that read the configuration share: where something stands, what is wrong with it, and values as texts. */
#ifndef TUX_PROGRAM_CONFIG_READING_H
#define TUX_PROGRAM_CONFIG_READING_H

#include <ucl.h>

#include "../command.h"

enum { CONFIG_ERROR_MAX = 512 }; /* bytes of a sentence about what is wrong */

struct text {
	struct text *next;
	char octets[];
};

struct tux_config {
	struct text *texts; /* the values, each ending in NUL */
};

struct reading {
	struct tux_config *config;
	struct tux_command *command;
	struct tux_host_options *host; /* of which is being said: the command's top, or one of its hosts */
	const char *host_at[TUX_MAX_SITES]; /* where each stands */
	const char *upstream_at[TUX_MAX_UPSTREAMS]; /* where each is named first */
	const char *module_at[TUX_MAX_MODULES]; /* the same */
	const char *path;
	char *file; /* all of it, and a NUL behind it */
	size_t len; /* bytes, the NUL not counted */
	uint16_t route_port;       /* that routes hand over to; 0: none does */
	const char *route_port_at; /* where it stands */
	const char *cgi_at[TUX_CGI_NUMBERS]; /* where each is referred to first */
	FILE *errors;
	unsigned wrong; /* how many errors there were */
};

/* The line of a place in the file; 0 if it is not in there. */
unsigned reading_line(const struct reading *reading, const char *at);

/* Says what is wrong at a place of the file, or with the file. */
void __attribute__((format(printf, 3, 4))) reading_wrong(struct reading *reading, const char *at, const char *format, ...);

/* The same of what may be meant: the file is good all the same. */
void __attribute__((format(printf, 3, 4))) reading_warn(struct reading *reading, const char *at, const char *format, ...);

/* Whether a key is one of known, a NULL behind the last; else says so, and which one may have been meant, or which there are. */
bool reading_known(struct reading *reading, const ucl_object_t *key, const char *where, const char *const *known);

/* A copy that ends in NUL and lives as long as the configuration; "" without memory, and that is said. */
const char *reading_keep(struct reading *reading, const char *text, size_t len);

/* The same of two texts, one behind the other. */
const char *reading_join(struct reading *reading, const char *front, const char *text);

/* The same of a value. NULL, and an error said, for what is no text. */
const char *reading_text(struct reading *reading, const ucl_object_t *value, const char *at);

/*
 * For what is said as NAME { }, as often as one wants: calls apply for each; libucl makes one object of them, or one for each.
 * Where there are no names or no { }, expected says what was expected.
 */
void reading_blocks(struct reading *reading, const ucl_object_t *first, const char *expected,
                    void (*apply)(struct reading *reading, const ucl_object_t *block));

#endif
