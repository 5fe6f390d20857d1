/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object cache of one thread: keyed by host and path, limited in entries and bytes, evicts the least recently used object. */
#ifndef TUX_ENGINE_FILES_CACHE_H
#define TUX_ENGINE_FILES_CACHE_H

#include "object.h"

/*
 * The hash table grows bucket by bucket (linear hashing), so that no insertion waits for a larger table to be filled: bucket `split`
 * is the next to be split, those before it and those from `buckets` on use one more bit of the hash.
 */
struct cache {
	struct object **bucket; /* room for 2 * buckets */
	uint32_t buckets;       /* a power of two */
	uint32_t split;
	uint32_t count;
	uint32_t max_count;
	uint32_t files;     /* descriptors held by objects */
	uint32_t max_files;
	uint64_t bytes;
	uint64_t max_bytes; /* maximum bytes of bodies */
	uint64_t seed;
	struct object order; /* head of the ring: next is the youngest */
};

bool cache_open(struct cache *cache, uint32_t max_count, uint32_t max_files, uint64_t max_bytes, uint64_t seed);
void cache_free(struct cache *cache);

/* Returns the object of a host's path, borrowed; NULL if it is not cached. */
struct object *cache_find(struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len);

/* Stores an object with a reference of its own, and replaces one of the same path. */
void cache_insert(struct cache *cache, struct object *object);

/* Removes an object. Other references to it stay valid. */
void cache_drop(struct cache *cache, struct object *object);

/* Removes the objects of a host whose path is this one or starts with it. */
void cache_drop_path(struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len);
void cache_drop_beneath(struct cache *cache, const struct tux_host *host, const uint8_t *prefix, uint32_t len);
void cache_clear(struct cache *cache);

/* Removes the least recently used objects until at most max_files descriptors are held. For a shortage of descriptors. */
void cache_trim(struct cache *cache, uint32_t max_files);

#endif
