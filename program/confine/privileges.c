/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drops privileges. Checks every step and the result. */
#define _GNU_SOURCE 1
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NUMBER_OF_NOBODY "65534"

static bool fail(char *error, size_t error_size, const char *what, const char *who)
{
	snprintf(error, error_size, "cannot %s %s: %s", what, who, strerror(errno));
	return false;
}

/* Takes the groups and the ids of a user. Returns false with errno and the failed step in *what. */
static bool ids_take(const struct tux_user *user, const char **what)
{
	*what = "take the groups of user";
	if (setgroups((size_t)user->groups, user->group) < 0)
		return false;
	*what = "take the group of user";
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return false;
	*what = "become user";
	return setresuid(user->uid, user->uid, user->uid) == 0;
}

int tux_privileges_refused(const struct tux_user *user)
{
	const pid_t pid = fork();
	const char *what;
	int status;

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(ids_take(user, &what) ? 0 : errno);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static bool user_wanted(const char *wanted, struct tux_user *user, char *error, size_t error_size)
{
	const bool root = geteuid() == 0;
	char reason[160];
	int refused;

	if (!tux_user_find(wanted, user, reason, sizeof(reason))) {
		snprintf(error, error_size, "option --user: %s", reason);
		return false;
	}
	user->change = user->uid != geteuid() || (tux_user_has_group(wanted) && user->gid != getegid());
	if (!user->change)
		return true;
	refused = root ? tux_privileges_refused(user) : EPERM;
	if (refused == 0)
		return true;
	if (root)
		snprintf(error, error_size, "option --user: cannot become \"%s\": %s", wanted, strerror(refused));
	else
		snprintf(error, error_size, "option --user: only root can become \"%s\"", wanted);
	return false;
}

bool tux_privileges_user(const char *wanted, struct tux_user *user, char *note, size_t note_size, char *error, size_t error_size)
{
	char reason[160], name[TUX_USER_NAME];
	int refused;

	*note = '\0';
	if (wanted)
		return user_wanted(wanted, user, error, error_size);
	if (geteuid() != 0) {
		tux_user_own(user);
		return true;
	}
	if (!tux_user_find("www-data", user, reason, sizeof(reason)) && !tux_user_find("nobody", user, reason, sizeof(reason)) &&
	    !tux_user_find(NUMBER_OF_NOBODY, user, error, error_size))
		return false;
	refused = tux_privileges_refused(user);
	/* No capability, or a user id that the user namespace does not map. Root has no special rights then. */
	if (refused == EPERM || refused == EINVAL) {
		memcpy(name, user->name, sizeof(name));
		tux_user_own(user);
		snprintf(note, note_size, "cannot become %s: %s", name, strerror(refused));
	}
	return true;
}

/* Empties the sets from which an exec could regain capabilities. Needs CAP_SETPCAP; without it an exec gains nothing from them. */
static void bounding_set_drop(uint64_t except)
{
	unsigned long cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap >= 64 || !(except >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* Sets the effective and permitted capabilities to kept, and the inheritable ones. Others cannot be regained without an exec. */
static bool capabilities_set(uint64_t kept, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	unsigned i;

	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &header, data) == 0;
}

bool tux_privileges_forget(void)
{
	return capabilities_set(0, 0);
}

bool tux_privileges_inherit(unsigned capability)
{
	const uint64_t one = UINT64_C(1) << capability;

	return capabilities_set(one, one) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0;
}

bool tux_privileges_has(unsigned capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 && (data[capability / 32].effective >> capability % 32 & 1);
}

bool tux_privileges_assume(const struct tux_user *user, struct tux_privileges_saved *saved)
{
	*saved = (struct tux_privileges_saved){ .gid = getegid() };
	if (!user->change || geteuid() != 0) /* nothing to change, or permanently changed */
		return true;
	saved->groups = getgroups(0, NULL);
	if (saved->groups < 0)
		return false;
	saved->group = calloc((size_t)saved->groups + 1, sizeof(*saved->group));
	if (!saved->group)
		return false;
	saved->groups = getgroups(saved->groups, saved->group);
	saved->assumed = saved->groups >= 0 && setgroups((size_t)user->groups, user->group) == 0;
	if (saved->assumed && setegid(user->gid) == 0 && seteuid(user->uid) == 0)
		return true;
	tux_privileges_resume(saved);
	return false;
}

void tux_privileges_resume(struct tux_privileges_saved *saved)
{
	const int before = errno;

	if (saved->assumed &&
	    (seteuid(0) < 0 || setegid(saved->gid) < 0 || setgroups((size_t)saved->groups, saved->group) < 0)) {
		fprintf(stderr, "tux: cannot become root again: %s\n", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	free(saved->group);
	*saved = (struct tux_privileges_saved){ .gid = saved->gid };
	errno = before;
}

static bool user_become(const struct tux_user *user, char *error, size_t error_size)
{
	uid_t real, effective, saved;
	const char *what;

	if (!ids_take(user, &what))
		return fail(error, error_size, what, user->name);
	if (getresuid(&real, &effective, &saved) < 0 || real != user->uid || effective != user->uid || saved != user->uid) {
		errno = EPERM;
		return fail(error, error_size, "become user", user->name);
	}
	return true;
}

bool tux_privileges_keep(const struct tux_user *user, uint64_t kept, uint64_t inherited, bool regain, char *error, size_t error_size)
{
	if (!regain)
		bounding_set_drop(inherited);
	if (kept != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return fail(error, error_size, "keep", "capabilities");
	if (user->change && !user_become(user, error, error_size))
		return false;
	if (!capabilities_set(kept, 0))
		return fail(error, error_size, "give up", "capabilities");
	return true;
}

bool tux_privileges_drop(const struct tux_user *user, char *error, size_t error_size)
{
	if (!tux_privileges_keep(user, 0, 0, false, error, error_size))
		return false;
	if (user->change && user->uid != 0 && setresuid(0, 0, 0) == 0) {
		errno = EPERM;
		return fail(error, error_size, "give up", "root for good");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, error_size, "set", "no_new_privs");
	return true;
}
