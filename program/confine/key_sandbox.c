/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "key_sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sandbox.h"
#include "sanitized.h"

/* Names unknown to this machine or libseccomp are skipped. */
static const char *const allowed[] = {
	/* requests and replies; recvmsg, which could take a descriptor, is not among them */
	"recv", "recvfrom", "send", "sendto", "poll", "ppoll", "close", "write",
	/* memory, locks and random numbers for OpenSSL and libc */
	"brk", "munmap", "madvise", "mremap", "futex", "futex_time64", "getrandom", "getpid", "gettid", "sched_yield", "sched_getaffinity", "clock_gettime",
	"clock_gettime64", "rseq", "membarrier", "set_robust_list",
	/* the end */
	"exit", "exit_group", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
};

/* Permits memory that is not executable. Returns 0 or a negative errno. */
static int memory_rules_add(scmp_filter_ctx filter)
{
	static const char *const names[] = { "mmap", "mmap2", "mprotect" };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		const int number = seccomp_syscall_resolve_name(names[i]);

		if (number >= 0)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	}
	return rc;
}

/* Loads the filter for all threads. Returns 0 or a negative errno. */
static int filter_load(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (!filter)
		return -ENOMEM;
	seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	rc = memory_rules_add(filter);
	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		const int number = seccomp_syscall_resolve_name(allowed[i]);

		if (number != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (rc == -EDOM || rc == -EINVAL || rc == -EEXIST) /* calls of other architectures */
			rc = 0;
	}
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

bool tux_key_sandbox_files(char *error, size_t error_size)
{
	const struct tux_sandbox nothing = { .body_directory_fd = -1 };
	char summary[96];

	if (!tux_sandbox_files(&nothing, summary, sizeof(summary), error, error_size))
		return false;
	if (!TUX_SANITIZED && strncmp(summary, "no ", 3) == 0)
		fprintf(stderr, "tux: warning: the process that holds the keys has %s\n", summary);
	return true;
}

bool tux_key_sandbox_calls(char *error, size_t error_size)
{
	int rc;

	if (TUX_SANITIZED)
		return true;
	rc = filter_load();
	if (rc == 0)
		return true;
	if (!tux_sandbox_has_seccomp()) {
		fprintf(stderr, "tux: warning: the process that holds the keys has no seccomp (this kernel has none)\n");
		return true;
	}
	snprintf(error, error_size, "cannot put the seccomp filter in force: %s", strerror(rc < 0 ? -rc : ECANCELED));
	return false;
}
