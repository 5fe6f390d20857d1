/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/print.h"

enum {
	MAX_LINKS = 40, /* on one path, as in the kernel; more is ELOOP */
	OPEN = O_PATH | O_NOFOLLOW | O_CLOEXEC,
};

/* The working directory when the program started. The name stays valid if a build tool replaces the directory. */
static char start[PATH_MAX];

/* A walk from an open directory that follows links; rest is the part not yet walked. */
struct trail {
	struct tux_root_visitor *visitor;
	bool shared; /* the directory that it finds stays open for the next paths */
	int dir_fd;
	unsigned links;
	char rest[PATH_MAX];
};

void tux_root_start(void)
{
	if (start[0] == '\0' && !getcwd(start, sizeof(start)))
		start[0] = '\0';
}

char *tux_root_absolute(const char *path)
{
	char *absolute = NULL;

	if (path[0] == '/' || start[0] != '/')
		return strdup(path);
	if (strcmp(path, ".") == 0)
		return strdup(start);
	if (asprintf(&absolute, "%s/%s", strcmp(start, "/") == 0 ? "" : start, path) < 0)
		return NULL;
	return absolute;
}

/* Makes fd the current directory of the trail. */
static void enter(struct trail *trail, int fd)
{
	if (trail->dir_fd >= 0)
		close(trail->dir_fd);
	trail->dir_fd = fd;
}

/* Cuts the first name off the rest. Returns false if no name is left, or with errno if it is too long. */
static bool name_take(struct trail *trail, char name[NAME_MAX + 1])
{
	size_t skip = strspn(trail->rest, "/"), len = strcspn(trail->rest + skip, "/");

	errno = len > NAME_MAX ? ENAMETOOLONG : 0;
	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, trail->rest + skip, len);
	name[len] = '\0';
	memmove(trail->rest, trail->rest + skip + len, strlen(trail->rest + skip + len) + 1);
	return true;
}

/* Puts the target of the link fd in front of the rest. Returns false with errno. */
static bool link_follow(struct trail *trail, int fd)
{
	char target[PATH_MAX];
	const ssize_t len = readlinkat(fd, "", target, sizeof(target));
	const size_t rest = strlen(trail->rest);
	int root;

	if (len < 0)
		return false;
	errno = trail->links == MAX_LINKS ? ELOOP : len == 0 ? ENOENT : ENAMETOOLONG;
	if (trail->links == MAX_LINKS || len == 0 || (size_t)len + 1 + rest >= sizeof(trail->rest))
		return false;
	trail->links++;
	memmove(trail->rest + len + 1, trail->rest, rest + 1);
	memcpy(trail->rest, target, (size_t)len);
	trail->rest[len] = '/';
	if (target[0] != '/')
		return true;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		enter(trail, root);
	return root >= 0;
}

/* Looks up one name. Returns false with errno. */
static bool step(struct trail *trail, const char *name)
{
	struct stat st;
	bool followed;
	int fd, saved;

	if (strcmp(name, ".") == 0)
		return true;
	if (trail->visitor && strcmp(name, "..") != 0)
		trail->visitor->name(trail->visitor, trail->visitor->directory(trail->visitor, trail->dir_fd), name, trail->shared);
	fd = openat(trail->dir_fd, name, OPEN);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		enter(trail, fd);
		return true;
	}
	errno = ENOTDIR;
	followed = S_ISLNK(st.st_mode) && link_follow(trail, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return followed;
}

/* Walks a path from an open directory, which it closes. Returns the last directory (O_PATH), or -1 with errno. */
static int trail_walk(struct tux_root_visitor *visitor, bool shared, int dir_fd, const char *path)
{
	struct trail trail = { .visitor = visitor, .shared = shared, .dir_fd = dir_fd };
	char name[NAME_MAX + 1];
	int saved;

	if (dir_fd < 0)
		return -1;
	errno = ENAMETOOLONG;
	if (print_whole(trail.rest, sizeof(trail.rest), "%s", path)) {
		bool good = true;

		while (good && name_take(&trail, name))
			good = step(&trail, name);
		if (good && errno == 0)
			return trail.dir_fd;
	}
	saved = errno;
	close(trail.dir_fd);
	errno = saved;
	return -1;
}

