/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "root_watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "../settings/found_hosts.h"
#include "file_watch.h"
#include "server_process.h"
#include "root_watch.h"

enum {
	END_FD = STDERR_FILENO + 1, /* closes when the supervisor ends, or needs the watcher no longer */
	NOTED_FD,
	EXIT_SAW = 0,
	EXIT_FAILED = 1,
};

/* Keeps only end_fd and noted_fd, as END_FD and NOTED_FD. Closes all others, because a listener held here would stay open. */
static bool descriptors_keep(int end_fd, int noted_fd)
{
	/* Move both above their final numbers, so that neither overwrites the other. */
	end_fd = fcntl(end_fd, F_DUPFD, NOTED_FD + 1);
	noted_fd = fcntl(noted_fd, F_DUPFD, NOTED_FD + 1);
	if (end_fd < 0 || noted_fd < 0 || dup2(end_fd, END_FD) < 0 || dup2(noted_fd, NOTED_FD) < 0)
		return false;
	closefrom(NOTED_FD + 1);
	return true;
}

/* Returns the milliseconds until a look is due. */
static int wait_ms(const struct tux_root_watch *roots, const struct tux_file_watch *files)
{
	const uint64_t now_ms = clock_ms();
	const int roots_ms = tux_root_watch_wait_ms(roots, now_ms), files_ms = tux_file_watch_wait_ms(files, now_ms);

	return files_ms >= 0 && files_ms < roots_ms ? files_ms : roots_ms;
}

/* Runs the watcher in the new process. The supervisor's signals stay blocked, because Ctrl-C is for the supervisor. */
static _Noreturn void run(struct tux_settings *settings, int end_fd, int noted_fd)
{
	static struct tux_root_watch watch;
	static struct tux_file_watch files;
	struct pollfd waits[2] = { { .fd = END_FD, .events = POLLIN }, { .events = POLLIN } };

	prctl(PR_SET_NAME, "tux roots", 0, 0, 0);
	if (!descriptors_keep(end_fd, noted_fd) || !tux_found_hosts_add(settings, NULL) || !tux_root_watch_open(&watch, settings) ||
	    !tux_file_watch_open(&files, settings))
		_exit(EXIT_FAILED);
	tux_root_watch_note(&watch, clock_ms());
	tux_file_watch_note(&files, clock_ms());
	close(NOTED_FD);
	while (!tux_root_watch_changed(&watch, clock_ms()) && !tux_file_watch_changed(&files, clock_ms(), stderr)) {
		waits[1].fd = watch.fd;
		poll(waits, 2, wait_ms(&watch, &files));
		if (waits[0].revents)
			_exit(EXIT_FAILED);
	}
	tux_root_watch_print(&watch, stderr);
	tux_file_watch_print(&files, stderr);
	_exit(EXIT_SAW);
}

bool tux_root_watcher_start(struct tux_root_watcher *watcher, struct tux_settings *settings, int *noted_fd)
{
	int end[2] = { -1, -1 }, noted[2] = { -1, -1 };

	*noted_fd = -1;
	*watcher = (struct tux_root_watcher){ .fd = -1 };
	if (pipe2(end, O_CLOEXEC) < 0)
		return false;
	if (pipe2(noted, O_CLOEXEC) == 0)
		watcher->pid = fork();
	else
		watcher->pid = -1;
	if (watcher->pid == 0)
		run(settings, end[0], noted[1]);
	if (watcher->pid < 0) {
		const int error = errno;

		watcher->pid = 0;
		close(end[0]);
		close(end[1]);
		if (noted[0] >= 0) {
			close(noted[0]);
			close(noted[1]);
		}
		errno = error;
		return false;
	}
	close(end[0]);
	close(noted[1]);
	watcher->fd = end[1];
	*noted_fd = noted[0];
	return true;
}

void tux_root_watcher_await(int noted_fd)
{
	char octet;

	while (read(noted_fd, &octet, 1) < 0 && errno == EINTR)
		;
	close(noted_fd);
}

bool tux_root_watcher_saw(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SAW;
}

void tux_root_watcher_end(struct tux_root_watcher *watcher)
{
	if (watcher->pid > 0)
		kill(watcher->pid, SIGKILL);
	tux_root_watcher_leave(watcher);
}

void tux_root_watcher_leave(struct tux_root_watcher *watcher)
{
	if (watcher->fd >= 0)
		close(watcher->fd);
	*watcher = (struct tux_root_watcher){ .fd = -1 };
}
