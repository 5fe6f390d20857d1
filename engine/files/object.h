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

/*
 * The file itself, or a precompressed sibling, in one allocation: the body, if it is in memory, and the head of a 200 on a persistent
 * HTTP/1.1 connection follow in bytes.
 */
struct representation {
	struct stamp stamp;
	struct residence *residence; /* malloc'ed: of fd's bytes in the page cache; NULL = unknown */
	int fd;              /* -1 = the body is in memory */
	bool in_memory;
	uint8_t etag_len;
	uint16_t head_len;   /* 0 = the head of each response is written anew */
	uint16_t date_off;   /* offset of the date in the head, which is replaced */
	uint8_t etag[TUX_MAX_ETAG];
	uint8_t bytes[];
};

struct object {
	struct object *hash_next;
	struct object *prev, *next; /* the cache's order of use */
	const struct tux_host *host;
	uint32_t hash;
	uint32_t key_len;
	struct representation *representation[TUX_CODINGS]; /* NULL: not available; of a directory only the first one's stamp */
	uint64_t checked_ms;  /* time of the last check of the file system */
	const struct tux_fields *fields; /* additional fields of its heads */
	struct tux_text type; /* media type */
	char *file;           /* path relative to the host's root, as opened: a part of key, or of its own for the index of a directory */
	uint64_t memory_bytes;
	uint32_t refs;
	uint8_t files;        /* descriptors held */
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
	uint8_t key[];        /* the normalised path, ended by NUL */
};

/* Returns the body of a representation; NULL if it is not in memory. */
static inline const uint8_t *representation_memory(const struct representation *rep)
{
	return rep->in_memory ? rep->bytes : NULL;
}

/* Returns the prebuilt head, of head_len bytes. */
static inline const uint8_t *representation_head(const struct representation *rep)
{
	return rep->bytes + (rep->in_memory ? rep->stamp.size : 0);
}

/* Returns the time of the last change to send, in seconds since 1970; -1: none. Archives and package stores set mtime to 0 or 1. */
static inline int64_t representation_modified(const struct representation *rep)
{
	return rep->stamp.mtime_s > 1 ? rep->stamp.mtime_s : -1;
}

/* Returns a new object of this kind with one reference; NULL if out of memory. */
struct object *object_new(const struct tux_host *host, const uint8_t *key, uint32_t key_len, enum object_kind kind);

/* Returns a new object of an open file without a path, which owns fd from then on; NULL if out of memory: fd stays the caller's. */
struct object *object_of_file(const struct tux_host *host, int fd);

/* Sets the path as opened. Returns false if out of memory. */
bool object_name(struct object *object, const char *file);

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
