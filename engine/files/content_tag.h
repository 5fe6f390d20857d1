/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes of file contents for entity tags that are the same on every machine, kept in memory for each version of a file. */
#ifndef TUX_ENGINE_FILES_CONTENT_TAG_H
#define TUX_ENGINE_FILES_CONTENT_TAG_H

#include "object.h"

#define CONTENT_TAG_MAX_BYTES (UINT64_C(1) << 30) /* a longer file has the weak tag of its identity */
#define CONTENT_TAG_LONG_BYTES (UINT64_C(4) << 20) /* a longer file is read in a slow job */
#define CONTENT_TAG_CHUNK_BYTES (64u * 1024) /* bytes hashed at a time */

struct content_tags;

/* Returns the table shared by all workers and loader threads; NULL if out of memory. */
struct content_tags *content_tags_open(void);
void content_tags_free(struct content_tags *tags);

/* Makes content_tag_read() return 0 soon in every thread. NULL is permitted. */
void content_tags_stop(struct content_tags *tags);

/* Returns the hash of a version of a file, 0 if it is unknown. Never blocks. Any thread. */
uint64_t content_tag_find(struct content_tags *tags, const struct stamp *stamp);

/*
 * Reads a file and returns the hash of its bytes, which is kept. Blocks; other threads that need the same version wait for it.
 * Returns 0 if the file cannot be read, or is no longer the version of the stamp.
 */
uint64_t content_tag_read(struct content_tags *tags, int fd, const struct stamp *stamp);

/* Returns the hash of bytes in memory, never 0: the one that content_tag_read() returns for a file of them. */
uint64_t content_tag_of(const uint8_t *data, uint64_t len);

/* Writes the strong entity tag of a content. Returns its bytes. */
uint32_t content_tag_format(uint64_t hash, uint64_t size, enum tux_coding coding, uint8_t out[TUX_MAX_ETAG]);

#endif
