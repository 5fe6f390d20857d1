/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches a path name by name: each directory on it reports changes of the next name. An event of the last name of a path follows
 * this path again, any other event follows all. Each such walk makes new watches, because a link may then lead through other
 * directories. There may be 100,000 paths, so the checks of all of them take only a small part of the time.
 */
#define _GNU_SOURCE 1
#include "root_watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../../engine/io/clock.h"

enum {
	MISSING_MS = 1000,     /* a path that leads nowhere for longer was removed; for less, it may be in replacement */
	MIN_RECHECK_MS = 1000, /* shortest interval between checks without an event */
	RECHECK_SHARE = 50,    /* checks without an event take at most 1/50 of the time */
	LOOK_SHARE = 4,        /* checks of all paths after events take at most 1/4 of the time */
	MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
};

#define SHARED UINT32_MAX /* no single root: a name on the paths of several */

struct tux_watched_root {
	const char *path; /* as in the configuration */
	struct tux_root noted, seen;
};

struct tux_watched_name {
	struct tux_watched_name *next;
	int wd;
	uint32_t root; /* number of the only root with the name on its path, or SHARED */
	char name[];   /* in the directory of wd */
};

/* A directory whose directories are hosts, and the sum of hashes of their names. */
struct tux_watched_list {
	const struct tux_host_pattern *pattern;
	int wd;
	uint64_t noted, seen;
};

struct visitor {
	struct tux_root_visitor base; /* first member: the walk passes a pointer to it */
	struct tux_root_watch *watch;
	uint32_t root; /* number of the root whose path is followed */
};

static void names_forget(struct tux_root_watch *watch)
{
	for (unsigned i = 0; watch->bucket && i <= watch->bucket_mask; i++)
		while (watch->bucket[i]) {
			struct tux_watched_name *next = watch->bucket[i]->next;

			free(watch->bucket[i]);
			watch->bucket[i] = next;
		}
}

/* Returns the list of the names with the hash of this one. */
static struct tux_watched_name **bucket_of(const struct tux_root_watch *watch, int wd, const char *name)
{
	uint32_t hash = (uint32_t)wd;

	for (; *name != '\0'; name++)
		hash = hash * 31 + (uint8_t)*name;
	return &watch->bucket[(hash ^ hash >> 15) & watch->bucket_mask];
}

/* Returns NULL if no path leads through the name. */
static struct tux_watched_name *name_find(const struct tux_root_watch *watch, int wd, const char *name)
{
	struct tux_watched_name *one = *bucket_of(watch, wd, name);

	while (one && (one->wd != wd || strcmp(one->name, name) != 0))
		one = one->next;
	return one;
}

