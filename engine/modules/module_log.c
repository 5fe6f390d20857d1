/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_log.h"

#include <time.h>

#include "../io/error_log.h"
#include "../io/print.h"

enum { LINES_A_SECOND = 100 };

/* True if a line may be written in this second. Other threads ask at the same time, so a few more may be written. */
static bool permits_line(struct tux_loaded *loaded)
{
	struct timespec now;
	uint64_t ms;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (ms - __atomic_load_n(&loaded->lines_since_ms, __ATOMIC_RELAXED) >= 1000) {
		__atomic_store_n(&loaded->lines_since_ms, ms, __ATOMIC_RELAXED);
		__atomic_store_n(&loaded->lines, 0, __ATOMIC_RELAXED);
	}
	return __atomic_fetch_add(&loaded->lines, 1, __ATOMIC_RELAXED) < LINES_A_SECOND;
}

void module_log(struct tux_loaded *loaded, const char *level, const char *text, uint32_t len)
{
	char front[128];

	if (!permits_line(loaded))
		return;
	print(front, sizeof(front), "module %s:%s", loaded->config->name, level);
	say(front, text, len);
}
