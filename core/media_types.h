/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media types that a configuration sets: types that precede those of media_type.h, and a fallback after them. The table is plain
 * data with offsets, so that it can be passed to the kernel.
 */
#ifndef TUX_CORE_MEDIA_TYPES_H
#define TUX_CORE_MEDIA_TYPES_H

#include "media_type.h"
#include "negotiate.h"

enum {
	TUX_MAX_MEDIA_TYPES = 512,          /* extensions of one table */
	TUX_MAX_MEDIA_TYPE_TEXT = 32768,    /* bytes of all media types of a table */
	TUX_MAX_MEDIA_TYPE = 127,           /* bytes of a media type */
	TUX_MAX_MEDIA_TYPE_EXTENSION = 31,  /* bytes */
};

/* A media type as a part of tux_media_types.text. len 0 = not set. */
struct tux_media_type_text {
	uint16_t off;
	uint16_t len; /* bytes, at most TUX_MAX_MEDIA_TYPE */
};

struct tux_media_type_of {
	uint8_t extension[TUX_MAX_MEDIA_TYPE_EXTENSION + 1]; /* without its dot, in lower case, followed by at least one zero */
	struct tux_media_type_text type;
};

/* All zeros set nothing. */
struct tux_media_types {
	const struct tux_media_type_of *of;
	const char *text;
	uint32_t count;                      /* number of entries in of */
	uint32_t text_len;                   /* bytes */
	struct tux_media_type_text every;    /* for every file, regardless of its name */
	struct tux_media_type_text fallback; /* for files whose names are in no table; not set = application/octet-stream */
};

/* A file's media type, and the coding that the file itself has (.svgz is gzip). */
struct tux_media {
	struct tux_text type;
	enum tux_coding coding;
};

/* For the proof: the memory of a table can be read, and its media types lie inside its text. */
/*@ predicate media_types_readable{L}(struct tux_media_types *types) =
  @   \valid_read(types) && types->count <= 512 && types->text_len <= 32768 &&
  @   \valid_read(types->of + (0 .. types->count - 1)) && \valid_read(types->text + (0 .. types->text_len - 1));
  @ predicate media_type_inside(struct tux_media_type_text type, integer text_len) =
  @   type.len <= 127 && type.off + type.len <= text_len;
  @ predicate media_types_inside{L}(struct tux_media_types *types) =
  @   media_type_inside(types->every, types->text_len) && media_type_inside(types->fallback, types->text_len) &&
  @   (\forall integer i; 0 <= i < types->count ==> media_type_inside(types->of[i].type, types->text_len));
  @*/

/*
 * True if a table from another program is valid: it keeps the limits, and every media type lies inside the text. The text is
 * visible ASCII and spaces, so no media type ends a field line. Any context.
 */
/*@ requires \valid_read(types);
  @ requires types->count <= 512 ==> \valid_read(types->of + (0 .. types->count - 1));
  @ requires types->text_len <= 32768 ==> \valid_read(types->text + (0 .. types->text_len - 1));
  @ assigns \nothing;
  @ ensures \result ==> types->count <= 512 && types->text_len <= 32768 && media_types_inside(types);
  @ ensures \result ==> \forall integer i; 0 <= i < types->text_len ==> 0x20 <= types->text[i] <= 0x7e;
  @*/
bool tux_media_types_valid(const struct tux_media_types *types);

/*
 * Returns the media type of a file. It is the one for every file if set, else that of its last extension in the table, else the
 * built-in one, else the fallback. name is the path or its last segment, len bytes. Any context.
 */
/*@ requires media_types_readable(types) && media_types_inside(types) && \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result.coding < TUX_CODINGS;
  @*/
struct tux_media tux_media_types_find(const struct tux_media_types *types, const uint8_t *name, uint32_t len);

#endif