static int directory_watch(struct tux_root_visitor *base, int dir_fd)
{
	const struct tux_root_watch *const watch = ((struct visitor *)base)->watch;
	char path[64];
	int wd;

	if (watch->fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	wd = inotify_add_watch(watch->fd, path, MASK);
	return wd < 0 ? 0 : wd; /* an unreadable directory is only checked periodically; no directory has the number 0 */
}

static void name_watch(struct tux_root_visitor *base, int wd, const char *name, bool shared)
{
	struct tux_root_watch *const watch = ((struct visitor *)base)->watch;
	const uint32_t root = shared ? SHARED : ((struct visitor *)base)->root;
	struct tux_watched_name *one, **bucket;

	if (wd == 0)
		return;
	one = name_find(watch, wd, name);
	if (one) {
		one->root = one->root == root ? root : SHARED;
		return;
	}
	one = malloc(sizeof(*one) + strlen(name) + 1);
	if (!one)
		return;
	bucket = bucket_of(watch, wd, name);
	one->wd = wd;
	one->root = root;
	memcpy(one->name, name, strlen(name) + 1);
	one->next = *bucket;
	*bucket = one;
}

static bool is_same(const struct tux_root *a, const struct tux_root *b)
{
	return a->there == b->there && a->device == b->device && a->inode == b->inode;
}

static void seen_set(struct tux_root_watch *watch, uint32_t number, struct tux_root seen)
{
	struct tux_watched_root *const root = &watch->root[number];

	watch->differing -= !is_same(&root->noted, &root->seen);
	watch->replaced -= !is_same(&root->noted, &root->seen) && root->seen.there;
	root->seen = seen;
	watch->differing += !is_same(&root->noted, &root->seen);
	watch->replaced += !is_same(&root->noted, &root->seen) && root->seen.there;
}

/* Follows the path of one root and watches its names. */
static void root_look(struct tux_root_watch *watch, uint32_t number)
{
	struct visitor visitor = { { directory_watch, name_watch }, watch, number };

	watch->walk.visitor = &visitor.base;
	seen_set(watch, number, tux_root_follow(&watch->walk, watch->root[number].path));
	watch->walk.visitor = NULL;
}

/* Returns a sum of hashes of the names of all hosts in a directory. */
static uint64_t list_sum(const struct tux_host_pattern *pattern)
{
	DIR *const directory = opendir(pattern->directory);
	const struct dirent *entry;
	uint64_t sum = 0;

	while (directory && (entry = readdir(directory))) {
		uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
		const char *name;
		size_t len = tux_host_pattern_match(pattern, entry->d_name, &name);

		if (len == 0)
			continue;
		for (; len > 0; len--)
			hash = (hash ^ (uint8_t)*name++) * UINT64_C(0x100000001b3);
		sum += hash;
	}
	if (directory)
		closedir(directory);
	return sum;
}

static void lists_look(struct tux_root_watch *watch, uint64_t now_ms)
{
	const uint64_t began_ms = clock_ms();

	watch->list_due = false;
	watch->listed_ms = now_ms;
	for (unsigned i = 0; i < watch->list_count; i++)
		watch->list[i].seen = list_sum(watch->list[i].pattern);
	watch->list_cost_ms = clock_ms() - began_ms;
}

/* True if a host was added to a list, or removed from it. */
static bool lists_differ(const struct tux_root_watch *watch)
{
	unsigned i = 0;

	while (i < watch->list_count && watch->list[i].noted == watch->list[i].seen)
		i++;
	return i < watch->list_count;
}

/* Follows all paths and makes new watches. */
static void look(struct tux_root_watch *watch, uint64_t now_ms)
{
	const uint64_t began_ms = clock_ms();

	if (watch->fd >= 0)
		close(watch->fd);
	names_forget(watch);
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->looked_ms = now_ms;
	watch->look_due = false;
	for (uint32_t i = 0; i < watch->count; i++)
		root_look(watch, i);
	tux_root_walk_end(&watch->walk);
	for (unsigned i = 0; i < watch->list_count; i++)
		watch->list[i].wd = watch->fd < 0 ? -1 : inotify_add_watch(watch->fd, watch->list[i].pattern->directory, MASK);
	lists_look(watch, now_ms);
	watch->cost_ms = clock_ms() - began_ms;
}

/* True if a path leads to another directory than before. Some changes cause no event: on a network file system, or by a mount. */
static bool recheck(struct tux_root_watch *watch, uint64_t now_ms)
{
	const uint64_t began_ms = clock_ms();
	bool moved = false;

	watch->looked_ms = now_ms;
	for (uint32_t i = 0; i < watch->count && !moved; i++) {
		const struct tux_root now = tux_root_follow(&watch->walk, watch->root[i].path);

		moved = !is_same(&now, &watch->root[i].seen);
	}
	tux_root_walk_end(&watch->walk);
	lists_look(watch, now_ms);
	watch->cost_ms = clock_ms() - began_ms;
	return moved;
}

/* Returns the time of the next check that does not depend on an event. */
static uint64_t recheck_at_ms(const struct tux_root_watch *watch)
{
	const uint64_t share_ms = RECHECK_SHARE * watch->cost_ms;

	return watch->looked_ms + (share_ms > watch->recheck_ms ? share_ms : watch->recheck_ms);
}

bool tux_root_watch_open(struct tux_root_watch *watch, const struct tux_settings *settings)
{
	const struct tux_host_settings *const hosts = settings->host_count > 0 ? settings->host : &settings->top;
	const unsigned count = settings->host_count > 0 ? settings->host_count : 1;
	unsigned buckets = 64, patterns = 0;

	watch->fd = -1;
	watch->recheck_ms = settings->recheck_ms > MIN_RECHECK_MS ? settings->recheck_ms : MIN_RECHECK_MS;
	while (buckets < 2 * count)
		buckets *= 2;
	watch->bucket = calloc(buckets, sizeof(struct tux_watched_name *));
	watch->bucket_mask = buckets - 1;
	watch->root = calloc(count, sizeof(*watch->root));
	for (unsigned i = 0; i < count; i++)
		patterns += hosts[i].pattern != NULL;
	watch->list = calloc(patterns + 1, sizeof(*watch->list));
	if (!watch->root || !watch->bucket || !watch->list)
		return false;
	for (; watch->count < count; watch->count++) {
		watch->root[watch->count].path = hosts[watch->count].directory;
		if (hosts[watch->count].pattern)
			watch->list[watch->list_count++] = (struct tux_watched_list){ .pattern = hosts[watch->count].pattern, .wd = -1 };
	}
	return true;
}

void tux_root_watch_close(struct tux_root_watch *watch)
{
	if (watch->root && watch->fd >= 0)
		close(watch->fd);
	names_forget(watch);
	free(watch->bucket);
	free(watch->list);
	free(watch->root);
	*watch = (struct tux_root_watch){ .fd = -1 };
}

void tux_root_watch_note(struct tux_root_watch *watch, uint64_t now_ms)
{
	look(watch, now_ms);
	for (unsigned i = 0; i < watch->count; i++)
		watch->root[i].noted = watch->root[i].seen;
	for (unsigned i = 0; i < watch->list_count; i++)
		watch->list[i].noted = watch->list[i].seen;
	watch->differing = watch->replaced = 0;
	watch->changed_ms = 0;
}

/* Handles an event: a name on one of the paths has changed, or a watched directory itself. Other names do not matter. */
static void event_take(struct tux_root_watch *watch, const struct inotify_event *event)
{
	const struct tux_watched_name *one;

	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED | IN_Q_OVERFLOW)) {
		watch->look_due = true;
		return;
	}
	for (unsigned i = 0; i < watch->list_count && event->len > 0; i++) {
		const char *name;

		if (watch->list[i].wd == event->wd && !(event->mask & IN_ATTRIB) &&
		    tux_host_pattern_match(watch->list[i].pattern, event->name, &name) > 0)
			watch->list_due = true;
	}
	one = event->len > 0 ? name_find(watch, event->wd, event->name) : NULL;
	if (one && one->root == SHARED)
		watch->look_due = true;
	else if (one && !watch->look_due)
		root_look(watch, one->root);
}

