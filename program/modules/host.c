/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/isolated/host.h"
#include "../confine/module_sandbox.h"
#include "../confine/privileges.h"
#include "../confine/sanitized.h"
#include "process.h"

enum {
	MAX_POLICY = 4 * 1024 * 1024, /* bytes; the configuration file is shorter */
	MAX_TEXTS = TUX_MODULE_TEXTS + 2 * TUX_MAX_MODULE_VALUES,
};

static struct {
	const char *text[MAX_TEXTS];
	unsigned texts;
	unsigned flags;
	struct tux_module_config module;
	struct tux_module_value value[TUX_MAX_MODULE_VALUES];
	struct tux_module_sandbox sandbox;
	struct control_ready ready;
} own;

/* Reads the configuration. Returns false if this is not a process that the spawner started. */
static bool policy_read(void)
{
	struct stat st;
	char *text;
	ssize_t len;

	if (fstat(TUX_MODULE_POLICY_FD, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAX_POLICY)
		return false;
	text = malloc((size_t)st.st_size);
	len = text ? pread(TUX_MODULE_POLICY_FD, text, (size_t)st.st_size, 0) : -1;
	close(TUX_MODULE_POLICY_FD);
	if (len != st.st_size || text[len - 1] != '\0')
		return false;
	for (ssize_t at = 0; at < len && own.texts < MAX_TEXTS; at += (ssize_t)strlen(text + at) + 1)
		own.text[own.texts++] = text + at;
	if (own.texts < TUX_MODULE_TEXTS)
		return false;
	own.flags = (unsigned)strtoul(own.text[TUX_MODULE_FLAGS], NULL, 10);
	own.module = (struct tux_module_config){
		.name = own.text[TUX_MODULE_NAME], .file = own.text[TUX_MODULE_FILE],
		.threads = (unsigned)strtoul(own.text[TUX_MODULE_THREADS], NULL, 10), .value = own.value,
	};
	for (unsigned i = TUX_MODULE_TEXTS; i + 1 < own.texts; i += 2)
		own.value[own.module.value_count++] = (struct tux_module_value){ own.text[i], own.text[i + 1] };
	return true;
}

static bool fail(const char *what, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s: %s", what, strerror(errno));
	return false;
}

/* Returns false with a sentence in error if a part of the sandbox is missing that the configuration requires. */
static bool suffices(bool in_force, const char *part, char *error, size_t error_size)
{
	if (in_force || (own.flags & TUX_MODULE_REQUIRES_SANDBOX) == 0)
		return true;
	snprintf(error, error_size, "%s has no %s, and require-sandbox is on", TUX_SANITIZED ? "a build with a sanitizer" : "this kernel", part);
	return false;
}

/* Enters the root directory, gives up the capability for that, and restricts files. */
static bool enclose(void *context, char *error, size_t error_size)
{
	const struct tux_module_policy policy = {
		.has_root = (own.flags & TUX_MODULE_HAS_ROOT) != 0,
		.programs = (own.flags & TUX_MODULE_PROGRAMS) != 0,
		.writes = (own.flags & TUX_MODULE_WRITES) != 0,
		.network = (own.flags & TUX_MODULE_NETWORK) != 0,
	};

	(void)context;
	if (policy.has_root && (fchdir(TUX_MODULE_ROOT_FD) < 0 || chroot(".") < 0 || chdir("/") < 0))
		return fail("cannot change the root directory", error, error_size);
	if (policy.has_root)
		close(TUX_MODULE_ROOT_FD);
	if (!tux_privileges_forget())
		return fail("cannot give up capabilities", error, error_size);
	if ((own.flags & TUX_MODULE_UNCONFINED) == 0 &&
	    (!tux_module_sandbox_files(&policy, &own.sandbox, error, error_size) || !suffices(own.sandbox.landlock_abi > 0, "Landlock", error, error_size)))
		return false;
	own.ready = (struct control_ready){
		.landlock = own.sandbox.landlock_abi, .seccomp = own.sandbox.seccomp, .unconfined = TUX_SANITIZED || (own.flags & TUX_MODULE_UNCONFINED) != 0,
	};
	return true;
}

static bool restrain(void *context, char *error, size_t error_size)
{
	const struct tux_module_policy policy = {
		.network = (own.flags & TUX_MODULE_NETWORK) != 0,
	};

	(void)context;
	return (own.flags & TUX_MODULE_UNCONFINED) != 0 || tux_module_sandbox_calls(&policy, error, error_size);
}

void tux_module_host(void)
{
	struct tux_module_policy policy;
	char error[256];
	const struct isolated_host_steps steps = { .enclose = enclose, .restrain = restrain, .ready = &own.ready };

	if (!policy_read()) {
		fputs("tux: module-host is a part of the server, which starts it for isolated modules\n", stderr);
		_exit(EXIT_FAILURE);
	}
	prctl(PR_SET_NAME, "tux module", 0, 0, 0);
	signal(SIGPIPE, SIG_IGN); /* as in the server: threads of the module write to clients and servers that have left */
	for (int fd = TUX_MODULE_CONTROL_FD; fd <= TUX_MODULE_ROOT_FD; fd++)
		if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	policy = (struct tux_module_policy){ .programs = (own.flags & TUX_MODULE_PROGRAMS) != 0 };
	if ((own.flags & TUX_MODULE_UNCONFINED) == 0 &&
	    (!tux_module_sandbox_begin(&policy, &own.sandbox, error, sizeof(error)) || !suffices(own.sandbox.seccomp, "seccomp", error, sizeof(error)))) {
		fprintf(stderr, "tux: module %s: %s\n", own.module.name, error);
		_exit(EXIT_FAILURE);
	}
	_exit(isolated_host(&own.module, TUX_MODULE_OBJECT_FD, TUX_MODULE_CONTROL_FD, &steps));
}
