/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the path of a document root one name at a time. A caller can then watch every directory on the path, including those of
 * links.
 */
#ifndef TUX_PROGRAM_SERVER_ROOT_H
#define TUX_PROGRAM_SERVER_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

/* Called before each lookup of a name in a directory. dir_fd (O_PATH) is open only during the call. */
struct tux_root_visitor {
	void (*visit)(struct tux_root_visitor *visitor, int dir_fd, const char *name);
};

struct tux_root {
	int fd; /* O_PATH | O_DIRECTORY; -1 = the path is not a directory */
	dev_t device;
	ino_t inode;
};

/* Stores the name of the working directory, as the base of relative paths. Call it once, before the first root is opened. */
void tux_root_start(void);

/* Returns the absolute form of a path, to be freed by the caller; NULL if out of memory. */
char *tux_root_absolute(const char *path);

/*
 * Walks the path and opens its directory, which the caller closes. visitor may be NULL. Returns false with errno and root->fd -1.
 */
bool tux_root_open(const char *path, struct tux_root_visitor *visitor, struct tux_root *root);

#endif
