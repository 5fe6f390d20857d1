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

/* A walk along a path; rest is the part not yet walked. */
struct walk {
	struct tux_root_visitor *visitor;
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

/* Makes fd the current directory of the walk. */
static void enter(struct walk *walk, int fd)
{
	if (walk->dir_fd >= 0)
		close(walk->dir_fd);
	walk->dir_fd = fd;
}

/* Cuts the first name off the rest. Returns false if no name is left, or with errno if it is too long. */
static bool name_take(struct walk *walk, char name[NAME_MAX + 1])
{
	size_t skip = strspn(walk->rest, "/"), len = strcspn(walk->rest + skip, "/");

	errno = len > NAME_MAX ? ENAMETOOLONG : 0;
	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, walk->rest + skip, len);
	name[len] = '\0';
	memmove(walk->rest, walk->rest + skip + len, strlen(walk->rest + skip + len) + 1);
	return true;
}

/* Puts the target of the link fd in front of the rest. Returns false with errno. */
static bool link_follow(struct walk *walk, int fd)
{
	char target[PATH_MAX];
	const ssize_t len = readlinkat(fd, "", target, sizeof(target));
	const size_t rest = strlen(walk->rest);
	int root;

	if (len < 0)
		return false;
	errno = walk->links == MAX_LINKS ? ELOOP : len == 0 ? ENOENT : ENAMETOOLONG;
	if (walk->links == MAX_LINKS || len == 0 || (size_t)len + 1 + rest >= sizeof(walk->rest))
		return false;
	walk->links++;
	memmove(walk->rest + len + 1, walk->rest, rest + 1);
	memcpy(walk->rest, target, (size_t)len);
	walk->rest[len] = '/';
	if (target[0] != '/')
		return true;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		enter(walk, root);
	return root >= 0;
}

/* Looks up one name. Returns false with errno. */
static bool step(struct walk *walk, const char *name)
{
	struct stat st;
	bool followed;
	int fd, saved;

	if (strcmp(name, ".") == 0)
		return true;
	if (walk->visitor && strcmp(name, "..") != 0)
		walk->visitor->visit(walk->visitor, walk->dir_fd, name);
	fd = openat(walk->dir_fd, name, OPEN);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		enter(walk, fd);
		return true;
	}
	errno = ENOTDIR;
	followed = S_ISLNK(st.st_mode) && link_follow(walk, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return followed;
}

/* Sets root to the last directory of the walk. Returns false with errno. */
static bool root_take(const struct walk *walk, struct tux_root *root)
{
	struct stat st;

	if (fstat(walk->dir_fd, &st) != 0)
		return false;
	*root = (struct tux_root){ .fd = walk->dir_fd, .device = st.st_dev, .inode = st.st_ino };
	return true;
}

static bool walk_from(const char *from, const char *path, struct tux_root_visitor *visitor, struct tux_root *root)
{
	struct walk walk = { .visitor = visitor, .dir_fd = open(from, O_PATH | O_DIRECTORY | O_CLOEXEC) };
	char name[NAME_MAX + 1];
	bool good = walk.dir_fd >= 0;

	if (good && !print_whole(walk.rest, sizeof(walk.rest), "%s", path)) {
		errno = ENAMETOOLONG;
		good = false;
	}
	while (good && name_take(&walk, name))
		good = step(&walk, name);
	good = good && errno == 0 && root_take(&walk, root);
	if (!good && walk.dir_fd >= 0) {
		const int saved = errno;

		close(walk.dir_fd);
		errno = saved;
	}
	return good;
}

bool tux_root_open(const char *path, struct tux_root_visitor *visitor, struct tux_root *root)
{
	char *absolute = tux_root_absolute(path);
	bool good;

	*root = (struct tux_root){ .fd = -1 };
	if (!absolute) {
		errno = ENOMEM;
		return false;
	}
	good = walk_from(absolute[0] == '/' ? "/" : ".", absolute, visitor, root);
	/* The process can open its working directory, even if it cannot follow the absolute path. */
	if (!good && errno == EACCES && path[0] != '/')
		good = walk_from(".", path, visitor, root);
	free(absolute);
	return good;
}
