/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Executes a program as on a kernel without Landlock ("files"), or without Landlock and seccomp ("both"): without_sandbox WHAT PROGRAM ... */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int lacks(scmp_filter_ctx filter, const char *name)
{
	const int number = seccomp_syscall_resolve_name(name);

	return number >= 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0) : -EINVAL;
}

int main(int argc, char **argv)
{
	const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error;

	if (argc < 3 || filter == NULL)
		return 2;
	error = lacks(filter, "landlock_create_ruleset");
	if (error == 0 && strcmp(argv[1], "both") == 0)
		error = lacks(filter, "seccomp");
	if (error == 0 && strcmp(argv[1], "both") == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
	if (error == 0)
		error = seccomp_load(filter);
	if (error != 0) {
		fprintf(stderr, "without_sandbox: %s\n", strerror(-error));
		return 2;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