/* Reads and handles all events. */
static void events_read(struct tux_root_watch *watch)
{
	_Alignas(struct inotify_event) char buffer[4096];
	ssize_t n;

	while (watch->fd >= 0 && ((n = read(watch->fd, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR))) {
		for (ssize_t off = 0; off < n;) {
			const struct inotify_event *event = (const struct inotify_event *)(buffer + off);

			event_take(watch, event);
			off += (ssize_t)(sizeof(*event) + event->len);
		}
		tux_root_walk_end(&watch->walk); /* its directories may be replaced before the next event */
	}
}

/* Returns the time from which all paths may be followed again after an event. */
static uint64_t look_at_ms(const struct tux_root_watch *watch)
{
	return watch->looked_ms + LOOK_SHARE * watch->cost_ms;
}

/* Like look_at_ms(), but for the lists. */
static uint64_t list_at_ms(const struct tux_root_watch *watch)
{
	return watch->listed_ms + LOOK_SHARE * watch->list_cost_ms;
}

bool tux_root_watch_changed(struct tux_root_watch *watch, uint64_t now_ms)
{
	events_read(watch);
	if (watch->look_due && now_ms >= look_at_ms(watch))
		look(watch, now_ms);
	else if (now_ms >= recheck_at_ms(watch) && recheck(watch, now_ms))
		look(watch, now_ms);
	if (watch->list_due && now_ms >= list_at_ms(watch))
		lists_look(watch, now_ms);
	if (watch->differing == 0)
		watch->changed_ms = 0;
	else if (watch->changed_ms == 0)
		watch->changed_ms = now_ms;
	return watch->replaced > 0 || lists_differ(watch) || (watch->differing > 0 && now_ms - watch->changed_ms >= MISSING_MS);
}

int tux_root_watch_wait_ms(const struct tux_root_watch *watch, uint64_t now_ms)
{
	uint64_t due_ms = watch->changed_ms != 0 ? watch->changed_ms + MISSING_MS : recheck_at_ms(watch);

	if (watch->look_due && look_at_ms(watch) < due_ms)
		due_ms = look_at_ms(watch);
	if (watch->list_due && list_at_ms(watch) < due_ms)
		due_ms = list_at_ms(watch);
	return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

void tux_root_watch_print(const struct tux_root_watch *watch, FILE *out)
{
	for (unsigned i = 0; i < watch->count; i++) {
		const struct tux_watched_root *const one = &watch->root[i];

		if (!is_same(&one->noted, &one->seen))
			fprintf(out, "tux: %s: the document root was %s\n", one->path,
			        one->seen.there ? "replaced; the new one is served" : "removed; its files are 404 until it is there again");
	}
	for (unsigned i = 0; i < watch->list_count; i++)
		if (watch->list[i].noted != watch->list[i].seen)
			fprintf(out, "tux: %s: hosts were added or removed\n", watch->list[i].pattern->directory);
}
