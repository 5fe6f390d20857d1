/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "print.h"

enum {
	MAX_LINKS = 40, /* links followed in one path, as in the kernel */
};

/* The current directory of a walk, and the remaining path. */
struct walk {
	int fd;
	struct stat st;
	bool privileged; /* the process is root, so others must not redirect the walk */
	bool shared;     /* others can change the path to this directory */
	uid_t top_owner; /* owner of "/": root, or in a user namespace the user whom root is mapped from */
	unsigned links;
	char rest[PATH_MAX];
	size_t at;
};

static bool is_trusted(const struct walk *walk, uid_t uid)
{
	return uid == 0 || uid == walk->top_owner;
}

/* True if other users than root can create, replace or remove any name in the directory, or (sticky) only create new names. */
static bool is_open_to_others(const struct walk *walk)
{
	return !is_trusted(walk, walk->st.st_uid) || (walk->st.st_mode & (S_IWGRP | S_IWOTH));
}

static bool is_sticky(const struct walk *walk)
{
	return is_trusted(walk, walk->st.st_uid) && (walk->st.st_mode & S_ISVTX);
}

/* True if other users can change the target of a name in the directory. entry is NULL if the name does not exist. */
static bool is_shared(const struct walk *walk, const struct stat *entry)
{
	if (!walk->privileged)
		return false;
	if (walk->shared)
		return true;
	if (!is_open_to_others(walk))
		return false;
	/* Another name of root's own symlink could be created here if the kernel does not protect hard links. */
	return !entry || !is_sticky(walk) || !is_trusted(walk, entry->st_uid) || (!S_ISDIR(entry->st_mode) && entry->st_nlink != 1);
}

/* Makes fd, which it consumes, the directory of the walk. Returns false with errno. */
static bool directory_enter(struct walk *walk, int fd, bool shared)
{
	if (fd < 0)
		return false;
	if (walk->fd >= 0)
		close(walk->fd);
	walk->fd = fd;
	walk->shared = shared;
	return fstat(fd, &walk->st) == 0;
}

/* Starts at "/" or at the working directory, which no other user can replace. */
static bool begin(struct walk *walk)
{
	const bool absolute = walk->rest[walk->at] == '/';

	return directory_enter(walk, open(absolute ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC), absolute ? false : walk->shared);
}

