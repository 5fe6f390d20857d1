/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "unused_user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "privileges.h"

enum {
	NUMBERS = TUX_UNUSED_LAST - TUX_UNUSED_FIRST + 1,
	TRIES = 32,
	UIDS = 4, /* of a process: real, effective, saved, of files */
};

/* The numbers of the range that processes have. */
struct taken {
	bool number[NUMBERS];
};

/* Notes the users of a process. */
static void process_note(struct taken *taken, int proc, const char *pid)
{
	char path[32], text[2048], *at;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%.20s/status", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	at = strstr(text, "\nUid:");
	at += at ? strlen("\nUid:") : 0;
	for (unsigned i = 0; at && i < UIDS; i++) {
		const unsigned long uid = strtoul(at, &at, 10);

		if (uid >= TUX_UNUSED_FIRST && uid <= TUX_UNUSED_LAST)
			taken->number[uid - TUX_UNUSED_FIRST] = true;
	}
}

/* Notes the users of all processes. Returns false with errno. */
static bool processes_note(struct taken *taken)
{
	DIR *const proc = opendir("/proc");
	const struct dirent *entry;

	if (!proc)
		return false;
	while ((entry = readdir(proc)))
		if (*entry->d_name >= '1' && *entry->d_name <= '9')
			process_note(taken, dirfd(proc), entry->d_name);
	closedir(proc);
	return true;
}

/* True if the system knows the number: nss-systemd lists users of services; without it systemd's own directory has them. */
static bool is_known(unsigned number)
{
	char path[64];

	snprintf(path, sizeof(path), "/run/systemd/dynamic-uid/%u", number);
	return getpwuid(number) || getgrgid(number) || access(path, F_OK) == 0;
}

bool tux_user_unused(struct tux_user *user, char *error, size_t error_size)
{
	struct taken taken = { { false } };
	uint32_t random = (uint32_t)getpid();

	if (!processes_note(&taken)) {
		snprintf(error, error_size, "cannot read /proc: %s", strerror(errno));
		return false;
	}
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)getpid();
	snprintf(error, error_size, "none from %d to %d is free", TUX_UNUSED_FIRST, TUX_UNUSED_LAST);
	for (unsigned i = 0; i < TRIES; i++) {
		const unsigned at = (random + i) % NUMBERS, number = TUX_UNUSED_FIRST + at;

		if (taken.number[at] || is_known(number))
			continue;
		*user = (struct tux_user){ .uid = number, .gid = number, .change = true, .group = { number }, .groups = 1 };
		snprintf(user->name, sizeof(user->name), "%u", number);
		errno = tux_privileges_refused(user);
		if (errno == 0)
			return true;
		snprintf(error, error_size, "cannot become %u: %s", number, strerror(errno));
	}
	return false;
}
