/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows links name by name, as text only. Another process may change them meanwhile and mislead the walk. The kernel opens the
 * resulting name beneath the root without following links, so a misled walk finds nothing outside.
 */
#define _GNU_SOURCE 1
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../io/print.h"

enum {
	MAX_LINKS = 40,   /* links in one name, as in the kernel; more is ELOOP */
	MAX_LOOKS = 1024, /* name look-ups, each of which costs more the deeper it is; more is ELOOP */
	WALKS = 3,        /* attempts for a name that changes during the walk */
};

/* A walk: done is the path without links from the root to the current place; rest is the remaining path. */
struct walk {
	unsigned links, looks;
	size_t done_len;
	char done[PATH_MAX];
	char rest[PATH_MAX];
};

/* Skips slashes and "." segments at the start of path. */
static const char *skip_idle(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
		path++;
	return path;
}

/* Returns the part of target after all names of the root; NULL if target starts with other names. */
static const char *behind(const char *target, const char *root)
{
	for (;;) {
		size_t len;

		root = skip_idle(root);
		target = skip_idle(target);
		len = strcspn(root, "/");
		if (len == 0)
			return target;
		if (strcspn(target, "/") != len || memcmp(target, root, len) != 0)
			return NULL;
		root += len;
		target += len;
	}
}

static const char *behind_root(const struct tux_host *host, const char *target)
{
	const char *found = host->path != NULL ? behind(target, host->path) : NULL;

	return found == NULL && host->alias != NULL ? behind(target, host->alias) : found;
}

/* Removes the last directory of done. */
static void step_back(struct walk *walk)
{
	while (walk->done_len > 0 && walk->done[--walk->done_len] != '/')
		;
	walk->done[walk->done_len] = '\0';
}

/* Inserts the target of the link at the end of done before the rest. Returns false with errno. */
static bool follow(const struct tux_host *host, struct walk *walk)
{
	char target[PATH_MAX];
	const ssize_t got = readlinkat(host->root_fd, walk->done, target, sizeof(target));
	const size_t rest_len = strlen(walk->rest);
	const char *more = target;
	size_t more_len;

	if (got < 0)
		return false;
	errno = walk->links == MAX_LINKS ? ELOOP : got == 0 ? ENOENT : ENAMETOOLONG;
	if (walk->links == MAX_LINKS || got == 0 || (size_t)got == sizeof(target))
		return false;
	walk->links++;
	target[got] = '\0';
	if (target[0] == '/') {
		more = behind_root(host, target);
		errno = EXDEV;
		if (more == NULL)
			return false;
		walk->done_len = 0;
		walk->done[0] = '\0';
	} else {
		step_back(walk);
	}
	more_len = strlen(more);
	errno = ENAMETOOLONG;
	if (more_len + rest_len >= sizeof(walk->rest))
		return false;
	memmove(walk->rest + more_len, walk->rest, rest_len + 1); /* the rest is empty, or starts with '/' */
	memcpy(walk->rest, more, more_len);
	return true;
}

/* Enters the name of len bytes at the start of the rest. Returns false with errno. */
static bool step(const struct tux_host *host, struct walk *walk, size_t len)
{
	const size_t at = walk->done_len + (walk->done_len > 0);
	struct stat st;

	errno = ENAMETOOLONG;
	if (at + len >= sizeof(walk->done))
		return false;
	errno = ELOOP;
	if (++walk->looks > MAX_LOOKS)
		return false;
	if (walk->done_len > 0)
		walk->done[walk->done_len] = '/';
	memcpy(walk->done + at, walk->rest, len);
	walk->done_len = at + len;
	walk->done[walk->done_len] = '\0';
	memmove(walk->rest, walk->rest + len, strlen(walk->rest + len) + 1);
	if (fstatat(host->root_fd, walk->done, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return follow(host, walk);
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode) || walk->rest[0] != '/';
}

/* Walks the whole rest. Returns false with errno. */
static bool walk_all(const struct tux_host *host, struct walk *walk)
{
	for (;;) {
		const char *next = skip_idle(walk->rest);
		const size_t len = strcspn(next, "/");
		const bool is_up = len == 2 && memcmp(next, "..", 2) == 0;

		next += is_up ? len : 0;
		memmove(walk->rest, next, strlen(next) + 1);
		if (len == 0)
			return true;
		errno = EXDEV;
		if (is_up && walk->done_len == 0)
			return false;
		if (is_up)
			step_back(walk);
		else if (!step(host, walk, len))
			return false;
	}
}

int link_open(const struct tux_host *host, const char *name, uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	int fd = -1;

	for (int i = 0; i < WALKS; i++) {
		struct walk walk = { .links = 0 };

		errno = ENAMETOOLONG;
		if (!print_whole(walk.rest, sizeof(walk.rest), "%s", name) || !walk_all(host, &walk))
			return -1;
		fd = (int)syscall(SYS_openat2, host->root_fd, walk.done_len > 0 ? walk.done : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != ELOOP && errno != EAGAIN))
			break;
	}
	return fd;
}
