/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock and seccomp. An attacker who runs code in the server may then only read the served files and write to the log. No other
 * file, no program, and no new socket except to upstream servers is accessible. seccomp does not see io_uring operations, so the
 * rings refuse those that their loops do not use (engine/io/uring.c). The filter is loaded after they are open.
 */
#define _GNU_SOURCE 1
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../include/uapi/tux.h"
#include "landlock_abi.h"
#include "sanitized.h"

static bool rule_add(int ruleset, int fd, uint64_t access)
{
	const struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool directory_rule_add(int ruleset, const char *directory, uint64_t access)
{
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool added;

	if (fd < 0)
		return false;
	added = rule_add(ruleset, fd, access);
	close(fd);
	return added;
}

/*
 * Permits creating and writing files in the log's directory, for a reopen. With rotates also permits renaming, which removes a
 * name.
 */
static bool log_rule_add(int ruleset, const char *directory, bool rotates)
{
	return directory_rule_add(ruleset, directory, LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
	                                              (rotates ? LANDLOCK_ACCESS_FS_REMOVE_FILE : 0));
}

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

enum { RULE_NET_PORT = 2 };

#define ACCESS_NET_CONNECT_TCP 2ull

/* Permits TCP connections to the servers' ports at any address, because Landlock cannot restrict addresses. */
static bool ports_add(int ruleset, int abi, const struct tux_sandbox *sandbox)
{
	for (unsigned i = 0; abi >= ABI_NET && i < sandbox->port_count; i++) {
		const struct net_port_attr rule = { .allowed_access = ACCESS_NET_CONNECT_TCP, .port = sandbox->ports[i] };

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
			return false;
	}
	return true;
}

/* Handles all access rights that the kernel's ABI knows. A handled right is denied unless a rule permits it. */
static int ruleset_create(int abi)
{
	struct ruleset_attr attr = { .handled_access_fs = ACCESS_FS_ABI_1 };
	size_t size = offsetof(struct ruleset_attr, handled_access_net);

	if (abi >= ABI_REFER)
		attr.handled_access_fs |= ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		attr.handled_access_fs |= ACCESS_FS_TRUNCATE;
	if (abi >= ABI_IOCTL_DEV)
		attr.handled_access_fs |= ACCESS_FS_IOCTL_DEV;
	if (abi >= ABI_NET) {
		attr.handled_access_net = ACCESS_NET_ALL;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= ABI_SCOPE) {
		attr.scoped = SCOPE_ALL;
		size = sizeof(attr);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

/* Returns the active ABI; 0 with errno if the kernel has no Landlock; -1 with errno on failure. */
static int landlock_enter(const struct tux_sandbox *sandbox)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	bool entered = true;
	int ruleset;
	unsigned i;

	if (abi <= 0)
		return 0;
	ruleset = ruleset_create(abi);
	if (ruleset < 0)
		return -1;
	for (i = 0; i < sandbox->root_count && entered; i++)
		entered = sandbox->root_fd[i] < 0 || rule_add(ruleset, sandbox->root_fd[i], LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	for (i = 0; i < sandbox->log_directory_count && entered; i++)
		entered = log_rule_add(ruleset, sandbox->log_directory[i], sandbox->log_rotates);
	if (entered && sandbox->body_directory_fd >= 0)
		entered = rule_add(ruleset, sandbox->body_directory_fd, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
	if (entered && sandbox->control_directory)
		entered = directory_rule_add(ruleset, sandbox->control_directory, LANDLOCK_ACCESS_FS_REMOVE_FILE);
	entered = entered && ports_add(ruleset, abi, sandbox) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	if (!entered) {
		int saved = errno;

		close(ruleset);
		errno = saved;
		return -1;
	}
	close(ruleset);
	return abi;
}

/* System calls permitted with any arguments. Names unknown to this machine or libseccomp are skipped. */
static const char *const allowed[] = {
	/*
	 * the loops are open: no ring is created or changed any more, and each ring refuses operations that its loop does not use
	 */
	"io_uring_enter", "epoll_create1", "epoll_ctl", "epoll_wait",
	"epoll_pwait", "epoll_pwait2", "poll", "ppoll", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
	"signalfd4",
	/* connections */
	"accept", "accept4", "recv", "recvfrom", "recvmsg", "recvmmsg", "send", "sendto", "sendmsg", "sendmmsg", "sendfile",
	"sendfile64", "splice", "pipe2", "shutdown", "setsockopt", "getsockopt", "getsockname", "getpeername",
	/* files; Landlock restricts the paths */
	"openat", "openat2", "statx", "newfstatat", "fstatat64", "fstat", "fstat64", "fstatfs", "fstatfs64", "statfs",
	"statfs64", "pread64", "preadv", "preadv2", "read", "readv", "write", "writev", "close", "close_range", "lseek",
	"_llseek", "getdents64", "readlinkat", "readlink", "unlinkat", "unlink", "rename", "renameat",
	"renameat2", "flock", "inotify_init1", "inotify_add_watch",
	"inotify_rm_watch", "fadvise64", "fadvise64_64", "readahead", "dup", "dup3",
	/* memory */
	"munmap", "madvise", "mremap", "mincore", "brk", "memfd_create", "ftruncate",
	/* threads, signals, time */
	"exit", "exit_group", "futex", "futex_waitv", "futex_time64", "set_robust_list", "rseq", "membarrier",
	"sched_yield", "sched_getaffinity", "sched_setaffinity", "getcpu", "gettid", "getpid", "getppid",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_sigtimedwait_time64", "sigaltstack", "restart_syscall", "clock_gettime", "clock_gettime64", "clock_getres",
	"clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time",
	/* queries by libc */
	"getrandom", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage", "getrlimit", "ugetrlimit",
};

/* ioctl requests of libc and the engine; on i386 and others the filter compares only the low word */
static const unsigned long ioctls[] = { FIONBIO, FIONREAD, FS_IOC_GETFLAGS, SIOCOUTQ, TCGETS, TIOCGWINSZ, TUX_SETUP, TUX_LISTEN, TUX_RUN,
	                                TUX_ADOPT, TUX_DRAIN, TUX_RETIRE, TUX_ROOM, TUX_SIZE };

/*
 * Forbids memory that is both writable and executable, and making memory executable: code comes only from files. Returns 0 or a
 * negative errno.
 */
static int memory_rules_add(scmp_filter_ctx filter)
{
	static const uint32_t protections[] = { 0, PROT_WRITE, PROT_EXEC };
	static const char *const mmaps[] = { "mmap", "mmap2" };
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	for (size_t i = 0; i < sizeof(mmaps) / sizeof(mmaps[0]); i++) {
		const int number = seccomp_syscall_resolve_name(mmaps[i]);

		for (size_t k = 0; rc == 0 && number >= 0 && k < sizeof(protections) / sizeof(protections[0]); k++)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
			                      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, protections[k]));
	}
	return rc;
}

/*
 * Permits signals to threads of this process alone: `tux keys` and programs have the same user. fcntl() may not give a descriptor an owner either,
 * who would get SIGIO, or the signal of F_SETSIG. Returns 0 or a negative errno.
 */
static int signal_rules_add(scmp_filter_ctx filter)
{
	static const char *const names[] = { "fcntl", "fcntl64" };
	static const struct {
		scmp_datum_t mask, value;
	} commands[] = {
		{ 0xfffffff8, 0 },     /* 0 to 7: copies, flags, locks */
		{ 0xffffffe0, 32 },    /* 32 to 63: locks of open files */
		{ 0xffffff00, 1024 },  /* 1024 to 1279: copies, pipes, seals */
	};
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const int number = seccomp_syscall_resolve_name(names[i]);

		for (size_t k = 0; rc == 0 && number >= 0 && k < sizeof(commands) / sizeof(commands[0]); k++)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A1(SCMP_CMP_MASKED_EQ, commands[k].mask, commands[k].value));
	}
	return rc;
}

