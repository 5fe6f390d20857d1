// SPDX-License-Identifier: GPL-2.0-or-later
#include "object.h"

#include <linux/file.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "host.h"

/*
 * data_race(): the inode changes without a lock of ours, as for stat(2). A stamp of two states differs from both, or is one that
 * the next look compares again.
 */
void ktux_stamp_take(struct stamp *stamp, const struct inode *inode)
{
	struct timespec64 mtime = data_race(inode_get_mtime(inode)); /* as above */
	struct timespec64 ctime = data_race(inode_get_ctime(inode)); /* as above */

	*stamp = (struct stamp){
		.size = (u64)i_size_read(inode),
		.mtime_s = mtime.tv_sec,
		.mtime_ns = (u32)mtime.tv_nsec,
		.ctime_s = ctime.tv_sec,
		.ctime_ns = (u32)ctime.tv_nsec,
		.mode = data_race(inode->i_mode), /* as above */
		.links = data_race(inode->i_nlink), /* as above */
	};
}

bool ktux_stamp_holds(const struct stamp *stamp, const struct inode *inode)
{
	struct stamp now;

	ktux_stamp_take(&now, inode);
	return stamp->size == now.size && stamp->mtime_s == now.mtime_s && stamp->mtime_ns == now.mtime_ns &&
	       stamp->ctime_s == now.ctime_s && stamp->ctime_ns == now.ctime_ns && stamp->mode == now.mode &&
	       stamp->links == now.links;
}

/* Returns the number of directories from the one that contains a name up to the root. */
static u32 count_steps(const u8 *name, u32 len)
{
	u32 steps = 1, i;

	for (i = 0; i < len; i++)
		steps += name[i] == '/';
	return steps;
}

struct object *ktux_object_new(const struct host *host, const u8 *key, u32 key_len, const u8 *index, u32 index_len)
{
	u32 name_len = key_len - 1 + index_len;
	struct object *object = kzalloc(struct_size(object, key, key_len + name_len + 1), GFP_KERNEL_ACCOUNT);

	if (!object)
		return NULL;
	refcount_set(&object->refs, 1);
	INIT_LIST_HEAD(&object->order);
	object->host = host;
	object->fields = ktux_host_fields(host, key, key_len);
	object->key_len = key_len;
	memcpy(object->key, key, key_len);
	object->name = object->key + key_len;
	object->name_len = name_len;
	memcpy(object->name, key + 1, key_len - 1); /* below the root: without the first '/' */
	memcpy(object->name + key_len - 1, index, index_len);
	object->steps = count_steps(object->name, name_len);
	object->step = kvcalloc(object->steps, sizeof(*object->step), GFP_KERNEL_ACCOUNT);
	if (!object->step) {
		kfree(object);
		return NULL;
	}
	return object;
}

static void object_free(struct rcu_head *rcu)
{
	struct object *object = container_of(rcu, struct object, rcu);
	int coding;

	for (coding = 0; coding < TUX_CODINGS; coding++)
		kfree(object->representation[coding].head);
	kvfree(object->step);
	kfree(object);
}

void ktux_object_put(struct object *object)
{
	int coding;

	if (!refcount_dec_and_test(&object->refs))
		return;
	for (coding = 0; coding < TUX_CODINGS; coding++)
		if (object->representation[coding].file)
			fput(object->representation[coding].file);
	call_rcu(&object->rcu, object_free);
}

struct tux_facts ktux_object_facts(const struct object *object, enum tux_coding coding, s64 now_s)
{
	const struct representation *rep = &object->representation[coding];

	return tux_facts_told(rep->stamp.size, rep->etag, rep->etag_len, rep->last_modified, now_s);
}

static u32 hash_of(const struct cache *cache, const struct host *host, const u8 *key, u32 len)
{
	return jhash(key, len, cache->seed ^ hash_ptr(host, 32));
}

struct object *ktux_cache_find(struct cache *cache, const struct host *host, const u8 *key, u32 len)
{
	u32 hash = hash_of(cache, host, key, len);
	struct object *object;

