/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: every second fork() of a process fails while the file FAILING_FORKS exists. The first one of a start is that of the watcher. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void)
{
	static pid_t (*next)(void);
	static unsigned count;

	if (access(getenv("FAILING_FORKS"), F_OK) == 0 && ++count % 2 == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "fork");
	return next();
}
