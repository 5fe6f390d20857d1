// SPDX-License-Identifier: GPL-2.0-or-later
/* Objects, their cache, the stamps of files, and the walk from a file up to the root. */
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>

#include "kunit.h"
#include "instance.h"
#include "path_check.h"

static struct host host; /* without routes */

static struct object *object_new(struct kunit *test, const char *key, const char *index)
{
	struct object *object = ktux_object_new(&host, (const u8 *)key, (u32)strlen(key), (const u8 *)index, (u32)strlen(index));

	KUNIT_ASSERT_NOT_NULL(test, object);
	return object;
}

static struct object *find(struct cache *cache, const char *key)
{
	return ktux_cache_find(cache, &host, (const u8 *)key, (u32)strlen(key));
}

static void names(struct kunit *test)
{
	static const struct {
		const char *key, *index, *name;
		u32 steps;
	} vectors[] = {
		{ "/", "index.html", "index.html", 1 },
		{ "/a", "", "a", 1 },
		{ "/a/b/c.txt", "", "a/b/c.txt", 3 },
		{ "/a/b/", "x", "a/b/x", 3 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct object *object = object_new(test, vectors[i].key, vectors[i].index);

		KUNIT_EXPECT_STREQ(test, (const char *)object->name, vectors[i].name);
		KUNIT_EXPECT_EQ(test, object->name_len, strlen(vectors[i].name));
		KUNIT_EXPECT_EQ(test, object->steps, vectors[i].steps);
		ktux_object_put(object);
	}
}

/* An object replaces the one of its path. At the limit the oldest one leaves that was not used. Each put() ends a reference. */
static void caches(struct kunit *test)
{
	static const char *const keys[] = { "/a", "/b", "/c" };
	struct cache *cache = kunit_kzalloc(test, sizeof(*cache), GFP_KERNEL);
	struct object *object, *first, *again;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_EQ(test, ktux_cache_open(cache, 3), 0);
	KUNIT_EXPECT_NULL(test, find(cache, "/a"));
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		object = object_new(test, keys[i], "");
		ktux_cache_insert(cache, object);
		ktux_object_put(object);
	}
	KUNIT_EXPECT_EQ(test, cache->count, 3);
	first = find(cache, "/a"); /* used: /b is the next to leave */
	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_EXPECT_EQ(test, refcount_read(&first->refs), 2);
	object = object_new(test, "/d", "");
	ktux_cache_insert(cache, object);
	ktux_object_put(object);
	KUNIT_EXPECT_EQ(test, cache->count, 3);
	KUNIT_EXPECT_NULL(test, find(cache, "/b"));
	again = object_new(test, "/a", "");
	ktux_cache_insert(cache, again);
	KUNIT_EXPECT_EQ(test, refcount_read(&first->refs), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&again->refs), 2);
	ktux_object_put(first);
	object = find(cache, "/a");
	KUNIT_EXPECT_PTR_EQ(test, object, again);
	ktux_object_put(object);
	ktux_cache_drop(cache, again);
	ktux_cache_drop(cache, again); /* out of the cache already */
	KUNIT_EXPECT_EQ(test, refcount_read(&again->refs), 1);
	KUNIT_EXPECT_NULL(test, find(cache, "/a"));
	ktux_object_put(again);
	ktux_cache_close(cache);
	ktux_cache_close(cache);
	rcu_barrier();
}

/* Takes a reference to the guest's root, that of process 1: since Linux 7 the cases' threads, which are the kernel's, have an empty root. */
static void guest_root(struct path *root)
{
	struct task_struct *init = init_pid_ns.child_reaper;

	task_lock(init);
	get_fs_root(init->fs, root);
	task_unlock(init);
}

/* Each member of a stamp tells of a change. */
static void stamps(struct kunit *test)
{
	struct stamp stamp, other;
	struct inode *inode;
	struct path root;
	struct file *file;
	size_t at, wrong = 0;

	guest_root(&root);
	file = file_open_root(&root, "init", O_RDONLY, 0);
	path_put(&root);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(file), 0);
	inode = file_inode(file);
	memset(&stamp, 0, sizeof(stamp));
	ktux_stamp_take(&stamp, inode);
	KUNIT_EXPECT_TRUE(test, ktux_stamp_holds(&stamp, inode));
	for (at = 0; at < sizeof(stamp); at++) {
		other = stamp;
		((u8 *)&other)[at] ^= 1;
		wrong += ktux_stamp_holds(&other, inode);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0); /* the structure has no padding */
	fput(file);
}

