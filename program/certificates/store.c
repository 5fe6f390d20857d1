/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/place.h"
#include "../../engine/io/print.h"

#define ROOT_DIRECTORY "/var/lib/tux"

void tux_pem_free(struct tux_pem *pem)
{
	if (pem->text)
		explicit_bzero(pem->text, pem->len);
	free(pem->text);
	*pem = (struct tux_pem){ NULL, 0 };
}

/* Writes the path of the state directory. Returns false with a sentence in error. */
static bool path_choose(const char *configured, char path[PATH_MAX], char *error, size_t error_size)
{
	const char *const managed = getenv("STATE_DIRECTORY"), *const state = getenv("XDG_STATE_HOME"), *const home = getenv("HOME");
	bool fits = false;

	if (!configured && managed && *managed)
		fits = print_whole(path, PATH_MAX, "%.*s", (int)strcspn(managed, ":"), managed);
	else if (!configured && geteuid() == 0)
		fits = print_whole(path, PATH_MAX, "%s", ROOT_DIRECTORY);
	else if (!configured && state && *state == '/')
		fits = print_whole(path, PATH_MAX, "%s/tux", state);
	else if (!configured && home && *home == '/')
		fits = print_whole(path, PATH_MAX, "%s/.local/state/tux", home);
	else if (configured)
		fits = print_whole(path, PATH_MAX, "%s", configured);
	if (!fits)
		snprintf(error, error_size, configured ? "state-directory \"%.200s\": the name is too long" :
		         "there is no place for certificates: $HOME is not set; specify state-directory%.0s", configured ? configured : "");
	return fits;
}

/* Makes the directories above a path, as far as they are missing. */
static void parents_make(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return; /* opening the path reports it */
	}
}

/* Opens the directory at a path. *shared: others can change it. Returns -1 with errno. */
static int directory_open(const char *path, bool make, bool *shared)
{
	struct tux_place place;
	int fd = -1, saved;

	if (make && geteuid() != 0)
		parents_make(path); /* for root it is a directory of the system, which exists */
	if (!tux_place_open(path, true, &place))
		return -1;
	*shared = geteuid() == 0 && place.shared;
	if (!*shared && (place.exists || !make || mkdirat(place.directory_fd, place.name, 0700) == 0 || errno == EEXIST))
		fd = openat(place.directory_fd, place.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (place.is_descriptor ? 0 : O_NOFOLLOW));
	saved = *shared ? EPERM : errno;
	tux_place_close(&place);
	errno = saved;
	return fd;
}

/* True if other users can change what is in an open directory. */
static bool is_open_to_others(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

bool tux_store_open(struct tux_store *store, const char *configured, bool make, char *error, size_t error_size)
{
	char path[PATH_MAX], link[64];
	bool shared = false;
	ssize_t len;

	*store = (struct tux_store){ .fd = -1 };
	if (!path_choose(configured, path, error, error_size))
		return false;
	store->fd = directory_open(path, make, &shared);
	store->is_open = store->fd >= 0;
	if (!store->is_open) {
		snprintf(error, error_size, "state directory \"%s\": %s", path,
		         shared || errno == ELOOP ? "other users can change the way to it" : strerror(errno));
		return false;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", store->fd);
	len = readlink(link, store->path, sizeof(store->path) - 1);
	if (len > 0 && store->path[0] == '/' && !is_open_to_others(store->fd)) {
		store->path[len] = '\0';
		return true;
	}
	snprintf(error, error_size, "state directory \"%s\": %s", path,
	         len > 0 ? "other users own it or can change it; chmod 700 it" : "it has no name in /proc");
	tux_store_close(store);
	return false;
}

void tux_store_close(struct tux_store *store)
{
	if (store->is_open)
		close(store->fd);
	store->is_open = false;
	store->fd = -1;
}

int tux_store_directory(const struct tux_store *store, const char *path, bool make)
{
	int fd = fcntl(store->fd, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0 && *path) {
		const size_t len = strcspn(path, "/");
		char name[NAME_MAX + 1];
		int next = -1, saved;

		if (len == 0 || len > NAME_MAX) {
			close(fd);
			errno = EINVAL;
			return -1;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		if (!make || mkdirat(fd, name, 0700) == 0 || errno == EEXIST)
			next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		saved = errno;
		close(fd);
		errno = saved;
		fd = next;
		path += len;
		path += strspn(path, "/");
	}
	return fd;
}

int tux_store_lock(const struct tux_store *store, const char *name)
{
	const int fd = openat(store->fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return -1;
	}
	return fd;
}

bool tux_store_read(int directory, const char *name, struct tux_pem *pem)
{
	const int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	ssize_t got = -1;
	int saved;

	*pem = (struct tux_pem){ NULL, 0 };
	if (fd < 0)
		return false;
	errno = EINVAL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < TUX_STORE_FILE_BYTES)
		pem->text = malloc((size_t)st.st_size + 1);
	if (pem->text) {
		while ((got = read(fd, pem->text + pem->len, (size_t)st.st_size - pem->len)) > 0)
			pem->len += (size_t)got;
		pem->text[pem->len] = '\0';
	}
	saved = errno;
	close(fd);
	errno = saved;
	return got == 0;
}

/* Writes all bytes to a file, and the file to the disk. */
static bool write_whole(int fd, const struct tux_pem *pem)
{
	size_t at = 0;
	ssize_t done = 0;

	while (at < pem->len && (done = write(fd, pem->text + at, pem->len - at)) > 0)
		at += (size_t)done;
	return at == pem->len && fsync(fd) == 0;
}

bool tux_store_write(int directory, const char *name, const struct tux_pem *pem)
{
	char temporary[NAME_MAX + 1];
	bool done;
	int fd, saved;

	errno = ENAMETOOLONG;
	if (!print_whole(temporary, sizeof(temporary), ".%s.new", name))
		return false;
	unlinkat(directory, temporary, 0); /* of a process that was killed */
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	done = write_whole(fd, pem) && renameat(directory, temporary, directory, name) == 0 && fsync(directory) == 0;
	saved = errno;
	close(fd);
	if (!done)
		unlinkat(directory, temporary, 0);
	errno = saved;
	return done;
}
