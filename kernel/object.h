/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object: open files that a path leads to, with all that is needed to answer for them; and the cache of objects. */
#ifndef TUX_KERNEL_OBJECT_H
#define TUX_KERNEL_OBJECT_H

#include <linux/fs.h>
#include <linux/refcount.h>

#include "../core/response.h"

struct fields;
struct site;

/* What tells whether a file is still the one that was opened. */
struct stamp {
	u64 size;
	s64 mtime_s, ctime_s;
	u32 mtime_ns, ctime_ns;
	u32 mode;
	u32 links;
};

/* A directory above a file, as it was when the file was opened. Compared as a whole: ctime shows a changed ACL or label, too. */
struct step {
	s64 ctime_s;
	u32 ctime_ns;
	u32 mode;
	u32 uid, gid;
};

/* The file itself, or a precompressed sibling. */
struct representation {
	struct file *file; /* NULL: there is none */
	struct stamp stamp;
	s64 last_modified; /* -1: none to tell */
	u8 *head;          /* of a 200 on a connection of HTTP/1.1 that stays open */
	u16 head_len;
	u16 date_off;      /* of the date in head, to be stamped */
	u8 etag_len;
	u8 etag[TUX_MAX_ETAG];
};

struct object {
	struct hlist_node bucket;
	struct list_head order; /* of the cache, under its lock; empty: not in the cache */
	struct rcu_head rcu;
	refcount_t refs;
	bool used;              /* since the cache last looked */
	const struct site *site;
	const struct fields *fields; /* of the path, as the heads have them */
	u8 available;           /* bit 1 << coding of the representations */
	u8 stored;              /* enum tux_coding of the file itself: gzip for .svgz */
	struct tux_text type;   /* media type */
	struct representation representation[TUX_CODINGS];
	struct step *step;      /* from the directory that the file is in to the root */
	u32 steps;
	u64 named;              /* when all names of it last held: the system's count of renames, and jiffies in the low half */
	u32 hash;
	u32 key_len;
	u32 name_len;
	u8 *name;               /* behind key: the file beneath the root, for a directory its index */
	u8 key[];               /* the normalised path */
};

struct cache {
	spinlock_t lock; /* of what changes; finding is under RCU */
	struct hlist_head *bucket;
	u32 mask;
	u32 count;
	u32 max_count;
	u32 seed;
	struct list_head order; /* the longest known first */
	struct shrinker *shrinker;
};

int ktux_cache_open(struct cache *cache, u32 max_count);
/* Nobody uses the cache any more. Process context. */
void ktux_cache_close(struct cache *cache);

/* The object of a path of a site, a reference of the caller's; NULL when it is not known. Any context. */
struct object *ktux_cache_find(struct cache *cache, const struct site *site, const u8 *key, u32 len);

/* Keeps an object (a reference of its own) in place of one of the same path and site. Process context. */
void ktux_cache_insert(struct cache *cache, struct object *object);

/* Forgets an object; those who hold references go on with it. Any context. */
void ktux_cache_drop(struct cache *cache, struct object *object);

/* A new object of one reference, without representations; NULL without memory. Process context. */
struct object *ktux_object_new(const struct site *site, const u8 *key, u32 key_len, const u8 *index, u32 index_len);
static inline struct object *ktux_object_get(struct object *object)
{
	refcount_inc(&object->refs);
	return object;
}
void ktux_object_put(struct object *object); /* any context */

/* Returns the Content-Encoding of a representation. Any context. */
static inline enum tux_coding object_coding(const struct object *object, enum tux_coding coding)
{
	return coding == TUX_CODING_IDENTITY ? (enum tux_coding)object->stored : coding;
}

/* The facts that a decision about one representation needs, and a head. Any context. */
struct tux_facts ktux_object_facts(const struct object *object, enum tux_coding coding, s64 now_s);

void ktux_stamp_take(struct stamp *stamp, const struct inode *inode);
bool ktux_stamp_holds(const struct stamp *stamp, const struct inode *inode);

#endif
