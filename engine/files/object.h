/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object: the file or directory of a normalised path, with everything needed for a response. */
#ifndef TUX_ENGINE_FILES_OBJECT_H
#define TUX_ENGINE_FILES_OBJECT_H

#include "../../core/response.h"
#include "../log/cause.h"
#include "stamp.h"

#include <sys/types.h>

struct residence;
struct tux_fields;
struct tux_host;

enum object_kind {
	OBJECT_FILE,
	OBJECT_DIRECTORY, /* requested without its slash: 301 */
	OBJECT_LISTABLE,  /* a directory without an index */
	OBJECT_MISSING,   /* 404 */
	OBJECT_FORBIDDEN, /* 403 */
	OBJECT_PROGRAM,   /* a CGI program; its content is never sent */
	OBJECT_MODULE,    /* a file that names a module */
	OBJECT_REDIRECT,  /* a file for which another server responds */
	OBJECT_BUSY,      /* 503: out of descriptors or memory */
	OBJECT_BROKEN,    /* 500: the file system failed */
};

/* The file itself, or a precompressed sibling. */
struct representation {
	struct stamp stamp;
	uint8_t *memory;      /* the body; NULL = it stays in the file */
	int fd;               /* -1 = the body is in memory */
	struct residence *residence; /* malloc'ed: of fd's bytes in the page cache; NULL = unknown */
	uint8_t *head;        /* head of a 200 on a persistent HTTP/1.1 connection */
	uint16_t head_len;
	uint16_t date_off;    /* offset of the date in head, which is replaced */
	int64_t last_modified; /* seconds since 1970; -1 = not sent */
	uint8_t etag_len;
	uint8_t etag[TUX_MAX_ETAG];
};

struct object {
	struct object *hash_next;
	struct object *prev, *next; /* the cache's order of use */
	uint64_t hash;
	uint64_t checked_ms;  /* time of the last check of the file system */
	uint64_t memory_bytes;
	uint32_t files;       /* descriptors held */
	uint32_t refs;
	bool cached;
	bool used;            /* used since the cache's last pass */
	bool sure;            /* inotify reports every change that it can see */
	bool settled;         /* old enough for its times to show every later write */
	bool local;           /* on a file system that changes only on this machine */
	bool no_index;        /* a directory without an index */
	struct cause cause;   /* cause of OBJECT_FORBIDDEN, OBJECT_BUSY and OBJECT_BROKEN */
	uint8_t kind;         /* enum object_kind */
	uint8_t available;    /* bit 1 << coding of the representations, with OBJECT_FILE */
	uint8_t stored;       /* enum tux_coding of the file itself: gzip for .svgz */
	struct tux_text type; /* media type */
	const struct tux_host *host;
	const struct tux_fields *fields; /* additional fields of its heads */
	char *file;           /* path relative to the host's root, as opened; for a directory its index */
	struct representation representation[TUX_CODINGS]; /* for a directory only the first one's stamp */
	uint32_t key_len;
	uint8_t key[];        /* the normalised path */
};

/* Returns a new object of this kind with one reference; NULL if out of memory. */
struct object *object_new(const struct tux_host *host, const uint8_t *key, uint32_t key_len, enum object_kind kind);

struct object *object_get(struct object *object);
void object_put(struct object *object);

/* Returns the Content-Encoding of a representation. */
static inline enum tux_coding object_coding(const struct object *object, enum tux_coding coding)
{
	return coding == TUX_CODING_IDENTITY ? (enum tux_coding)object->stored : coding;
}

/* Returns the facts about one representation for tux_respond_decide() and the head. */
struct tux_facts object_facts(const struct object *object, enum tux_coding coding, int64_t now_s);

#endif
