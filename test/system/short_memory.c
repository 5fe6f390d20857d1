/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: realloc() of large output buffers fails. SHORT_MEMORY is the number of such requests that succeed before. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

enum { MUCH = 40000, TOO_MUCH = 400000 };

void *realloc(void *memory, size_t size)
{
	static void *(*next)(void *, size_t);
	static int asked;

	if (size > MUCH && size < TOO_MUCH && asked++ >= atoi(getenv("SHORT_MEMORY"))) {
		errno = ENOMEM;
		return NULL;
	}
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "realloc");
	return next(memory, size);
}