/* Adds calls that are permitted only with certain arguments. Returns 0 or a negative errno. */
static int conditional_rules_add(scmp_filter_ctx filter)
{
	size_t i;
	int rc;

	for (i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++) {
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, ioctls[i]));
		if (rc < 0)
			return rc;
	}
	/* Permits threads, but neither processes nor namespaces. clone3 hides its flags in memory; libc falls back to clone. */
	rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	                      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_NEWUSER | CLONE_NEWNET, CLONE_THREAD));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	/* Limits may be read but not set. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
	/* A thread may lower its own priority. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2, SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS), SCMP_A1(SCMP_CMP_EQ, 0));
	return rc;
}

/* Permits stream sockets to upstream servers, but no sockets that can see or send packets. Returns 0 or a negative errno. */
static int connection_rules_add(scmp_filter_ctx filter, const struct tux_sandbox_sockets *sockets)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
	int rc = 0;

	if (sockets->tcp || sockets->unix_stream)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	if (rc == 0 && sockets->pairs)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	for (size_t i = sockets->unix_stream ? 0 : 1; rc == 0 && i < (sockets->tcp ? sizeof(families) / sizeof(families[0]) : 1); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]),
		                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
	return rc;
}

bool tux_sandbox_has_seccomp(void)
{
	const uint32_t action = SECCOMP_RET_ALLOW;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* Loads the filter. Returns 0 or a negative errno. */
static int seccomp_enter(const struct tux_sandbox_sockets *sockets)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	size_t i;
	int rc;

	if (!filter)
		return -ENOMEM;
	/*
	 * Return the kernel's own errno. Use a tree of comparisons instead of a list, because the filter costs time in each call.
	 */
	seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* for all existing threads */
	rc = conditional_rules_add(filter);
	if (rc == 0)
		rc = signal_rules_add(filter);
	if (rc == 0)
		rc = memory_rules_add(filter);
	if (rc == 0)
		rc = connection_rules_add(filter, sockets);
	for (i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		/* Pseudo numbers are calls of other architectures. */
		if (rc == -EDOM || rc == -EINVAL || rc == -EEXIST)
			rc = 0;
	}
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

bool tux_sandbox_files(const struct tux_sandbox *sandbox, char *summary, size_t summary_size, char *error, size_t error_size)
{
	int abi;

	if (TUX_SANITIZED) {
		snprintf(summary, summary_size, "no landlock (built with a sanitizer)");
		return true;
	}
	abi = landlock_enter(sandbox);
	if (abi < 0) {
		snprintf(error, error_size, "cannot put Landlock rules in force: %s", strerror(errno));
		return false;
	}
	if (abi > 0)
		snprintf(summary, summary_size, "landlock ABI %d", abi);
	else
		snprintf(summary, summary_size, "no landlock (%s)",
		         errno == EOPNOTSUPP ? "switched off in this kernel" : "this kernel has none");
	return true;
}

bool tux_sandbox_calls(const struct tux_sandbox_sockets *sockets, char *summary, size_t summary_size, char *error, size_t error_size)
{
	int rc;

	if (TUX_SANITIZED) {
		snprintf(summary, summary_size, "no seccomp (built with a sanitizer)");
		return true;
	}
	rc = seccomp_enter(sockets);
	if (rc != 0 && tux_sandbox_has_seccomp()) {
		/* Above 0 it is the id of a thread with another filter, which cannot happen. */
		snprintf(error, error_size, "cannot put the seccomp filter in force: %s", strerror(rc < 0 ? -rc : ECANCELED));
		return false;
	}
	snprintf(summary, summary_size, "%s", rc == 0 ? "seccomp" : "no seccomp (this kernel has none)");
	return true;
}
