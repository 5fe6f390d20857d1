/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object cache of one thread: found by site and path, bounded in entries and bytes, the longest unused goes first. */
#ifndef TUX_ENGINE_FILES_CACHE_H
#define TUX_ENGINE_FILES_CACHE_H

#include "object.h"

struct cache {
	struct object **bucket;
	uint32_t bucket_mask;
	uint32_t count;
	uint32_t max_count;
	uint32_t files;     /* descriptors that objects hold */
	uint32_t max_files;
	uint64_t bytes;
	uint64_t max_bytes; /* of bodies */
	uint64_t seed;
	struct object order; /* head of the ring: next is the youngest */
};

bool cache_open(struct cache *cache, uint32_t max_count, uint32_t max_files, uint64_t max_bytes, uint64_t seed);
void cache_free(struct cache *cache);

/* The object of a site's path, borrowed; NULL when it is not cached. */
struct object *cache_find(struct cache *cache, const struct tux_site *site, const uint8_t *key, uint32_t len);

/* Keeps an object (a reference of its own), replacing one of the same path. */
void cache_insert(struct cache *cache, struct object *object);

/* Forgets an object; those who hold references go on with it. */
void cache_drop(struct cache *cache, struct object *object);

/* Forgets what of a site has this path, or a path that starts with it. */
void cache_drop_path(struct cache *cache, const struct tux_site *site, const uint8_t *key, uint32_t len);
void cache_drop_beneath(struct cache *cache, const struct tux_site *site, const uint8_t *prefix, uint32_t len);
void cache_clear(struct cache *cache);

/* Forgets the longest unused objects until at most max_files descriptors are held, for when they run out. */
void cache_trim(struct cache *cache, uint32_t max_files);

#endif
