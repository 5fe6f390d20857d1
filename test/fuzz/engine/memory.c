/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that runs out when the script says so. */
#include <errno.h>

#include "sim.h"

static unsigned countdown;

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

void memory_start(void)
{
	countdown = 0;
}

void memory_fail(unsigned after)
{
	countdown = after;
}

void *memory_grow(void *memory, size_t bytes)
{
	memory = __real_realloc(memory, bytes);
	require(memory != NULL);
	return memory;
}

static bool fails(void)
{
	if (!sim_running || countdown == 0 || --countdown > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
	return fails() ? NULL : __real_realloc(memory, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, bytes);
}
