/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

bool cache_open(struct cache *cache, uint32_t max_count, uint32_t max_files, uint64_t max_bytes, uint64_t seed)
{
	uint32_t buckets = 64;

	while (buckets < max_count && buckets < (1u << 24))
		buckets *= 2;
	cache->bucket = calloc(buckets, sizeof(struct object *));
	cache->bucket_mask = buckets - 1;
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
static uint64_t hash(const struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len)
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
	return h ^ h >> 29;
}

static struct object *find(struct cache *cache, const struct tux_host *host, const uint8_t *key, uint32_t len, uint64_t h)
{
	struct object *object = cache->bucket[h & cache->bucket_mask];

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
	struct object **link = &cache->bucket[object->hash & cache->bucket_mask];

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

	object->hash = hash(cache, object->host, object->key, object->key_len);
	old = find(cache, object->host, object->key, object->key_len, object->hash);
	if (old != NULL)
		cache_drop(cache, old);
	object->hash_next = cache->bucket[object->hash & cache->bucket_mask];
	cache->bucket[object->hash & cache->bucket_mask] = object_get(object);
	order_first(cache, object);
	object->cached = true;
	cache->count++;
	cache->files += object->files;
	cache->bytes += object->memory_bytes;
	evict(cache, cache->max_files);
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
