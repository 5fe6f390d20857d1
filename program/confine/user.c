/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Parses the number of a user or group. -1 is invalid, because it means "unchanged" to the kernel. */
static bool number_read(const char *text, uint32_t *number)
{
	unsigned long long value;

	if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno != 0 || value >= UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

bool tux_user_has_group(const char *text)
{
	return strchr(text, ':') != NULL;
}

static bool group_find(const char *text, gid_t *gid, char *error, size_t error_size)
{
	const struct group *const entry = getgrnam(text);
	uint32_t number;

	if (entry) {
		*gid = entry->gr_gid;
		return true;
	}
	if (number_read(text, &number)) {
		*gid = number;
		return true;
	}
	snprintf(error, error_size, "there is no group \"%s\"", text);
	return false;
}

/* Finds the supplementary groups. A user without an entry has only its own group. */
static bool groups_find(struct tux_user *user, const char *login, char *error, size_t error_size)
{
	user->groups = TUX_USER_GROUPS;
	if (!login) {
		user->group[0] = user->gid;
		user->groups = 1;
		return true;
	}
	if (getgrouplist(login, user->gid, user->group, &user->groups) >= 0)
		return true;
	snprintf(error, error_size, "user \"%s\" is in more than %d groups", user->name, TUX_USER_GROUPS);
	return false;
}

bool tux_user_find(const char *text, struct tux_user *user, char *error, size_t error_size)
{
	const size_t len = strcspn(text, ":");
	const struct passwd *entry = NULL;
	char name[TUX_USER_NAME], login[TUX_USER_NAME];
	uint32_t number;

	*user = (struct tux_user){ .change = true };
	if (len > 0 && len < sizeof(name)) {
		memcpy(name, text, len);
		name[len] = '\0';
		memcpy(user->name, name, len + 1);
		entry = getpwnam(name);
		if (!entry && number_read(name, &number)) {
			user->uid = user->gid = number;
			entry = getpwuid(number);
		} else if (!entry) {
			snprintf(error, error_size, "there is no user \"%s\"", name);
			return false;
		}
	} else {
		snprintf(error, error_size, "\"%s\" is not the name or the number of a user", text);
		return false;
	}
	if (entry) {
		user->uid = entry->pw_uid;
		user->gid = entry->pw_gid;
		snprintf(login, sizeof(login), "%s", entry->pw_name);
	}
	if (text[len] == ':' && !group_find(text + len + 1, &user->gid, error, error_size))
		return false;
	return groups_find(user, entry ? login : NULL, error, error_size);
}

void tux_user_own(struct tux_user *user)
{
	const struct passwd *const entry = getpwuid(geteuid());

	*user = (struct tux_user){ .uid = geteuid(), .gid = getegid() };
	if (entry)
		snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	else
		snprintf(user->name, sizeof(user->name), "%u", (unsigned)user->uid);
}
