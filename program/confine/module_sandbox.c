/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server's own sandbox (sandbox.c) permits a list of calls. A module may be anything, so this one forbids a list: calls that reach into
 * other processes, or into parts of the kernel that a handler of requests does not need.
 */
#define _GNU_SOURCE 1
#include "module_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock_abi.h"
#include "sandbox.h"
#include "sanitized.h"

/* Returns the access rights to files that the kernel's ABI knows. */
static uint64_t all_access(int abi)
{
	return ACCESS_FS_ABI_1 | (abi >= ABI_REFER ? ACCESS_FS_REFER : 0) | (abi >= ABI_TRUNCATE ? ACCESS_FS_TRUNCATE : 0);
}

static bool permit_root(int ruleset, int abi, const struct tux_module_policy *policy)
{
	const uint64_t reads = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	uint64_t access = reads;
	struct landlock_path_beneath_attr rule;
	bool added;

	if (policy->programs)
		access |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (policy->writes)
		access |= all_access(abi) & ~(uint64_t)(reads | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);
	rule = (struct landlock_path_beneath_attr){ .allowed_access = access, .parent_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (rule.parent_fd < 0)
		return false;
	added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent_fd);
	return added;
}

bool tux_module_sandbox_files(const struct tux_module_policy *policy, struct tux_module_sandbox *sandbox, char *error, size_t error_size)
{
	const int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { .handled_access_fs = all_access(abi) };
	size_t size = offsetof(struct ruleset_attr, handled_access_net);
	int ruleset;
	bool entered;

	if (TUX_SANITIZED || abi <= 0)
		return true;
	if (abi >= ABI_NET) {
		attr.handled_access_net = policy->network ? 0 : ACCESS_NET_ALL;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= ABI_SCOPE) {
		attr.scoped = SCOPE_ALL;
		size = sizeof(attr);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	entered = ruleset >= 0 && (!policy->has_root || permit_root(ruleset, abi, policy)) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	          syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	sandbox->landlock_abi = (unsigned)abi;
	if (!entered)
		snprintf(error, error_size, "cannot put Landlock rules in force: %s", strerror(errno));
	if (ruleset >= 0)
		close(ruleset);
	return entered;
}

/* Names unknown to this machine or libseccomp are skipped. */
static const char *const forbidden[] = {
	/* other processes */
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "pidfd_getfd", "move_pages", "migrate_pages",
	/* memory that no limit of the process counts, and that outlives it */
	"shmget", "shmat", "shmctl", "msgget", "semget", "mq_open",
	/* namespaces, mounts and handles */
	"unshare", "setns", "pivot_root", "mount", "umount", "umount2", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "name_to_handle_at", "open_by_handle_at",
	/* the kernel */
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd",
	"ioperm", "iopl", "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "adjtimex", "stime", "syslog",
	"personality", "lookup_dcookie", "vhangup", "nfsservctl",
};

static const char *const of_start[] = { "chroot" };

static const char *const of_programs[] = { "execve", "execveat", "fork", "vfork", "pidfd_send_signal" };

static const char *const of_network[] = { "socket", "connect", "bind", "listen", "accept", "accept4" };

/* Forbids calls. Returns 0 or a negative errno. */
static int forbid(scmp_filter_ctx filter, const char *const *name, size_t count)
{
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		const int number = seccomp_syscall_resolve_name(name[i]);

		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
		if (rc == -EDOM || rc == -EINVAL || rc == -EEXIST) /* calls of other architectures */
			rc = 0;
	}
	return rc;
}

/* Forbids namespaces, and processes unless they are permitted. clone3 hides its flags in memory; libc falls back to clone. */
static int forbid_clones(scmp_filter_ctx filter, bool programs)
{
	static const unsigned long namespaces[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET };
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	if (rc == 0 && !programs)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	return rc;
}

/* Forbids signals to other processes. Those of its user include the server. */
static int forbid_signals(scmp_filter_ctx filter)
{
	static const int of_descriptors[] = { F_SETOWN, F_SETOWN_EX, F_SETSIG };
	static const unsigned long of_sockets[] = { FIOSETOWN, SIOCSPGRP };
	const int calls[] = { SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo) };
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int rc = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 1, SCMP_A0(SCMP_CMP_NE, self));
	for (size_t i = 0; i < sizeof(of_descriptors) / sizeof(of_descriptors[0]) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(fcntl), 1,
		                      SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)of_descriptors[i]));
	for (size_t i = 0; i < sizeof(of_sockets) / sizeof(of_sockets[0]) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, of_sockets[i]));
#ifdef __GLIBC__ /* other libraries send signals to their own threads by it */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tkill), 0);
#endif
	return rc;
}

/* Forbids the limits of other processes. Those of its user include the server. */
static int forbid_limits(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0));
}

/* Returns a filter that permits everything; NULL if out of memory. */
static scmp_filter_ctx filter_new(void)
{
	const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		return NULL;
	seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	return filter;
}

/* Puts a filter in force, unless rc is an error, and frees it. Sets *loaded to false if the kernel has none. Returns false with a sentence in error. */
static bool filter_load(scmp_filter_ctx filter, int rc, bool *loaded, char *error, size_t error_size)
{
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	*loaded = rc == 0;
	if (rc == 0 || !tux_sandbox_has_seccomp())
		return true;
	snprintf(error, error_size, "cannot put the seccomp filter in force: %s", strerror(rc < 0 ? -rc : ECANCELED));
	return false;
}

bool tux_module_sandbox_begin(const struct tux_module_policy *policy, struct tux_module_sandbox *sandbox, char *error, size_t error_size)
{
	scmp_filter_ctx filter;
	int rc;

	if (TUX_SANITIZED)
		return true;
	filter = filter_new();
	rc = filter ? forbid(filter, forbidden, sizeof(forbidden) / sizeof(forbidden[0])) : -ENOMEM;
	if (rc == 0)
		rc = forbid_clones(filter, policy->programs);
	if (rc == 0)
		rc = forbid_limits(filter);
	if (rc == 0 && !policy->programs)
		rc = forbid_signals(filter);
	if (rc == 0 && !policy->programs)
		rc = forbid(filter, of_programs, sizeof(of_programs) / sizeof(of_programs[0]));
	return filter_load(filter, rc, &sandbox->seccomp, error, error_size);
}

bool tux_module_sandbox_calls(const struct tux_module_policy *policy, char *error, size_t error_size)
{
	scmp_filter_ctx filter;
	bool loaded;
	int rc;

	if (TUX_SANITIZED)
		return true;
	filter = filter_new();
	rc = filter ? forbid(filter, of_start, sizeof(of_start) / sizeof(of_start[0])) : -ENOMEM;
	if (rc == 0 && !policy->network)
		rc = forbid(filter, of_network, sizeof(of_network) / sizeof(of_network[0]));
	return filter_load(filter, rc, &loaded, error, error_size);
}
