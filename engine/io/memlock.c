/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memlock.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

uint64_t memlock_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

void memlock_explain(char out[MEMLOCK_TEXT], uint64_t limit)
{
	if (limit == UINT64_MAX)
		snprintf(out, MEMLOCK_TEXT, "io_uring found too little memory");
	else
		snprintf(out, MEMLOCK_TEXT, "io_uring found too little locked memory: ulimit -l is %" PRIu64 " KiB for all processes of the user",
		         limit / 1024);
}
