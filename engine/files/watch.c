/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inotify queues an event before the call that made the change returns. A thread reads its events before it handles new input, so a
 * change is known before the next request.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

static const uint32_t MASK = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

/*
 * A watched path. inotify has one descriptor per directory, which may have several paths if roots of hosts overlap or with bind
 * mounts.
 */
struct watched {
	struct watched *next_by_path;
	struct watched *next_by_wd;
	const struct tux_host *host;
	int wd;
	unsigned told; /* number of the last event, from watch.events */
	uint64_t device, inode;
	uint64_t checked_ms; /* time of the last check of device and inode */
	uint64_t scan;       /* number of the scan under way; 0 = none */
	uint64_t again_ms;   /* no scan before this time */
	uint32_t loads;      /* files loaded while the siblings are not known */
	bool learned;        /* siblings has all of them; else those since the start of the scan */
	struct siblings siblings;
	uint32_t len;
	uint8_t path[]; /* ends in '/', followed by NUL */
};

bool watch_open(struct watch *watch, struct cache *cache, struct file_systems *systems)
{
	watch->cache = cache;
	watch->systems = systems;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return watch->fd >= 0;
}

static unsigned path_bucket(const uint8_t *path, uint32_t len)
{
	unsigned h = len;

	for (uint32_t i = 0; i < len; i++)
		h = h * 31 + path[i];
	return (h ^ h >> 10) % WATCH_BUCKETS;
}

static bool is_watched(const struct watch *watch, int wd)
{
	const struct watched *dir = watch->by_wd[(unsigned)wd % WATCH_BUCKETS];

	while (dir != NULL && dir->wd != wd)
		dir = dir->next_by_wd;
	return dir != NULL;
}

/* Forgets the siblings of a directory. */
static void unlearn(struct watch *watch, struct watched *dir)
{
	watch->siblings -= dir->siblings.count;
	siblings_clear(&dir->siblings);
	dir->learned = false;
	dir->scan = 0;
	dir->loads = 0;
}

void watch_drop(struct watch *watch, int wd)
{
	if (is_watched(watch, wd))
		return;
	inotify_rm_watch(watch->fd, wd); /* fails if the kernel has removed it */
	watch->removed++;
}

/* Removes a path; with the last path of a directory also its watch. */
static void forget(struct watch *watch, struct watched *dir)
{
	struct watched **link = &watch->by_wd[(unsigned)dir->wd % WATCH_BUCKETS];

	while (*link != dir)
		link = &(*link)->next_by_wd;
	*link = dir->next_by_wd;
	link = &watch->by_path[path_bucket(dir->path, dir->len)];
	while (*link != dir)
		link = &(*link)->next_by_path;
	*link = dir->next_by_path;
	watch_drop(watch, dir->wd);
	watch->count--;
	unlearn(watch, dir);
	free(dir);
}

/* Removes all paths of a host with this prefix; without a host those of all hosts. */
static void forget_beneath(struct watch *watch, const struct tux_host *host, const uint8_t *prefix, uint32_t len)
{
	for (unsigned i = 0; i < WATCH_BUCKETS; i++) {
		struct watched *dir = watch->by_path[i];

		while (dir != NULL) {
			struct watched *next = dir->next_by_path;

			if ((host == NULL || dir->host == host) && dir->len >= len && memcmp(dir->path, prefix, len) == 0)
				forget(watch, dir);
			dir = next;
		}
	}
}

static void start_afresh(struct watch *watch)
{
	cache_clear(watch->cache);
	forget_beneath(watch, NULL, (const uint8_t *)"", 0);
}

void watch_free(struct watch *watch)
{
	if (watch->fd < 0)
		return;
	forget_beneath(watch, NULL, (const uint8_t *)"", 0);
	close(watch->fd);
	watch->fd = -1;
}

static struct watched *find(const struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len)
{
	struct watched *dir = watch->by_path[path_bucket(path, len)];

	while (dir != NULL && (dir->host != host || dir->len != len || memcmp(dir->path, path, len) != 0))
		dir = dir->next_by_path;
	return dir;
}

bool watch_has(const struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len)
{
	return find(watch, host, path, len) != NULL;
}

static int ask(int inotify_fd, int dir_fd, uint32_t mask)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	return inotify_add_watch(inotify_fd, path, mask);
}

int watch_ask(int inotify_fd, int dir_fd)
{
	return ask(inotify_fd, dir_fd, MASK);
}

int watch_ask_once(int inotify_fd, int dir_fd, uint32_t mask)
{
	return ask(inotify_fd, dir_fd, mask | IN_ONESHOT);
}