/* Tells the visitor of a name in the last directory of the walk. */
static void name_visit(struct tux_root_walk *walk, const char *name, bool shared)
{
	struct tux_root_level *const last = &walk->level[walk->count - 1];

	if (!walk->visitor || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (last->directory < 0)
		last->directory = walk->visitor->directory(walk->visitor, last->fd);
	walk->visitor->name(walk->visitor, last->directory, name, shared);
}

/* Enters a directory; end is the end of its path. Returns false if fd is -1. */
static bool level_add(struct tux_root_walk *walk, int fd, size_t end)
{
	if (fd >= 0)
		walk->level[walk->count++] = (struct tux_root_level){ fd, -1, end };
	return fd >= 0;
}

static int level_fd(const struct tux_root_walk *walk)
{
	return walk->level[walk->count - 1].fd;
}

/* Returns the rest of a path after the directories of the walk, without leading slashes. */
static const char *rest_of(const struct tux_root_walk *walk, const char *path)
{
	path += walk->level[walk->count - 1].end;
	return path + strspn(path, "/");
}

/* True if a path of a single name, or of more, leads through the last directory of the walk. */
static bool is_on(const struct tux_root_walk *walk, const char *path, size_t same)
{
	const size_t end = walk->level[walk->count - 1].end;

	return end <= same && path[end] == '/' && *rest_of(walk, path) != '\0';
}

/* Leaves the directories that are not on the path. Returns false with errno if the path cannot be walked. */
static bool levels_keep(struct tux_root_walk *walk, const char *path)
{
	size_t same = 0;

	while (path[same] != '\0' && path[same] == walk->path[same])
		same++;
	while (walk->count > 1 && !is_on(walk, path, same))
		close(walk->level[--walk->count].fd);
	errno = ENAMETOOLONG;
	return print_whole(walk->path, sizeof(walk->path), "%s", path) &&
	       (walk->count > 0 || level_add(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), 0));
}

/* Enters the first directory of the rest. Returns false with errno. */
static bool level_enter(struct tux_root_walk *walk, const char *rest, size_t len)
{
	char name[NAME_MAX + 1];
	int fd;

	errno = ENAMETOOLONG;
	if (len > NAME_MAX)
		return false;
	memcpy(name, rest, len);
	name[len] = '\0';
	name_visit(walk, name, true);
	fd = openat(level_fd(walk), name, OPEN | O_DIRECTORY);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) /* a link */
		fd = trail_walk(walk->visitor, true, fcntl(level_fd(walk), F_DUPFD_CLOEXEC, 0), name);
	return level_add(walk, fd, (size_t)(rest - walk->path) + len);
}

static struct tux_root root_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? (struct tux_root){ true, st.st_dev, st.st_ino } : (struct tux_root){ .there = false };
}

/* Returns the last directory of a path. */
static struct tux_root last_follow(struct tux_root_walk *walk, const char *rest)
{
	struct tux_root root;
	struct stat st;
	int fd, saved;

	if (*rest == '\0') /* the path is "/" */
		return root_of(level_fd(walk));
	if (!strchr(rest, '/')) {
		name_visit(walk, rest, false);
		if (fstatat(level_fd(walk), rest, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return (struct tux_root){ .there = false };
		if (S_ISDIR(st.st_mode))
			return (struct tux_root){ true, st.st_dev, st.st_ino };
	}
	fd = trail_walk(walk->visitor, false, fcntl(level_fd(walk), F_DUPFD_CLOEXEC, 0), rest);
	root = root_of(fd);
	saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return root;
}

static struct tux_root follow(struct tux_root_walk *walk, const char *path)
{
	if (!levels_keep(walk, path))
		return (struct tux_root){ .there = false };
	for (;;) {
		/* Within walk->path, which is the path. */
		const char *const rest = rest_of(walk, walk->path);
		const size_t len = strcspn(rest, "/");

		if (rest[len + strspn(rest + len, "/")] == '\0' || walk->count == TUX_ROOT_LEVELS)
			return last_follow(walk, rest);
		if (!level_enter(walk, rest, len))
			return (struct tux_root){ .there = false };
	}
}

void tux_root_walk_end(struct tux_root_walk *walk)
{
	while (walk->count > 0)
		close(walk->level[--walk->count].fd);
}

struct tux_root tux_root_follow(struct tux_root_walk *walk, const char *path)
{
	char *const absolute = tux_root_absolute(path);
	struct tux_root root = { .there = false };

	if (!absolute)
		return root;
	if (absolute[0] == '/')
		root = follow(walk, absolute);
	else
		errno = EACCES; /* the working directory has no absolute path */
	/* The process can open its working directory, even if it cannot follow the absolute path. */
	if (!root.there && errno == EACCES && path[0] != '/') {
		const int fd = trail_walk(walk->visitor, false, open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), path);

		root = root_of(fd);
		if (fd >= 0)
			close(fd);
	}
	free(absolute);
	return root;
}
