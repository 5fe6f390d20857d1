/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object: what a normalised path leads to, with all that is needed to answer for it. */
#ifndef TUX_ENGINE_FILES_OBJECT_H
#define TUX_ENGINE_FILES_OBJECT_H

#include "../../core/response.h"
#include "../log/cause.h"
#include "stamp.h"

#include <sys/types.h>

struct tux_fields;
struct tux_site;

enum object_kind {
	OBJECT_FILE,
	OBJECT_DIRECTORY, /* named without its slash: 301 */
	OBJECT_LISTABLE,  /* a directory without an index */
	OBJECT_MISSING,   /* 404 */
	OBJECT_FORBIDDEN, /* 403 */
	OBJECT_PROGRAM,   /* a file that is one; never its text */
	OBJECT_MODULE,    /* a file that names one */
	OBJECT_REDIRECT,  /* a file that another server answers for */
	OBJECT_BUSY,      /* 503: no descriptor or memory was left */
	OBJECT_BROKEN,    /* 500: the file system failed */
};

/* The file itself, or a precompressed sibling. */
struct representation {
	struct stamp stamp;
	uint8_t *memory;      /* the body; NULL when it stays in the file */
	int fd;               /* -1 when the body is in memory */
	uint8_t *head;        /* of a 200 on a connection of HTTP/1.1 that stays open */
	uint16_t head_len;
	uint16_t date_off;    /* of the date in head, to be stamped */
	int64_t last_modified; /* -1: none to tell */
	uint8_t etag_len;
	uint8_t etag[TUX_MAX_ETAG];
};

struct object {
	struct object *hash_next;
	struct object *prev, *next; /* the cache's order of use */
	uint64_t hash;
	uint64_t checked_ms;  /* when the file system was last asked */
	uint64_t memory_bytes;
	uint32_t files;       /* descriptors held */
	uint32_t refs;
	bool cached;
	bool used;            /* since the cache last looked */
	bool sure;            /* inotify tells of every change that it can see */
	bool settled;         /* old enough for its times to tell every later write */
	bool local;           /* on a file system whose changes happen on this machine */
	bool no_index;        /* a directory that has no index */
	struct cause cause;   /* of OBJECT_FORBIDDEN, OBJECT_BUSY and OBJECT_BROKEN */
	uint8_t kind;         /* enum object_kind */
	uint8_t available;    /* bit 1 << coding of the representations, with OBJECT_FILE */
	uint8_t stored;       /* enum tux_coding of the file itself: gzip for .svgz */
	struct tux_text type; /* media type */
	const struct tux_site *site;
	const struct tux_fields *fields; /* that its heads are built with */
	char *file;           /* beneath the site's root, as opened: for a directory its index */
	struct representation representation[TUX_CODINGS]; /* of a directory: the first one's stamp */
	uint32_t key_len;
	uint8_t key[];        /* the normalised path */
};

/* A new object of one reference that says kind; NULL without memory. */
struct object *object_new(const struct tux_site *site, const uint8_t *key, uint32_t key_len, enum object_kind kind);

struct object *object_get(struct object *object);
void object_put(struct object *object);

/* Returns the Content-Encoding of a representation. */
static inline enum tux_coding object_coding(const struct object *object, enum tux_coding coding)
{
	return coding == TUX_CODING_IDENTITY ? (enum tux_coding)object->stored : coding;
}

/* The facts that a decision about one representation needs, and a head. */
struct tux_facts object_facts(const struct object *object, enum tux_coding coding, int64_t now_s);

#endif
