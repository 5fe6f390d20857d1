/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The place of a file: its directory, held open, and its name there. Root uses paths in this form only. An unprivileged user who
 * owns a directory of the path could otherwise replace a file or directory by a symlink.
 */
#ifndef TUX_ENGINE_IO_PLACE_H
#define TUX_ENGINE_IO_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct tux_place {
	int directory_fd;         /* O_PATH; -1 = not open */
	uid_t directory_owner;
	bool shared;              /* users other than root can change the file under this name */
	bool exists;
	bool is_link;             /* the name is a symlink; never true if links are followed */
	bool is_descriptor;       /* the name is a /proc link to an open descriptor; only the kernel can follow it */
	mode_t mode;              /* mode of the file, if it exists */
	uid_t owner;              /* owner of the file, if it exists */
	char name[NAME_MAX + 1];  /* "." for "/" and paths that end in "." or ".." */
};

/*
 * Finds the place of path. Root follows a symlink only if root alone can have created it. Another one fails with ELOOP. Other
 * users follow all symlinks. With follow, the last component is resolved, too. Returns false with errno.
 */
bool tux_place_open(const char *path, bool follow, struct tux_place *place);
void tux_place_close(struct tux_place *place);

/*
 * Opens path as a directory (O_PATH) by the same rules. Sets *shared (if not NULL) if other users can change it. Returns -1 with
 * errno.
 */
int tux_place_directory(const char *path, bool *shared);

/*
 * Connect an AF_UNIX socket to the socket at a place, never through a symlink, or bind it there with these permissions regardless
 * of the umask. path is the path of the place. Return 0, or -1 with errno.
 */
int tux_place_connect(const struct tux_place *place, int fd);
int tux_place_bind(const struct tux_place *place, const char *path, int fd, mode_t mode);

#endif
