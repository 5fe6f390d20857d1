/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that watches the document roots of one configuration, and the files of its certificates. Access to a file system may hang, so the
 * supervisor itself never follows a path.
 */
#ifndef TUX_PROGRAM_ROOT_WATCHER_H
#define TUX_PROGRAM_ROOT_WATCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "../settings/settings.h"

struct tux_root_watcher {
	pid_t pid; /* 0 = none */
	int fd;    /* the watcher ends when this closes; -1 = none */
};

/*
 * Starts the watcher. The caller closes *noted_fd, which is for tux_root_watcher_await() in the process that opens the roots.
 * Returns false with errno; tux_root_watcher_end() is allowed also then.
 */
bool tux_root_watcher_start(struct tux_root_watcher *watcher, struct tux_settings *settings, int *noted_fd);

/* Waits until the watcher has noted the current roots, or has ended. Consumes the descriptor. */
void tux_root_watcher_await(int noted_fd);

/* True if this exit status means that the watcher has reported a replaced root or a changed file. */
bool tux_root_watcher_saw(int status);

/* Kills the watcher, even if it hangs. Call it only before waitpid() has returned the watcher. */
void tux_root_watcher_end(struct tux_root_watcher *watcher);

/* Forgets the watcher, in a process that is not its parent or after waitpid() has returned it. */
void tux_root_watcher_leave(struct tux_root_watcher *watcher);

#endif