void watch_enter(struct watch *watch, const struct tux_host *host, const uint8_t *path, const struct watch_entry *entry)
{
	const uint32_t len = entry->path_len;
	struct watched *dir = watch->by_wd[(unsigned)entry->wd % WATCH_BUCKETS];

	while (dir != NULL && (dir->wd != entry->wd || dir->host != host || dir->len != len || memcmp(dir->path, path, len) != 0))
		dir = dir->next_by_wd;
	if (dir != NULL) /* already entered */
		return;
	dir = find(watch, host, path, len);
	if (dir != NULL) /* another directory had the path */
		forget(watch, dir);
	if (watch->count >= WATCH_MAX_DIRECTORIES)
		start_afresh(watch);
	dir = calloc(1, sizeof(*dir) + len + 1);
	if (dir == NULL) {
		watch_drop(watch, entry->wd);
		return;
	}
	dir->host = host;
	dir->wd = entry->wd;
	dir->told = watch->events;
	dir->device = entry->device;
	dir->inode = entry->inode;
	dir->len = len;
	memcpy(dir->path, path, len);
	dir->next_by_path = watch->by_path[path_bucket(path, len)];
	watch->by_path[path_bucket(path, len)] = dir;
	dir->next_by_wd = watch->by_wd[(unsigned)entry->wd % WATCH_BUCKETS];
	watch->by_wd[(unsigned)entry->wd % WATCH_BUCKETS] = dir;
	watch->count++;
}

/* True if the path of a directory leads to it. */
static bool leads_there(const struct watched *dir)
{
	struct stat st;

	return fstatat(dir->host->root_fd, dir->len > 1 ? (const char *)dir->path + 1 : ".", &st, AT_NO_AUTOMOUNT) == 0 && st.st_dev == dir->device &&
	       st.st_ino == dir->inode;
}

/* Stops learning a directory for a while. */
static void give_up(struct watch *watch, struct watched *dir, uint64_t now_ms)
{
	unlearn(watch, dir);
	dir->again_ms = now_ms + WATCH_LEARN_AGAIN_MS;
}

bool watch_holds(struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len, uint64_t now_ms, uint32_t recheck_ms)
{
	struct watched *dir = find(watch, host, path, len);

	if (dir == NULL)
		return false;
	if (now_ms - dir->checked_ms < recheck_ms)
		return true;
	dir->checked_ms = now_ms;
	if (leads_there(dir))
		return true;
	cache_drop_beneath(watch->cache, host, path, len);
	forget_beneath(watch, host, path, len); /* something is mounted on it: the next load watches that */
	return false;
}

const struct siblings *watch_siblings(struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len, uint64_t now_ms, uint32_t recheck_ms)
{
	struct watched *dir = watch_holds(watch, host, path, len, now_ms, recheck_ms) ? find(watch, host, path, len) : NULL;

	return dir != NULL && dir->learned ? &dir->siblings : NULL;
}

bool watch_learn(struct watch *watch, struct watch_scan *scan, uint64_t now_ms)
{
	struct watched *dir = find(watch, scan->host, scan->path, scan->path_len);

	if (dir == NULL || dir->learned || dir->scan != 0 || now_ms < dir->again_ms || ++dir->loads < WATCH_LEARN_LOADS ||
	    watch->siblings >= WATCH_MAX_SIBLINGS)
		return false;
	dir->scan = ++watch->scans;
	memcpy(dir->siblings.key, scan->siblings.key, sizeof(dir->siblings.key));
	scan->device = dir->device;
	scan->inode = dir->inode;
	scan->number = dir->scan;
	return true;
}

bool watch_learned(struct watch *watch, struct watch_scan *scan, uint64_t now_ms)
{
	struct watched *dir = find(watch, scan->host, scan->path, scan->path_len);

	if (dir == NULL || dir->scan != scan->number) {
		siblings_clear(&scan->siblings);
		return false;
	}
	dir->scan = 0;
	/* Events since the start may concern names that the scan did not see. */
	if (!scan->complete || !siblings_merge(&scan->siblings, &dir->siblings) ||
	    watch->siblings - dir->siblings.count + scan->siblings.count > WATCH_MAX_SIBLINGS) {
		siblings_clear(&scan->siblings);
		give_up(watch, dir, now_ms);
		return false;
	}
	watch->siblings += scan->siblings.count - dir->siblings.count;
	siblings_clear(&dir->siblings);
	dir->siblings = scan->siblings;
	scan->siblings.slot = NULL;
	dir->learned = true;
	dir->checked_ms = now_ms;
	return true;
}

