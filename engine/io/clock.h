/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monotonic clock, for code that has no thread->now_ms. */
#ifndef TUX_ENGINE_IO_CLOCK_H
#define TUX_ENGINE_IO_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Returns the milliseconds since a start that is the same for all processes. */
static inline uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
