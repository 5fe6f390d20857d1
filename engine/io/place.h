/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The place of a file: its directory, held open, and its name there. Root uses a path in this form alone, because an
 * unprivileged user who owns a directory of the path can put a link where a file or a directory was.
 */
#ifndef TUX_ENGINE_IO_PLACE_H
#define TUX_ENGINE_IO_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct tux_place {
	int directory_fd;         /* O_PATH; -1 = not open */
	uid_t directory_owner;
	bool shared;              /* other users than root can change the file that this name leads to */
	bool exists;
	bool is_link;             /* the name is a symlink; never true if links are followed */
	bool is_descriptor;       /* the name is a link of /proc to an open descriptor; only the kernel can follow it */
	mode_t mode;              /* of the file, if it exists */
	uid_t owner;              /* of the file, if it exists */
	char name[NAME_MAX + 1];  /* "." for "/" and paths that end in "." or ".." */
};

/*
 * Finds the place of path. As root, follows a symlink only if root alone can have made it; another one is ELOOP. Without root
 * follows all of them. With follow the last name is resolved, too. Returns false with errno.
 */
bool tux_place_open(const char *path, bool follow, struct tux_place *place);
void tux_place_close(struct tux_place *place);

/* Opens path as a directory (O_PATH) by the same rules. *shared (not NULL) tells if others can change what it leads to. -1 with errno. */
int tux_place_directory(const char *path, bool *shared);

/*
 * Connects a socket of the family AF_UNIX to the socket at a place, never through a symlink. Binds one there with these permissions,
 * whatever the umask; path is the path of the place. Return 0, or -1 with errno.
 */
int tux_place_connect(const struct tux_place *place, int fd);
int tux_place_bind(const struct tux_place *place, const char *path, int fd, mode_t mode);

#endif