static bool is_index(const struct tux_host *host, const uint8_t *name, size_t len)
{
	for (unsigned i = 0; i < host->index_count; i++)
		if (strlen(host->index[i]) == len && memcmp(host->index[i], name, len) == 0)
			return true;
	return false;
}

/* Drops the objects that depend on a changed name in a directory: the file, and the directory whose index it is. */
static void drop_name(struct watch *watch, const struct tux_host *host, uint8_t *path, uint32_t dir_len, uint32_t len)
{
	cache_drop_path(watch->cache, host, path, len);
	if (is_index(host, path + dir_len, len - dir_len))
		cache_drop_path(watch->cache, host, path, dir_len);
}

/* A precompressed sibling belongs to the object of the plain name. */
static void drop_sibling(struct watch *watch, const struct tux_host *host, uint8_t *path, uint32_t dir_len, uint32_t len)
{
	for (int coding = TUX_CODING_BR; coding < TUX_CODINGS; coding++) {
		const char *suffix = tux_coding_suffix((enum tux_coding)coding);
		uint32_t suffix_len = (uint32_t)strlen(suffix);

		if (len - dir_len > suffix_len && memcmp(path + len - suffix_len, suffix, suffix_len) == 0)
			drop_name(watch, host, path, dir_len, len - suffix_len);
	}
}

/* Adds a name to the siblings of a directory that is learned or being learned. Removed names stay, and cost an attempt to open them. */
static void learn_name(struct watch *watch, struct watched *dir, const char *name, uint32_t len)
{
	const uint32_t before = dir->siblings.count;
	bool added;

	if (!dir->learned && dir->scan == 0)
		return;
	added = siblings_add(&dir->siblings, name, len);
	watch->siblings += dir->siblings.count - before;
	if (!added || watch->siblings > WATCH_MAX_SIBLINGS)
		unlearn(watch, dir); /* a scan may find fewer, because some were removed */
}

static void on_name(struct watch *watch, struct watched *dir, const struct inotify_event *event)
{
	const struct tux_host *host = dir->host; /* dir may be forgotten below */
	uint8_t path[TUX_MAX_TARGET + 256 + 2];
	uint32_t name_len = (uint32_t)strnlen(event->name, event->len);
	uint32_t len = dir->len + name_len;

	learn_name(watch, dir, event->name, name_len);
	if (len + 1 > sizeof(path)) /* no request path is that long */
		return;
	memcpy(path, dir->path, dir->len);
	memcpy(path + dir->len, event->name, name_len);
	if (event->mask & IN_ISDIR) {
		uint32_t dir_len = dir->len;

		cache_drop_path(watch->cache, host, path, len);
		if (is_index(host, path + dir_len, name_len))
			cache_drop_path(watch->cache, host, path, dir_len);
		path[len] = '/';
		cache_drop_beneath(watch->cache, host, path, len + 1);
		forget_beneath(watch, host, path, len + 1);
		return;
	}
	drop_name(watch, host, path, dir->len, len);
	drop_sibling(watch, host, path, dir->len, len);
}

/* Returns a path of the directory that has not processed this event. Processing one may remove others. */
static struct watched *find_untold(const struct watch *watch, int wd)
{
	struct watched *dir = watch->by_wd[(unsigned)wd % WATCH_BUCKETS];

	while (dir != NULL && (dir->wd != wd || dir->told == watch->events))
		dir = dir->next_by_wd;
	return dir;
}

static void on_event(struct watch *watch, const struct inotify_event *event)
{
	struct watched *dir;

	if (event->mask & IN_Q_OVERFLOW) {
		start_afresh(watch);
		return;
	}
	watch->events++;
	while ((dir = find_untold(watch, event->wd)) != NULL) {
		dir->told = watch->events;
		if (event->mask & IN_UNMOUNT)
			file_systems_forget(watch->systems);
		if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
			cache_drop_beneath(watch->cache, dir->host, dir->path, dir->len);
			forget(watch, dir);
		} else if (event->len > 0) {
			on_name(watch, dir, event);
		} else if (event->mask & IN_ATTRIB) { /* its own mode changed, which the directory above a root does not report */
			cache_drop_beneath(watch->cache, dir->host, dir->path, dir->len);
		}
	}
}

void watch_read(struct watch *watch)
{
	_Alignas(struct inotify_event) char buffer[16384];

	for (;;) {
		ssize_t n = read(watch->fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		watch->generation++;
		for (ssize_t off = 0; off < n;) {
			const struct inotify_event *event = (const struct inotify_event *)(buffer + off);

			on_event(watch, event);
			off += (ssize_t)(sizeof(*event) + event->len);
		}
	}
}
