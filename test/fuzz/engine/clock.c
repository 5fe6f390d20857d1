/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time passes only when the script says so, or when a thread sleeps. */
#define _GNU_SOURCE 1
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "sim.h"

/* After the times of all files, which are real ones. */
static const int64_t STARTED_S = INT64_C(4102444800);

static uint64_t passed_ns;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
ssize_t __real_getrandom(void *buf, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags);

void clock_start(void)
{
	passed_ns = 0;
}

void clock_pass(uint64_t ms)
{
	passed_ns += ms * 1000000;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!sim_running)
		return __real_clock_gettime(clock, now);
	passed_ns += 1000; /* no two readings are equal */
	*now = (struct timespec){ .tv_sec = (time_t)(passed_ns / 1000000000) + 1000, .tv_nsec = (long)(passed_ns % 1000000000) };
	if (clock == CLOCK_REALTIME)
		now->tv_sec += STARTED_S;
	return 0;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	if (!sim_running)
		return __real_nanosleep(wanted, left);
	passed_ns += (uint64_t)wanted->tv_sec * 1000000000 + (uint64_t)wanted->tv_nsec;
	return 0;
}

ssize_t __wrap_getrandom(void *buf, size_t len, unsigned flags)
{
	if (!sim_running)
		return __real_getrandom(buf, len, flags);
	memset(buf, 0x5a, len);
	return (ssize_t)len;
}
