/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: io_uring as with too much locked memory. After the first ring every second one fails with ENOMEM. */
#include <dlfcn.h>
#include <errno.h>
#include <liburing.h>

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
	static unsigned calls;
	int (*next)(unsigned, struct io_uring *, struct io_uring_params *);

	if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % 2 == 1)
		return -ENOMEM;
	*(void **)&next = dlsym(RTLD_NEXT, "io_uring_queue_init_params");
	return next(entries, ring, params);
}
