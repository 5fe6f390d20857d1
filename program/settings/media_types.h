/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media types that the configuration sets, for the whole server, a host or a route; made into the core's table. */
#ifndef TUX_PROGRAM_SETTINGS_MEDIA_TYPES_H
#define TUX_PROGRAM_SETTINGS_MEDIA_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/media_types.h"

/* A file name extension and its media type; the type is the caller's text. */
struct tux_media_type_setting {
	uint8_t extension[TUX_MAX_MEDIA_TYPE_EXTENSION + 1];
	const char *type;
};

/* Zero-initialize before use. */
struct tux_media_type_settings {
	struct tux_media_type_setting *setting;
	unsigned count;
	const char *every;    /* media type of every file; NULL: not set */
	const char *fallback; /* of files whose names say nothing; NULL: not set */
};

/* True if text is a media type such as "text/plain; charset=utf-8": two tokens with a slash, then parameters in visible ASCII. */
bool tux_media_type_good(const char *text);

/*
 * Adds the media type of an extension, with or without its leading dot, in any case. The type's text stays the caller's. Returns
 * false with a sentence in error if one of them is invalid, the extension is set already, or memory is short.
 */
bool tux_media_type_add(struct tux_media_type_settings *settings, const char *type, const char *extension, char *error, size_t error_size);

void tux_media_type_settings_free(struct tux_media_type_settings *settings);

/* True if anything is set. */
bool tux_media_type_settings_any(const struct tux_media_type_settings *settings);

/*
 * Makes one table of count lists; an earlier list goes before a later one. Returns a new table, which tux_media_types_free()
 * frees, or NULL with a sentence in error if the lists exceed a limit of core/media_types.h or memory is short.
 */
struct tux_media_types *tux_media_types_make(const struct tux_media_type_settings *const *lists, unsigned count, char *error,
                                             size_t error_size);

/* Frees a table. NULL is allowed. */
void tux_media_types_free(const struct tux_media_types *types);

#endif
