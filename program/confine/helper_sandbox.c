/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "helper_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock_abi.h"

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_FS_TRUNCATE)

/* Programs and libraries. */
static const char *const executed[] = { "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin" };

/* Not all of /etc, which may have keys that the user of the server can read. */
static const char *const read_only[] = {
	"/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/crypto-policies", "/etc/gai.conf", "/etc/gnutls", "/etc/group", "/etc/host.conf",
	"/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/pki",
	"/etc/protocols", "/etc/resolv.conf", "/etc/services", "/etc/ssl", "/proc", "/run/nscd", "/run/resolvconf", "/run/systemd/resolve", "/run/NetworkManager",
	"/dev/urandom", "/dev/random", "/dev/zero",
};

static bool rule_add(int ruleset, int fd, uint64_t access)
{
	struct stat st;
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };

	if (fstat(fd, &st) < 0)
		return false;
	rule.allowed_access = S_ISDIR(st.st_mode) ? access : access & ACCESS_OF_FILES;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* Permits access beneath paths that exist. */
static bool paths_add(int ruleset, const char *const *path, size_t count, uint64_t access)
{
	bool added = true;

	for (size_t i = 0; i < count && added; i++) {
		const int fd = open(path[i], O_PATH | O_CLOEXEC);

		if (fd < 0)
			continue;
		added = rule_add(ruleset, fd, access);
		close(fd);
	}
	return added;
}

static bool null_add(int ruleset)
{
	static const char *const path[] = { "/dev/null" };

	return paths_add(ruleset, path, 1, ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
}

bool tux_helper_sandbox_enter(int directory_fd, int program_fd)
{
	const int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { .handled_access_fs = ACCESS_FS_ABI_1 };
	size_t size = offsetof(struct ruleset_attr, handled_access_net);
	uint64_t all;
	int ruleset, saved;
	bool entered;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	if (abi <= 0)
		return true;
	attr.handled_access_fs |= (abi >= ABI_REFER ? ACCESS_FS_REFER : 0) | (abi >= ABI_TRUNCATE ? ACCESS_FS_TRUNCATE : 0);
	all = attr.handled_access_fs & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);
	if (abi >= ABI_NET) {
		attr.handled_access_net = ACCESS_NET_BIND_TCP;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= ABI_SCOPE) {
		attr.scoped = SCOPE_ALL;
		size = sizeof(attr);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	entered = ruleset >= 0 && rule_add(ruleset, directory_fd, all) && rule_add(ruleset, program_fd, ACCESS_READ | LANDLOCK_ACCESS_FS_EXECUTE) &&
	          paths_add(ruleset, executed, sizeof(executed) / sizeof(executed[0]), ACCESS_READ | LANDLOCK_ACCESS_FS_EXECUTE) &&
	          paths_add(ruleset, read_only, sizeof(read_only) / sizeof(read_only[0]), ACCESS_READ) && null_add(ruleset) &&
	          syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	saved = errno;
	if (ruleset >= 0)
		close(ruleset);
	errno = saved;
	return entered;
}
