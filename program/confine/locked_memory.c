/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "locked_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "sanitized.h"

enum { LINE_MAX_BYTES = 512 }; /* of /proc/self/maps; a heap has no path, so its line is shorter */

/* Locks the ranges that the kernel lists as heap. Returns false with errno. Adds their size to *bytes, also if it fails. */
static bool heap_lock(uint64_t *bytes)
{
	FILE *const maps = fopen("/proc/self/maps", "re");
	char line[LINE_MAX_BYTES];
	int failure = ENOENT; /* no heap yet */
	uintptr_t from, to;

	if (!maps)
		return false;
	while (fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "[heap]") || sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2)
			continue;
		*bytes += to - from;
		if (failure == ENOENT)
			failure = 0;
		if (mlock((const void *)from, to - from) != 0)
			failure = errno;
	}
	fclose(maps);
	errno = failure;
	return failure == 0;
}

void tux_memory_lock_heap(void)
{
	struct rlimit limit;
	uint64_t bytes = 0;
	int failure;

	if (TUX_SANITIZED || heap_lock(&bytes)) /* a sanitizer has no heap */
		return;
	failure = errno;
	if ((failure == ENOMEM || failure == EPERM || failure == EAGAIN) && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < bytes)
		fprintf(stderr, "tux: warning: keys of TLS can get into swap space: %" PRIu64 " KiB of locked memory are permitted (ulimit -l), %" PRIu64
		                " KiB are needed\n", (uint64_t)limit.rlim_cur / 1024, bytes / 1024);
	else
		fprintf(stderr, "tux: warning: keys of TLS can get into swap space: their memory cannot be locked: %s\n", strerror(failure));
}

bool tux_memory_lock_all(void)
{
	struct rlimit limit;

	/* A thread that starts later would get no stack beyond a limit. Pages are locked when they are first used. */
	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
