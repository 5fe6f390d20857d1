/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document root by its path: walked one name at a time, so that every directory on the path, links included, can be watched. */
#ifndef TUX_PROGRAM_SERVER_ROOT_H
#define TUX_PROGRAM_SERVER_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

/* Is called before a name is looked up in a directory, which is open (O_PATH) for the time of the call. */
struct tux_root_visitor {
	void (*visit)(struct tux_root_visitor *visitor, int dir_fd, const char *name);
};

struct tux_root {
	int fd; /* O_PATH | O_DIRECTORY; -1: the path leads to no directory */
	dev_t device;
	ino_t inode;
};

/* Remembers the working directory: relative paths are beneath that name from then on. Once, before the first root is opened. */
void tux_root_start(void);

/* The absolute form of a path, malloc'ed; NULL without memory. */
char *tux_root_absolute(const char *path);

/* Walks the path and opens its directory, for the caller to close. visitor may be NULL. False with errno; then root->fd is -1. */
bool tux_root_open(const char *path, struct tux_root_visitor *visitor, struct tux_root *root);

#endif
