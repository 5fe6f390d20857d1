/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "body_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool tux_body_directory_needed(const struct tux_engine_config *config)
{
	unsigned i;

	for (i = 0; i < config->cgi_count; i++)
		if (!config->cgi[i].stream_chunked)
			return true;
	for (i = 0; i < config->upstream_count; i++)
		if (config->upstreams[i].request_buffering)
			return true;
	return false;
}

/* True if unnamed files can be created in a directory; not every file system supports it. Otherwise sets errno. */
static bool takes_files(int fd)
{
	const int file = openat(fd, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	if (file < 0)
		return false;
	close(file);
	return true;
}

/* Opens tux-UID in parent. Returns -1 if it cannot be created, belongs to another user, or has another mode. */
static int own_open(const char *parent)
{
	char path[64];
	struct stat about;
	int fd;

	snprintf(path, sizeof(path), "%s/tux-%u", parent, (unsigned)geteuid());
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &about) == 0 && about.st_uid == geteuid() && (about.st_mode & 0777) == 0700 && takes_files(fd))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool tux_body_directory_open(const char *path, int *fd, char *error, size_t error_size)
{
	if (!path) {
		*fd = own_open("/var/tmp");
		if (*fd < 0)
			*fd = own_open("/tmp");
		return true;
	}
	*fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0 && takes_files(*fd))
		return true;
	snprintf(error, error_size, "body-directory: \"%s\": cannot make files without names there: %s", path, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return false;
}
