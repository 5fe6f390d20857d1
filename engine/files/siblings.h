/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The precompressed siblings in a directory, so that a look-up opens only those that may exist. A set of hashes: it may name siblings
 * that do not exist, but it lacks none that does.
 */
#ifndef TUX_ENGINE_FILES_SIBLINGS_H
#define TUX_ENGINE_FILES_SIBLINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef TUX_CHECK_REQUESTS /* small enough for tests of the limits */
enum { SIBLINGS_MAX = 128 };
#else
enum { SIBLINGS_MAX = 1 << 17 };
#endif

/* SIBLINGS_MAX: files with siblings in one directory. */
enum { SIBLINGS_MAX_NAMES = 8 * SIBLINGS_MAX }; /* names in one directory */

struct siblings {
	uint32_t *slot;    /* upper bits of a hash, then a bit per coding; 0 = empty */
	uint32_t mask;     /* number of slots - 1 */
	uint32_t count;    /* slots in use */
	uint8_t key[16];   /* of the hash */
};

/* Adds a name, if it ends like that of a sibling. Returns false if out of memory, or over the limit. */
bool siblings_add(struct siblings *siblings, const char *name, size_t len);

/* Adds all siblings of another set with the same key. Returns false like siblings_add(). */
bool siblings_merge(struct siblings *siblings, const struct siblings *more);

/* Returns a set, bit 1 << coding, of the siblings that a file may have. */
unsigned siblings_of(const struct siblings *siblings, const char *name, size_t len);

/* Adds all names of a directory. Returns false if it has too many, or cannot be read, or out of memory. May block. */
bool siblings_read(struct siblings *siblings, int dir_fd);

/* Frees the set and leaves it empty, with its key. */
void siblings_clear(struct siblings *siblings);

#endif
