/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../engine/io/print.h"
#include "../../engine/modules/loaded.h"
#include "../confine/sanitized.h"

enum {
	AT_A_TIME = 2, /* processes of a module: the next one may start while the last one is being ended */
	WAITING = 4,
	ABOVE = 16,    /* descriptors below are those of the process */
};

bool tux_module_kind(struct tux_cgi *cgi, const struct tux_module_config *module, bool of_root, bool unconfined, char *error, size_t error_size)
{
	*cgi = (struct tux_cgi){
		.name = module->name, .user = module->user, .chroot = module->root, .programs = AT_A_TIME, .waiting = WAITING,
		.memory_bytes = TUX_SANITIZED ? 0 : module->memory_bytes, .processes = module->processes, .files = module->files, .module = module, .module_fd = -1,
		.unconfined = unconfined,
	};
	cgi->module_fd = module_copy_open(module, of_root, error, error_size);
	return cgi->module_fd >= 0;
}

static bool put(int fd, const char *text)
{
	const size_t len = strlen(text) + 1;

	return write(fd, text, len) == (ssize_t)len;
}

static bool put_number(int fd, unsigned number)
{
	char text[16];

	print(text, sizeof(text), "%u", number);
	return put(fd, text);
}

/* Returns a file in memory with the configuration of a module; -1 with errno. */
static int policy_open(const struct tux_cgi *cgi)
{
	const struct tux_module_config *module = cgi->module;
	const unsigned flags = (module->root ? TUX_MODULE_HAS_ROOT : 0U) | (module->programs ? TUX_MODULE_PROGRAMS : 0U) |
	                       (module->writes ? TUX_MODULE_WRITES : 0U) | (module->network ? TUX_MODULE_NETWORK : 0U) |
	                       (cgi->unconfined ? TUX_MODULE_UNCONFINED : 0U) |
	                       (module->require_sandbox ? TUX_MODULE_REQUIRES_SANDBOX : 0U);
	const int fd = memfd_create("tux module policy", MFD_CLOEXEC);
	bool written;

	if (fd < 0)
		return -1;
	written = put(fd, module->name) && put(fd, module->file) && put_number(fd, module->threads) && put_number(fd, flags);
	for (unsigned i = 0; i < module->value_count && written; i++)
		written = put(fd, module->value[i].key) && put(fd, module->value[i].text);
	if (written)
		return fd;
	close(fd);
	return -1;
}

/* Moves a descriptor to a number that the process knows. It stays open in an exec. */
static bool move(int fd, int number)
{
	return dup2(fd, number) == number;
}

bool tux_module_descriptors(const struct tux_cgi *cgi)
{
	const char *const root = cgi->module->root;
	const int object = fcntl(cgi->module_fd, F_DUPFD_CLOEXEC, ABOVE), policy = policy_open(cgi);
	const int policy_above = policy >= 0 ? fcntl(policy, F_DUPFD_CLOEXEC, ABOVE) : -1;
	int root_fd = -1, root_above = -1;

	if (object < 0 || policy_above < 0)
		return false;
	if (root)
		root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd >= 0)
		root_above = fcntl(root_fd, F_DUPFD_CLOEXEC, ABOVE);
	if (root && root_above < 0)
		return false;
	if (!move(object, TUX_MODULE_OBJECT_FD) || !move(policy_above, TUX_MODULE_POLICY_FD) || (root && !move(root_above, TUX_MODULE_ROOT_FD)))
		return false;
	close_range(root ? TUX_MODULE_ROOT_FD + 1 : TUX_MODULE_ROOT_FD, ~0u, 0);
	return true;
}

enum { SANITIZER_OPTIONS = 3 };

/* Adds the options of sanitizers to an environment of a build with one: its reports about modules shall follow them, too. */
static unsigned sanitizer_options_add(char **environment, unsigned count)
{
	static const char *const names[SANITIZER_OPTIONS] = { "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS" };
	static char text[SANITIZER_OPTIONS][512];

	for (unsigned i = 0; TUX_SANITIZED && i < SANITIZER_OPTIONS; i++) {
		const char *const value = getenv(names[i]);

		if (value && print_whole(text[i], sizeof(text[i]), "%s=%s", names[i], value))
			environment[count++] = text[i];
	}
	return count;
}

int tux_module_execute(const struct tux_cgi *cgi, const char *const *variable, unsigned count)
{
	static char host[] = "module-host", program[] = "tux";
	char *const argument[] = { program, host, (char *)(uintptr_t)cgi->name, NULL };
	char *environment[2 * TUX_MAX_CGI_TEXTS + SANITIZER_OPTIONS + 2];
	unsigned i;

	for (i = 0; i < count; i++)
		environment[i] = (char *)(uintptr_t)variable[i];
	environment[sanitizer_options_add(environment, i)] = NULL;
	execve("/proc/self/exe", argument, environment);
	return errno;
}
