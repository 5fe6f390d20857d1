/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "destination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/place.h"
#include "../confine/privileges.h"

enum {
	OPEN_FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	MODE = 0640, /* readable by owner and group only, because a log shows who visited */
	TRIES = 8,   /* attempts while another process creates and removes the file */
};

static int failed(char *reason, size_t reason_size, const char *text)
{
	snprintf(reason, reason_size, "%s", text);
	return -1;
}

/*
 * Gives a regular file of root with a single name to the user, so neither /dev/null nor a file that has a name elsewhere. Fails if
 * the file system has no owners.
 */
static void file_give(int fd, const struct tux_user *user)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == 0 && fchown(fd, user->uid, user->gid) < 0)
		return;
}

/*
 * Opens a file in a directory that other users can change. It must belong to the directory's owner, who has access anyway, or to
 * the writer.
 */
static int shared_open(const struct tux_place *place, const struct tux_user *user, char *reason, size_t reason_size)
{
	int fd = openat(place->directory_fd, place->name, OPEN_FLAGS | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return failed(reason, reason_size,
		              errno == ELOOP ? "it is a link in a directory that other users can change" : strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (st.st_uid == user->uid || (st.st_uid != 0 && st.st_uid == place->directory_owner)))
		return fd;
	close(fd);
	errno = EPERM;
	snprintf(reason, reason_size, "other users can change its directory, and it is not a regular file of user %s", user->name);
	return -1;
}

static int place_open(const struct tux_place *place, const struct tux_user *user, char *reason, size_t reason_size)
{
	int fd;

	if (place->exists && place->shared)
		return shared_open(place, user, reason, reason_size);
	if (place->exists)
		fd = openat(place->directory_fd, place->name, OPEN_FLAGS | (place->is_descriptor ? 0 : O_NOFOLLOW));
	else
		fd = openat(place->directory_fd, place->name, OPEN_FLAGS | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
	if (fd < 0)
		return failed(reason, reason_size, strerror(errno));
	if (user->change && !place->is_descriptor)
		file_give(fd, user);
	return fd;
}

static int root_open(const char *path, const struct tux_user *user, char *reason, size_t reason_size)
{
	struct tux_place place;
	int fd = -1, i;

	for (i = 0; fd < 0 && i < TRIES; i++) {
		errno = 0;
		if (!tux_place_open(path, true, &place))
			return failed(reason, reason_size, errno == ELOOP ? "there is a link on the way that other users can change" : strerror(errno));
		fd = place_open(&place, user, reason, reason_size);
		tux_place_close(&place);
		if (errno != EEXIST && errno != ENOENT)
			break;
	}
	return fd;
}

int tux_log_destination_open(const char *path, const struct tux_user *user, char *reason, size_t reason_size)
{
	struct tux_privileges_saved saved;
	int fd = -1;

	if (geteuid() == 0 && user->uid == 0) /* regardless of the group */
		return root_open(path, user, reason, reason_size);
	if (tux_privileges_assume(user, &saved)) {
		fd = open(path, OPEN_FLAGS | O_CREAT, MODE);
		tux_privileges_resume(&saved);
	}
	if (fd >= 0)
		return fd;
	if (geteuid() == 0 && (errno == EACCES || errno == EPERM))
		return root_open(path, user, reason, reason_size);
	return failed(reason, reason_size, strerror(errno));
}

int tux_log_destination_directory(const char *path)
{
	struct tux_place place;

	return tux_place_open(path, false, &place) ? place.directory_fd : -1;
}