	rcu_read_lock();
	hlist_for_each_entry_rcu(object, &cache->bucket[hash & cache->mask], bucket) {
		if (object->hash == hash && object->host == host && object->key_len == len && memcmp(object->key, key, len) == 0 &&
		    refcount_inc_not_zero(&object->refs)) {
			rcu_read_unlock();
			if (!READ_ONCE(object->used))
				WRITE_ONCE(object->used, true);
			return object;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/* Removes an object from the cache. The caller gets the cache's reference. Under the lock. */
static void unlink_object(struct cache *cache, struct object *object)
{
	hlist_del_rcu(&object->bucket);
	list_del_init(&object->order);
	WRITE_ONCE(cache->count, cache->count - 1);
}

/* Removes the oldest object that was not used since the last check. Returns NULL if the cache is empty. Under the lock. */
static struct object *take_oldest(struct cache *cache)
{
	u32 looks = cache->count;

	while (!list_empty(&cache->order)) {
		struct object *object = list_first_entry(&cache->order, struct object, order);

		if (READ_ONCE(object->used) && looks > 0) {
			looks--;
			WRITE_ONCE(object->used, false);
			list_move_tail(&object->order, &cache->order);
			continue;
		}
		unlink_object(cache, object);
		return object;
	}
	return NULL;
}

void ktux_cache_drop(struct cache *cache, struct object *object)
{
	bool cached;

	spin_lock_bh(&cache->lock);
	cached = !list_empty(&object->order);
	if (cached)
		unlink_object(cache, object);
	spin_unlock_bh(&cache->lock);
	if (cached)
		ktux_object_put(object);
}

void ktux_cache_insert(struct cache *cache, struct object *object)
{
	struct object *old, *other = NULL, *oldest = NULL;

	object->hash = hash_of(cache, object->host, object->key, object->key_len);
	spin_lock_bh(&cache->lock);
	hlist_for_each_entry(old, &cache->bucket[object->hash & cache->mask], bucket) {
		if (old->hash == object->hash && old->host == object->host && old->key_len == object->key_len &&
		    memcmp(old->key, object->key, old->key_len) == 0) {
			unlink_object(cache, old);
			other = old;
			break;
		}
	}
	if (cache->count >= cache->max_count)
		oldest = take_oldest(cache);
	hlist_add_head_rcu(&ktux_object_get(object)->bucket, &cache->bucket[object->hash & cache->mask]);
	list_add_tail(&object->order, &cache->order);
	WRITE_ONCE(cache->count, cache->count + 1);
	spin_unlock_bh(&cache->lock);
	if (other)
		ktux_object_put(other);
	if (oldest)
		ktux_object_put(oldest);
}

static unsigned long count_objects(struct shrinker *shrinker, struct shrink_control *control)
{
	struct cache *cache = ktux_compat_shrinker_data(shrinker);

	return READ_ONCE(cache->count);
}

static unsigned long scan_objects(struct shrinker *shrinker, struct shrink_control *control)
{
	struct cache *cache = ktux_compat_shrinker_data(shrinker);
	unsigned long freed;

	for (freed = 0; freed < control->nr_to_scan; freed++) {
		struct object *object;

		spin_lock_bh(&cache->lock);
		object = take_oldest(cache);
		spin_unlock_bh(&cache->lock);
		if (!object)
			break;
		ktux_object_put(object);
	}
	return freed > 0 ? freed : SHRINK_STOP;
}

int ktux_cache_open(struct cache *cache, u32 max_count)
{
	u32 buckets = roundup_pow_of_two(max_count);

	spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->order);
	cache->max_count = max_count;
	cache->mask = buckets - 1;
	cache->seed = get_random_u32();
	cache->bucket = kvcalloc(buckets, sizeof(*cache->bucket), GFP_KERNEL_ACCOUNT);
	if (!cache->bucket)
		return -ENOMEM;
	cache->shrinker = ktux_compat_shrinker_open(count_objects, scan_objects, cache);
	if (!cache->shrinker) {
		kvfree(cache->bucket);
		cache->bucket = NULL;
		return -ENOMEM;
	}
	return 0;
}

void ktux_cache_close(struct cache *cache)
{
	struct object *object;

	if (!cache->bucket)
		return;
	ktux_compat_shrinker_close(cache->shrinker);
	while ((object = take_oldest(cache)))
		ktux_object_put(object);
	kvfree(cache->bucket);
	cache->bucket = NULL;
}
