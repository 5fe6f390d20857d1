/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects and their cache. An object is the open files of a path, with everything needed to respond for them. */
#ifndef TUX_KERNEL_OBJECT_H
#define TUX_KERNEL_OBJECT_H

#include <linux/fs.h>
#include <linux/refcount.h>

#include "../core/response.h"

struct fields;
struct host;

/* File attributes that show if the open file was changed. */
struct stamp {
	u64 size;
	s64 mtime_s, ctime_s;
	u32 mtime_ns, ctime_ns;
	u32 mode;
	u32 links;
};

/*
 * A directory above a file, recorded when the file was opened. All members are compared: ctime also shows a changed ACL or label.
 */
struct step {
	s64 ctime_s;
	u32 ctime_ns;
	u32 mode;
	u32 uid, gid;
};

/* The file itself, or a precompressed sibling. */
struct representation {
	struct file *file; /* NULL: no such representation */
	struct stamp stamp;
	s64 last_modified; /* -1: not sent */
	u8 *head;          /* prebuilt head of a 200 response on a persistent HTTP/1.1 connection */
	u16 head_len;
	u16 date_off;      /* offset of the date in head; the date is set when head is sent */
	u8 etag_len;
	u8 etag[TUX_MAX_ETAG];
};

struct object {
	struct hlist_node bucket;
	struct list_head order; /* link in cache->order, under cache->lock; empty: not cached */
	struct rcu_head rcu;
	refcount_t refs;
	bool used;              /* found since the cache last checked */
	const struct host *host;
	const struct fields *fields; /* header fields for the path, already in the heads */
	u8 available;           /* bits 1 << coding of the representations */
	u8 stored;              /* enum tux_coding of the file itself: gzip for .svgz */
	struct tux_text type;   /* media type */
	struct representation representation[TUX_CODINGS];
	struct step *step;      /* the directories from the file's own up to the root */
	u32 steps;
	u64 named;              /* last check of all names: the rename sequence in the high half, jiffies in the low half */
	u32 hash;
	u32 key_len;
	u32 name_len;
	u8 *name;               /* after key: the file's path below the root; for a directory, its index */
	u8 key[];               /* normalised path */
};

struct cache {
	spinlock_t lock; /* guards changes; lookups use RCU */
	struct hlist_head *bucket;
	u32 mask;
	u32 count;
	u32 max_count;
	u32 seed;
	struct list_head order; /* oldest first */
	struct shrinker *shrinker;
};

int ktux_cache_open(struct cache *cache, u32 max_count);
/* Frees the cache. No user may be left. Process context. */
void ktux_cache_close(struct cache *cache);

/* Returns the object of a path of a host, with a new reference, or NULL if it is not cached. Any context. */
struct object *ktux_cache_find(struct cache *cache, const struct host *host, const u8 *key, u32 len);

/* Inserts an object with a new reference. Replaces an object of the same path and host. Process context. */
void ktux_cache_insert(struct cache *cache, struct object *object);

/* Removes an object. Holders of references keep it. Any context. */
void ktux_cache_drop(struct cache *cache, struct object *object);

/* Returns a new object with one reference and no representations, or NULL if out of memory. Process context. */
struct object *ktux_object_new(const struct host *host, const u8 *key, u32 key_len, const u8 *index, u32 index_len);
static inline struct object *ktux_object_get(struct object *object)
{
	refcount_inc(&object->refs);
	return object;
}
void ktux_object_put(struct object *object); /* any context */

/* Returns the Content-Encoding of a representation. Any context. */
static inline enum tux_coding ktux_object_coding(const struct object *object, enum tux_coding coding)
{
	return coding == TUX_CODING_IDENTITY ? (enum tux_coding)object->stored : coding;
}

/* Returns the facts about one representation that a decision and a head need. Any context. */
struct tux_facts ktux_object_facts(const struct object *object, enum tux_coding coding, s64 now_s);

void ktux_stamp_take(struct stamp *stamp, const struct inode *inode);
bool ktux_stamp_holds(const struct stamp *stamp, const struct inode *inode);

#endif
