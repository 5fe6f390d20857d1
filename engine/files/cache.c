/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 64 };

bool cache_open(struct cache *cache, uint32_t max_count, uint32_t max_files, uint64_t max_bytes, uint64_t seed)
{
	cache->bucket = calloc(2 * FIRST_BUCKETS, sizeof(struct object *));
	cache->buckets = FIRST_BUCKETS;
	cache->split = 0;
	cache->max_count = max_count;
	cache->max_files = max_files;
	cache->max_bytes = max_bytes;
	cache->seed = seed;
	cache->order.next = cache->order.prev = &cache->order;
	return cache->bucket != NULL;
}

void cache_free(struct cache *cache)
{
	if (cache->bucket == NULL)
		return;
	cache_clear(cache);
	free(cache->bucket);
	cache->bucket = NULL;
}

/* Hashes eight bytes per step. Only paths of existing files are stored, so a multiplier and a seed suffice. */
static uint32_t hash(const struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len)
{
	const uint64_t multiplier = 0x9e3779b97f4a7c15u;
	uint64_t h = cache->seed ^ len ^ (uintptr_t)host;
	uint64_t word;

	while (len >= 8) {
		memcpy(&word, key, 8);
		h = (h ^ word) * multiplier;
		h ^= h >> 32;
		key += 8;
		len -= 8;
	}
	word = 0;
	memcpy(&word, key, len);
	h = (h ^ word) * multiplier;
	h = (h ^ h >> 32) * multiplier;
	return (uint32_t)(h >> 32);
}

/* Returns the bucket of a hash. */
static struct object **bucket_of(const struct cache *cache, uint32_t hash)
{
	const uint32_t at = hash & (cache->buckets - 1);

	return &cache->bucket[at < cache->split ? hash & (2 * cache->buckets - 1) : at];
}

/* Doubles the room after all buckets are split. Returns false if out of memory. */
static bool double_room(struct cache *cache)
{
	struct object **bucket = cache->buckets < 1u << 28 ? realloc(cache->bucket, 4 * (size_t)cache->buckets * sizeof(*bucket)) : NULL;

	if (bucket == NULL)
		return false;
	cache->bucket = bucket;
	cache->buckets *= 2;
	cache->split = 0;
	return true;
}

/* Splits a bucket if there are more objects than buckets. Out of memory, the buckets stay as they are. */
static void grow(struct cache *cache)
{
	struct object **from;
	struct object *object;

	if (cache->count <= cache->buckets + cache->split || (cache->split == cache->buckets && !double_room(cache)))
		return;
	from = &cache->bucket[cache->split++];
	object = *from;
	*from = from[cache->buckets] = NULL;
	while (object != NULL) {
		struct object *next = object->hash_next;
		struct object **link = bucket_of(cache, object->hash);

		object->hash_next = *link;
		*link = object;
		object = next;
	}
}

static struct object *find(struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len, uint32_t h)
{
	struct object *object = *bucket_of(cache, h);

	while (object != NULL &&
	       (object->hash != h || object->host != host || object->key_len != len || memcmp(object->key, key, len) != 0))
		object = object->hash_next;
	return object;
}

struct object *cache_find(struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len)
{
	struct object *object = find(cache, host, key, len, hash(cache, host, key, len));

	if (object != NULL)
		object->used = true;
	return object;
}

static void order_remove(struct object *object)
{
	object->prev->next = object->next;
	object->next->prev = object->prev;
}

static void order_first(struct cache *cache, struct object *object)
{
	object->next = cache->order.next;
	object->prev = &cache->order;
	object->next->prev = object;
	cache->order.next = object;
}

void cache_drop(struct cache *cache, struct object *object)
{
	struct object **link = bucket_of(cache, object->hash);

	if (!object->cached)
		return;
	while (*link != object)
		link = &(*link)->hash_next;
	*link = object->hash_next;
	order_remove(object);
	object->cached = false;
	cache->count--;
	cache->files -= object->files;
	cache->bytes -= object->memory_bytes;
	object_put(object);
}

/* Evicts from the oldest on. An object used since the last pass gets another round. */
static void evict(struct cache *cache, uint32_t max_files)
{
	while (cache->count > cache->max_count || cache->bytes > cache->max_bytes || cache->files > max_files) {
		struct object *oldest = cache->order.prev;

		if (oldest->used) {
			oldest->used = false;
			order_remove(oldest);
			order_first(cache, oldest);
		} else {
			cache_drop(cache, oldest);
		}
	}
}

void cache_insert(struct cache *cache, struct object *object)
{
	struct object *old;
	struct object **link;

	object->hash = hash(cache, object->host, object->key, object->key_len);
	old = find(cache, object->host, object->key, object->key_len, object->hash);
	if (old != NULL)
		cache_drop(cache, old);
	link = bucket_of(cache, object->hash);
	object->hash_next = *link;
	*link = object_get(object);
	order_first(cache, object);
	object->cached = true;
	cache->count++;
	cache->files += object->files;
	cache->bytes += object->memory_bytes;
	evict(cache, cache->max_files);
	grow(cache);
}

void cache_drop_path(struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len)
{
	struct object *object = find(cache, host, key, len, hash(cache, host, key, len));

	if (object != NULL)
		cache_drop(cache, object);
}

void cache_drop_beneath(struct cache *cache, const struct tux_host *host, const uint8_t *prefix, uint32_t len)
{
	struct object *next;

	for (struct object *object = cache->order.next; object != &cache->order; object = next) {
		next = object->next;
		if (object->host == host && object->key_len >= len && memcmp(object->key, prefix, len) == 0)
			cache_drop(cache, object);
	}
}

void cache_clear(struct cache *cache)
{
	while (cache->count > 0)
		cache_drop(cache, cache->order.next);
}

void cache_trim(struct cache *cache, uint32_t max_files)
{
	evict(cache, max_files);
}
