/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request_id.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void request_ids_open(struct request_ids *ids)
{
	struct timespec now;

	if (getrandom(&ids->last, sizeof(ids->last), GRND_NONBLOCK) == (ssize_t)sizeof(ids->last))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	ids->last = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) ^ (uint64_t)getpid() << 32 ^ (uintptr_t)ids;
}
