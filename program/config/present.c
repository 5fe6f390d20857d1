/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "present.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../engine/io/listener.h"
#include "../confine/user.h"

static bool directory_check(const char *name, const char *value, const char *path, char *error, size_t error_size)
{
	struct stat st;

	if (stat(path, &st) < 0)
		snprintf(error, error_size, "%s \"%s\": \"%s\": %s", name, value, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		snprintf(error, error_size, "%s \"%s\": \"%s\": %s", name, value, path, strerror(ENOTDIR));
	else
		return true;
	return false;
}

/* Checks the directory in which path will be created. */
static bool parent_check(const char *name, const char *value, const char *path, char *error, size_t error_size)
{
	const char *const slash = strrchr(path, '/');
	char *const parent = !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	const bool good = parent && directory_check(name, value, parent, error, error_size);

	if (!parent)
		snprintf(error, error_size, "no memory");
	free(parent);
	return good;
}

bool tux_present_check(const struct tux_option *option, const char *value, char *error, size_t error_size)
{
	struct tux_user user;
	const char *path;
	char reason[160];

	switch (option->names) {
	case TUX_NAMES_NOTHING:
		break;
	case TUX_NAMES_DIRECTORY:
		return directory_check(option->name, value, value, error, error_size);
	case TUX_NAMES_FILE:
		return strcmp(value, "off") == 0 || strcmp(value, "-") == 0 || parent_check(option->name, value, value, error, error_size);
	case TUX_NAMES_SOCKET:
		path = tux_listener_address(value);
		return strncmp(path, "unix:", 5) != 0 || parent_check(option->name, value, path + 5, error, error_size);
	case TUX_NAMES_USER:
		if (tux_user_find(value, &user, reason, sizeof(reason)))
			break;
		snprintf(error, error_size, "%s \"%s\": %s", option->name, value, reason);
		return false;
	}
	return true;
}