/* Copies the next name. Returns false with errno. name is empty at the end of the path. */
static bool name_next(struct walk *walk, char name[NAME_MAX + 1])
{
	size_t len;

	walk->at += strspn(walk->rest + walk->at, "/");
	len = strcspn(walk->rest + walk->at, "/");
	if (len > NAME_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(name, walk->rest + walk->at, len);
	name[len] = '\0';
	walk->at += len;
	return true;
}

static bool is_last(const struct walk *walk)
{
	return walk->rest[walk->at + strspn(walk->rest + walk->at, "/")] == '\0';
}

/* Inserts the text of a link before the rest of the path. */
static bool link_follow(struct walk *walk, int link_fd)
{
	char text[PATH_MAX];
	const ssize_t len = readlinkat(link_fd, "", text, sizeof(text));
	const size_t left = strlen(walk->rest + walk->at);

	if (len < 0)
		return false;
	if ((size_t)len + left >= sizeof(walk->rest) || ++walk->links > MAX_LINKS) {
		errno = walk->links > MAX_LINKS ? ELOOP : ENAMETOOLONG;
		return false;
	}
	memmove(walk->rest + len, walk->rest + walk->at, left + 1);
	memcpy(walk->rest, text, (size_t)len);
	walk->at = 0;
	return walk->rest[0] != '/' || begin(walk);
}

static bool is_in_proc(const struct walk *walk)
{
	struct statfs fs;

	return fstatfs(walk->fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

enum step { STEP_FAILED, STEP_ON, STEP_DONE };

static void place_fill(struct tux_place *place, const struct walk *walk, const char *name, const struct stat *st)
{
	*place = (struct tux_place){ .directory_fd = walk->fd, .directory_owner = walk->st.st_uid };
	memcpy(place->name, *name ? name : ".", strlen(*name ? name : ".") + 1);
	place->shared = is_shared(walk, st);
	place->exists = st != NULL;
	if (st) {
		place->mode = st->st_mode;
		place->owner = st->st_uid;
		place->is_link = S_ISLNK(st->st_mode);
	}
}

/* Checks one name. fd is its file (O_PATH, not followed), which it consumes. */
static enum step entry_take(struct walk *walk, const char *name, int fd, bool follow, struct tux_place *place)
{
	struct stat st;
	bool entered;

	if (fstat(fd, &st) < 0) {
		close(fd);
		return STEP_FAILED;
	}
	if (S_ISLNK(st.st_mode) && (follow || !is_last(walk)) && !(is_last(walk) && is_in_proc(walk))) {
		errno = ELOOP;
		entered = !is_shared(walk, &st) && link_follow(walk, fd);
		close(fd);
		return entered ? STEP_ON : STEP_FAILED;
	}
	if (is_last(walk)) {
		place_fill(place, walk, name, &st);
		place->is_descriptor = place->is_link && follow;
		place->is_link = place->is_link && !follow;
		close(fd);
		return STEP_DONE;
	}
	if (!S_ISDIR(st.st_mode)) {
		close(fd);
		errno = ENOTDIR;
		return STEP_FAILED;
	}
	return directory_enter(walk, fd, is_shared(walk, &st)) ? STEP_ON : STEP_FAILED;
}

static enum step step(struct walk *walk, bool follow, struct tux_place *place)
{
	char name[NAME_MAX + 1];
	int fd;

	if (!name_next(walk, name))
		return STEP_FAILED;
	if (*name == '\0') {
		place_fill(place, walk, "", &walk->st);
		place->shared = walk->shared;
		return STEP_DONE;
	}
	if (strcmp(name, ".") == 0)
		return STEP_ON;
	if (strcmp(name, "..") == 0)
		return directory_enter(walk, openat(walk->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC), walk->shared) ? STEP_ON : STEP_FAILED;
	fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return entry_take(walk, name, fd, follow, place);
	if (errno != ENOENT || !is_last(walk))
		return STEP_FAILED;
	place_fill(place, walk, name, NULL);
	return STEP_DONE;
}

bool tux_place_open(const char *path, bool follow, struct tux_place *place)
{
	struct walk walk = { .fd = -1, .privileged = geteuid() == 0 };
	const size_t len = strlen(path);
	enum step next = STEP_ON;
	struct stat top;
	int saved;

	*place = (struct tux_place){ .directory_fd = -1 };
	if (len == 0 || len >= sizeof(walk.rest)) {
		errno = len == 0 ? ENOENT : ENAMETOOLONG;
		return false;
	}
	memcpy(walk.rest, path, len + 1);
	walk.top_owner = stat("/", &top) == 0 ? top.st_uid : 0;
	if (!begin(&walk))
		next = STEP_FAILED;
	while (next == STEP_ON)
		next = step(&walk, follow, place);
	if (next == STEP_DONE)
		return true;
	saved = errno;
	if (walk.fd >= 0)
		close(walk.fd);
	errno = saved;
	return false;
}

void tux_place_close(struct tux_place *place)
{
	const int saved = errno;

	if (place->directory_fd >= 0)
		close(place->directory_fd);
	place->directory_fd = -1;
	errno = saved;
}

int tux_place_directory(const char *path, bool *shared)
{
	struct tux_place place;
	int fd;

	if (!tux_place_open(path, true, &place))
		return -1;
	/* Only root can make an unshared name a link, so following it is safe. A shared name must not be a link. */
	fd = openat(place.directory_fd, place.name, O_PATH | O_DIRECTORY | O_CLOEXEC | (place.is_descriptor ? 0 : O_NOFOLLOW));
	if (shared)
		*shared = place.shared;
	tux_place_close(&place);
	return fd;
}

/* Makes the kernel's path to a name in an open directory, or to an open file. Returns false with errno if it does not fit. */
static bool address_make(struct sockaddr_un *address, int fd, const char *slash, const char *name)
{
	address->sun_family = AF_UNIX;
	errno = ENAMETOOLONG;
	return print_whole(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d%s%s", fd, slash, name);
}

int tux_place_connect(const struct tux_place *place, int fd)
{
	const int socket_fd = openat(place->directory_fd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct sockaddr_un address = { 0 };
	struct stat st;
	int rc = -1, saved;

	if (socket_fd < 0)
		return -1;
	errno = ENOTSOCK;
	if (fstat(socket_fd, &st) == 0 && S_ISSOCK(st.st_mode) && address_make(&address, socket_fd, "", ""))
		rc = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	saved = errno;
	close(socket_fd);
	errno = saved;
	return rc;
}

int tux_place_bind(const struct tux_place *place, const char *path, int fd, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const size_t len = strlen(path);
	mode_t mask;
	int rc, saved;

	/*
	 * Binds to the path itself, which is then visible to others, if no other user can redirect it, or if the process is not
	 * root.
	 */
	if ((!place->shared || geteuid() != 0) && len < sizeof(address.sun_path))
		memcpy(address.sun_path, path, len);
	else if (!address_make(&address, place->directory_fd, "/", place->name))
		return -1;
	mask = umask(~mode & 0777);
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	saved = errno;
	umask(mask);
	errno = saved;
	return rc;
}
