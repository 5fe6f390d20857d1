/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../core/escape.h"
#include "../../engine/io/clock.h"
#include "../../engine/io/print.h"
#include "../../engine/modules/loaded.h"
#include "../confine/privileges.h"

enum {
	LOAD_SECONDS = 5,
	POLL_MS = 10, /* between two looks at a process that ends */
	ERROR_BYTES = 512,
	LOADED = 'y', /* first byte of a message */
	FAILED = 'n',
};

/* Loads a module with the user of the server. Returns false with a sentence in error. */
static bool load(const struct tux_settings *settings, unsigned number, char *error, size_t error_size)
{
	struct tux_module_config module = settings->modules.module[number];
	const struct tux_engine_config config = { .modules = &module, .module_count = 1 };
	const bool of_root = geteuid() == 0;
	char note[ERROR_BYTES];
	const char *const historic = settings->modules.historic[number];
	struct tux_user user;

	if (!module_file_permitted(module.name, module.file, of_root, error, error_size) ||
	    (historic && !module_file_permitted(module.name, historic, of_root, error, error_size)))
		return false;
	if (of_root && (!tux_privileges_user(settings->user, &user, note, sizeof(note), error, error_size) ||
	                !tux_privileges_drop(&user, error, error_size)))
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of the user would undo it */
	module.isolate = false; /* it is loaded here */
	return modules_load(&config, of_root, error, error_size) != NULL;
}

/* Runs in the new process. Writes its result to fd. Never returns. */
static void __attribute__((noreturn)) run(const struct tux_settings *settings, unsigned number, int fd)
{
	const struct rlimit no_core = { 0, 0 };
	const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char message[1 + ERROR_BYTES] = { LOADED };

	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO); /* the output of this program is its own */
	if (!load(settings, number, message + 1, sizeof(message) - 1))
		message[0] = FAILED;
	_exit(write(fd, message, 1 + strlen(message + 1)) < 0);
}

/* Waits until the process has ended. Returns false if it has not at the end of the time. */
static bool wait_for(pid_t pid, int *status, uint64_t until_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	pid_t ended;

	while ((ended = waitpid(pid, status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		if (clock_ms() >= until_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return ended == pid;
}

/* Reads the message of the process. Returns its bytes; 0 if it ends without a message, -1 at the end of the time. */
static ssize_t receive(int fd, char *message, size_t size, uint64_t until_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int ready;

	do {
		const uint64_t now = clock_ms();

		ready = poll(&poll_fd, 1, now < until_ms ? (int)(until_ms - now) : 0);
	} while (ready < 0 && errno == EINTR);
	return ready == 0 ? -1 : read(fd, message, size);
}

/* Describes why a process has ended without a message. */
static void explain(const char *name, int status, char *error, size_t error_size)
{
	if (WIFSIGNALED(status))
		print(error, error_size, "module %s: it crashes when it is loaded: %s", name, strsignal(WTERMSIG(status)));
	else
		print(error, error_size, "module %s: it ends the process when it is loaded, with status %d", name, WEXITSTATUS(status));
}

/* Loads a module in a process of its own. Returns false with a sentence in error. */
static bool check(const struct tux_settings *settings, unsigned number, char *error, size_t error_size)
{
	const char *const name = settings->modules.module[number].name;
	const uint64_t until_ms = clock_ms() + LOAD_SECONDS * 1000;
	char message[1 + ERROR_BYTES];
	bool ended = false;
	int fds[2], status = 0;
	ssize_t len;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		print(error, error_size, "module %s: no pipe: %s", name, strerror(errno));
		return false;
	}
	pid = fork();
	if (pid < 0) {
		print(error, error_size, "module %s: no process: %s", name, strerror(errno));
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	if (pid == 0)
		run(settings, number, fds[1]);
	setpgid(pid, pid); /* as the process itself does: one of them is first */
	close(fds[1]);
	len = receive(fds[0], message, sizeof(message) - 1, until_ms);
	close(fds[0]);
	if (len == 0)
		ended = wait_for(pid, &status, until_ms);
	kill(-pid, SIGKILL); /* and the processes that the module has started */
	if (!ended)
		waitpid(pid, &status, 0);
	if (len > 0) {
		message[len] = '\0';
		print(error, error_size, "%s", message + 1);
		return message[0] == LOADED;
	}
	if (ended)
		explain(name, status, error, error_size);
	else
		print(error, error_size, "module %s: it is not loaded within %d seconds", name, LOAD_SECONDS);
	return false;
}

unsigned tux_modules_check(const struct tux_settings *settings, const char *path, FILE *errors)
{
	const struct tux_modules *modules = &settings->modules;
	unsigned wrong = 0;
	char error[ERROR_BYTES];

	fflush(NULL); /* or the other process would write it again */
	for (unsigned i = 0; i < modules->count; i++) {
		if (!modules->module[i].file || check(settings, i, error, sizeof(error)))
			continue;
		fprintf(errors, "%s:%u: ", path, modules->line[i]);
		file_put_escaped(errors, TUX_ESCAPE_MESSAGE, error, strlen(error));
		fputc('\n', errors);
		wrong++;
	}
	return wrong;
}
