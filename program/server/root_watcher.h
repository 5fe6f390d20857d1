/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that watches the document roots of one configuration. A file system may hang for as long as it likes, so the supervisor never
 * follows a path into one itself.
 */
#ifndef TUX_PROGRAM_ROOT_WATCHER_H
#define TUX_PROGRAM_ROOT_WATCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "../command.h"

struct tux_root_watcher {
	pid_t pid; /* 0: none */
	int fd;    /* the watcher ends when it closes; -1: none */
};

/*
 * Starts it. *noted_fd, for the caller to close, is for tux_root_watcher_await() in the process that is going to open the roots.
 * False with errno; tux_root_watcher_end() may be called all the same.
 */
bool tux_root_watcher_start(struct tux_root_watcher *watcher, const struct tux_command *command, int *noted_fd);

/* Waits until the watcher has noted the roots as they are, or has ended. Consumes the descriptor. */
void tux_root_watcher_await(int noted_fd);

/* True if a watcher ended with this status because a root was replaced, which it has said. */
bool tux_root_watcher_saw(int status);

/* Ends the watcher, even if it hangs. Only before it was waited for. */
void tux_root_watcher_end(struct tux_root_watcher *watcher);

/* Forgets a watcher: in a process that is not its parent, or after it was waited for. */
void tux_root_watcher_leave(struct tux_root_watcher *watcher);

#endif
