/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up privileges. Every step is checked, and the result too. */
#define _GNU_SOURCE 1
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool fail(char *error, size_t error_size, const char *what, const char *who)
{
	snprintf(error, error_size, "cannot %s %s: %s", what, who, strerror(errno));
	return false;
}

static void user_set(struct tux_user *user, const struct passwd *entry, bool change)
{
	snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	user->change = change;
}

bool tux_privileges_user(const char *wanted, struct tux_user *user, char *error, size_t error_size)
{
	const bool root = geteuid() == 0;
	const struct passwd *entry;

	memset(user, 0, sizeof(*user));
	if (wanted) {
		entry = getpwnam(wanted);
		if (!entry) {
			snprintf(error, error_size, "option --user: there is no user \"%s\"", wanted);
			return false;
		}
		if (!root && entry->pw_uid != geteuid()) {
			snprintf(error, error_size, "option --user: only root can become \"%s\"", wanted);
			return false;
		}
		user_set(user, entry, root);
		return true;
	}
	if (!root) {
		entry = getpwuid(geteuid());
		if (entry)
			user_set(user, entry, false);
		else
			snprintf(user->name, sizeof(user->name), "%u", (unsigned)geteuid());
		return true;
	}
	entry = getpwnam("www-data");
	if (!entry)
		entry = getpwnam("nobody");
	if (!entry) {
		snprintf(error, error_size, "neither www-data nor nobody is a user here: say with --user whom to run as");
		return false;
	}
	user_set(user, entry, true);
	return true;
}

/* What an exec could take from; needs CAP_SETPCAP, without which there is nothing to win there. */
static void bounding_set_drop(void)
{
	unsigned long cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* These are in force from here on, and no others can be. */
static bool capabilities_set(uint64_t kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	unsigned i;

	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
	return syscall(SYS_capset, &header, data) == 0;
}

bool tux_privileges_forget(void)
{
	return capabilities_set(0);
}

static bool user_become(const struct tux_user *user, char *error, size_t error_size)
{
	uid_t real, effective, saved;

	if (initgroups(user->name, user->gid) < 0)
		return fail(error, error_size, "take the groups of user", user->name);
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return fail(error, error_size, "take the group of user", user->name);
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return fail(error, error_size, "become user", user->name);
	if (getresuid(&real, &effective, &saved) < 0 || real != user->uid || effective != user->uid || saved != user->uid) {
		errno = EPERM;
		return fail(error, error_size, "become user", user->name);
	}
	return true;
}

bool tux_privileges_keep(const struct tux_user *user, uint64_t kept, bool regain, char *error, size_t error_size)
{
	if (!regain)
		bounding_set_drop();
	if (kept != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(error, error_size, "keep", "capabilities");
	if (user->change && !user_become(user, error, error_size))
		return false;
	if (!capabilities_set(kept))
		return fail(error, error_size, "give up", "capabilities");
	return true;
}

bool tux_privileges_drop(const struct tux_user *user, char *error, size_t error_size)
{
	if (!tux_privileges_keep(user, 0, false, error, error_size))
		return false;
	if (user->change && user->uid != 0 && setresuid(0, 0, 0) == 0) {
		errno = EPERM;
		return fail(error, error_size, "give up", "root for good");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, error_size, "set", "no_new_privs");
	return true;
}
