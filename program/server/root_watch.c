/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches a path name by name: each directory on it reports changes of the next name. Each walk makes new watches, because a link
 * may then lead through other directories.
 */
#define _GNU_SOURCE 1
#include "root_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "root.h"

enum {
	MISSING_MS = 1000,     /* a path that leads nowhere for longer was removed; for less, it may be in replacement */
	MIN_RECHECK_MS = 1000, /* shortest interval between checks without an event */
	MASK = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
};

/* The directory to which a path leads. */
struct found {
	bool there;
	dev_t device;
	ino_t inode;
};

struct tux_watched_root {
	const char *path; /* as in the configuration */
	struct found noted, seen;
};

struct tux_watched_name {
	struct tux_watched_name *next;
	int wd;
	char name[]; /* in the directory of wd */
};

struct visitor {
	struct tux_root_visitor base; /* first member: the walk passes a pointer to it */
	struct tux_root_watch *watch;
};

static void names_forget(struct tux_root_watch *watch)
{
	while (watch->names) {
		struct tux_watched_name *next = watch->names->next;

		free(watch->names);
		watch->names = next;
	}
}

static void name_watch(struct tux_root_visitor *base, int dir_fd, const char *name)
{
	struct tux_root_watch *const watch = ((struct visitor *)base)->watch;
	struct tux_watched_name *watched;
	char path[64];
	int wd;

	if (watch->fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	wd = inotify_add_watch(watch->fd, path, MASK);
	if (wd < 0) /* an unreadable directory is only checked periodically */
		return;
	watched = malloc(sizeof(*watched) + strlen(name) + 1);
	if (!watched)
		return;
	watched->wd = wd;
	memcpy(watched->name, name, strlen(name) + 1);
	watched->next = watch->names;
	watch->names = watched;
}

static bool is_same(const struct found *a, const struct found *b)
{
	return a->there == b->there && a->device == b->device && a->inode == b->inode;
}

/* Returns the directory to which a path leads. */
static struct found follow(const char *path, struct tux_root_visitor *visitor)
{
	struct tux_root root;

	if (!tux_root_open(path, visitor, &root))
		return (struct found){ .there = false };
	close(root.fd);
	return (struct found){ true, root.device, root.inode };
}

/* Follows all paths and makes new watches. */
static void look(struct tux_root_watch *watch, uint64_t now_ms)
{
	struct visitor visitor = { { name_watch }, watch };

	if (watch->fd >= 0)
		close(watch->fd);
	names_forget(watch);
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->looked_ms = now_ms;
	for (unsigned i = 0; i < watch->count; i++)
		watch->root[i].seen = follow(watch->root[i].path, &visitor.base);
}

/* True if a path leads to another directory than before. Some changes cause no event: on a network file system, or by a mount. */
static bool recheck(struct tux_root_watch *watch, uint64_t now_ms)
{
	bool moved = false;

	watch->looked_ms = now_ms;
	for (unsigned i = 0; i < watch->count && !moved; i++) {
		const struct found now = follow(watch->root[i].path, NULL);

		moved = !is_same(&now, &watch->root[i].seen);
	}
	return moved;
}

bool tux_root_watch_open(struct tux_root_watch *watch, const struct tux_settings *settings)
{
	const struct tux_host_options *const hosts = settings->host_count > 0 ? settings->host : &settings->top;
	const unsigned count = settings->host_count > 0 ? settings->host_count : 1;

	watch->fd = -1;
	watch->recheck_ms = settings->recheck_ms > MIN_RECHECK_MS ? settings->recheck_ms : MIN_RECHECK_MS;
	watch->root = calloc(count, sizeof(*watch->root));
	if (!watch->root)
		return false;
	for (; watch->count < count; watch->count++)
		watch->root[watch->count].path = hosts[watch->count].directory;
	return true;
}

void tux_root_watch_close(struct tux_root_watch *watch)
{
	if (watch->root && watch->fd >= 0)
		close(watch->fd);
	names_forget(watch);
	free(watch->root);
	*watch = (struct tux_root_watch){ .fd = -1 };
}

void tux_root_watch_note(struct tux_root_watch *watch, uint64_t now_ms)
{
	look(watch, now_ms);
	for (unsigned i = 0; i < watch->count; i++)
		watch->root[i].noted = watch->root[i].seen;
	watch->changed_ms = 0;
}

/* True if an event concerns a name on one of the paths, or a watched directory itself. */
static bool matters(const struct tux_root_watch *watch, const struct inotify_event *event)
{
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED | IN_Q_OVERFLOW))
		return true;
	for (const struct tux_watched_name *one = watch->names; event->len > 0 && one; one = one->next)
		if (one->wd == event->wd && strncmp(one->name, event->name, event->len) == 0)
			return true;
	return false;
}

/* Reads all events. Returns true if one of them is relevant. */
static bool events_read(const struct tux_root_watch *watch)
{
	_Alignas(struct inotify_event) char buffer[4096];
	bool found = false;
	ssize_t n;

	while (watch->fd >= 0 && ((n = read(watch->fd, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR)))
		for (ssize_t off = 0; off < n;) {
			const struct inotify_event *event = (const struct inotify_event *)(buffer + off);

			found = found || matters(watch, event);
			off += (ssize_t)(sizeof(*event) + event->len);
		}
	return found;
}

bool tux_root_watch_changed(struct tux_root_watch *watch, uint64_t now_ms)
{
	bool replaced = false, missing = false;

	if (events_read(watch) || (now_ms - watch->looked_ms >= watch->recheck_ms && recheck(watch, now_ms)))
		look(watch, now_ms);
	for (unsigned i = 0; i < watch->count; i++) {
		const struct tux_watched_root *const one = &watch->root[i];

		if (is_same(&one->noted, &one->seen))
			continue;
		replaced = replaced || one->seen.there;
		missing = true;
	}
	if (!missing)
		watch->changed_ms = 0;
	else if (watch->changed_ms == 0)
		watch->changed_ms = now_ms;
	return replaced || (missing && now_ms - watch->changed_ms >= MISSING_MS);
}

int tux_root_watch_wait_ms(const struct tux_root_watch *watch, uint64_t now_ms)
{
	const uint64_t due_ms = watch->changed_ms != 0 ? watch->changed_ms + MISSING_MS : watch->looked_ms + watch->recheck_ms;

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
}
