/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the paths of document roots one name at a time. A caller can then watch every directory on a path, including those of
 * links. Paths that begin alike, as those of many hosts do, share the open directories of the first one.
 */
#ifndef TUX_PROGRAM_SERVER_ROOT_H
#define TUX_PROGRAM_SERVER_ROOT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { TUX_ROOT_LEVELS = 32 }; /* directories of a path that are shared; deeper ones are opened for each path */

/* Both functions are called before a name is looked up in a directory. */
struct tux_root_visitor {
	/* Returns a number for a directory, 0 or more. dir_fd (O_PATH) is open only during the call. */
	int (*directory)(struct tux_root_visitor *visitor, int dir_fd);
	/* shared: other paths may lead through the name, too, without a call for it. */
	void (*name)(struct tux_root_visitor *visitor, int directory, const char *name, bool shared);
};

/* The directory to which a path leads. */
struct tux_root {
	bool there; /* false: the path does not lead to a directory */
	dev_t device;
	ino_t inode;
};

/* An open directory on the path of a walk. */
struct tux_root_level {
	int fd;        /* O_PATH */
	int directory; /* number from the visitor; -1: not asked yet */
	size_t end;    /* bytes of the path that lead to it */
};

/* A walk along several paths, one after the other. Zero-initialize before use. */
struct tux_root_walk {
	struct tux_root_visitor *visitor; /* NULL: no visitor */
	unsigned count; /* used levels; the first one is "/" */
	struct tux_root_level level[TUX_ROOT_LEVELS];
	char path[PATH_MAX];
};

/* Stores the name of the working directory, as the base of relative paths. Call it once, before the first root is followed. */
void tux_root_start(void);

/* Returns the absolute form of a path, to be freed by the caller; NULL if out of memory. */
char *tux_root_absolute(const char *path);

/*
 * Returns the directory to which a path leads. Its first names are not looked up again if they are those of the path before. A
 * visitor is thus not told of them again.
 */
struct tux_root tux_root_follow(struct tux_root_walk *walk, const char *path);

/* Closes the directories of a walk. The next path is looked up from its first name on. */
void tux_root_walk_end(struct tux_root_walk *walk);

#endif
