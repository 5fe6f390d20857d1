/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_beneath(int root_fd, const char *path, uint64_t flags, bool links)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	if (!links)
		how.resolve |= RESOLVE_NO_SYMLINKS;
	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

/* Gets the status of path. Returns 0 or an errno. */
static int look(int root_fd, const char *path, bool links, struct stat *status)
{
	const int fd = open_beneath(root_fd, path, 0, links);
	int error = 0;

	*status = (struct stat){ .st_mode = 0 };
	if (fd < 0)
		return errno;
	if (fstat(fd, status) < 0)
		error = errno;
	close(fd);
	return error;
}

static bool may_run(const struct stat *status, bool root_owned)
{
	return S_ISREG(status->st_mode) && !(status->st_mode & S_IWOTH) &&
	       (!root_owned || (status->st_uid == 0 && status->st_gid == 0));
}

/* True if only root can replace files in a directory. */
static bool is_settled(const struct stat *directory)
{
	return directory->st_uid == 0 && !(directory->st_mode & (S_IWGRP | S_IWOTH));
}

/* Opens the directory of the script path. last is the last segment of path. Returns 0 or an errno. */
static int directory_open(int root_fd, char *path, char *last, bool links, int *fd)
{
	if (last == path) {
		*fd = open_beneath(root_fd, ".", O_DIRECTORY, links);
	} else {
		last[-1] = '\0';
		*fd = open_beneath(root_fd, path, O_DIRECTORY, links);
		last[-1] = '/';
	}
	return *fd < 0 ? errno : 0;
}

int tux_script_find(int root_fd, bool root_owned, char *path, uint32_t *len, int *directory_fd)
{
	char *name, *end = path;
	struct stat root;

	*len = 0;
	*directory_fd = -1;
	if (root_owned && (fstat(root_fd, &root) < 0 || !is_settled(&root)))
		return EPERM;
	for (name = path;; name = end + 1) {
		struct stat status;
		char behind;
		int error;

		end = name + strcspn(name, "/");
		if (end == name || *name == '.')
			return ENOENT;
		behind = *end;
		*end = '\0';
		error = look(root_fd, path, !root_owned, &status);
		if (error == 0 && !S_ISDIR(status.st_mode)) {
			*len = (uint32_t)(end - path);
			error = may_run(&status, root_owned) ? directory_open(root_fd, path, name, !root_owned, directory_fd) : EPERM;
			*end = behind;
			return error;
		}
		*end = behind;
		if (error != 0)
			return error;
		if (root_owned && !is_settled(&status))
			return EPERM;
		if (behind == '\0')
			return ENOENT; /* a directory is not a script */
	}
}