/* The guest's own /root/script, two directories below the root. */
static struct object *script_new(struct kunit *test)
{
	struct object *object;

	guest_root(&host.root);
	object = object_new(test, "/root/script", "");
	object->representation[TUX_CODING_IDENTITY].file = file_open_root(&host.root, "root/script", O_RDONLY, 0);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(object->representation[TUX_CODING_IDENTITY].file), 0);
	ktux_stamp_take(&object->representation[TUX_CODING_IDENTITY].stamp,
			file_inode(object->representation[TUX_CODING_IDENTITY].file));
	return object;
}

static void script_free(struct object *object)
{
	ktux_object_put(object);
	path_put(&host.root);
	host.root = (struct path){};
}

/* Each member of each directory's step, and each letter of the name, tells of a change. */
static void walks(struct kunit *test)
{
	struct object *object = script_new(test);
	u32 at;

	KUNIT_ASSERT_TRUE(test, ktux_way_take(object));
	KUNIT_EXPECT_EQ(test, ktux_way_look(object), WAY_HOLDS);
	KUNIT_EXPECT_TRUE(test, ktux_way_holds(object));
	for (at = 0; at < object->steps; at++) {
		struct step step = object->step[at];
		struct step wrong[] = { step, step, step, step, step };
		size_t i;

		wrong[0].ctime_s++;
		wrong[1].ctime_ns ^= 1;
		wrong[2].mode ^= 1;
		wrong[3].uid++;
		wrong[4].gid++;
		for (i = 0; i < ARRAY_SIZE(wrong); i++) {
			object->step[at] = wrong[i];
			KUNIT_EXPECT_EQ(test, ktux_way_look(object), WAY_CHANGED);
		}
		object->step[at] = step;
	}
	for (at = 0; at < object->name_len; at++) {
		object->name[at] ^= 1;
		object->named = 0;
		KUNIT_EXPECT_NE(test, ktux_way_look(object), WAY_HOLDS);
		object->name[at] ^= 1;
	}
	object->named = 0;
	KUNIT_EXPECT_EQ(test, ktux_way_look(object), WAY_HOLDS);
	script_free(object);
}

/* A longer or a shorter way is another one. */
static void depths(struct kunit *test)
{
	static const char *const names[] = { "script", "/script", "oot/script", "a/root/script", "root/scrip", "root/script.gz" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct object *object, *other;

		object = script_new(test);
		other = ktux_object_new(&host, (const u8 *)"/", 1, (const u8 *)names[i], (u32)strlen(names[i]));
		KUNIT_ASSERT_NOT_NULL(test, other);
		swap(other->representation[TUX_CODING_IDENTITY], object->representation[TUX_CODING_IDENTITY]);
		KUNIT_EXPECT_FALSE(test, ktux_way_take(other));
		ktux_object_put(other);
		script_free(object);
	}
}

/* During a rename nothing is sure, and a look in softirq does not wait for it. */
static void renames(struct kunit *test)
{
	struct object *object = script_new(test);
	enum way way;

	KUNIT_ASSERT_TRUE(test, ktux_way_take(object));
	write_seqlock(&rename_lock);
	way = ktux_way_look(object);
	write_sequnlock(&rename_lock);
	KUNIT_EXPECT_EQ(test, way, WAY_UNSURE);
	KUNIT_EXPECT_EQ(test, ktux_way_look(object), WAY_HOLDS);
	script_free(object);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(names), KUNIT_CASE(caches), KUNIT_CASE(stamps), KUNIT_CASE(walks), KUNIT_CASE(depths), KUNIT_CASE(renames), {}
};
static struct kunit_suite suite = { .name = "tux_object", .test_cases = cases };
#define KUNIT_NAME tux_object
kunit_test_suite(suite);
