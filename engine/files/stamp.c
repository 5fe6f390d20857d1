/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stamp.h"

enum {
	COARSEST_STEP_S = 2, /* coarsest step of a file system's clock: FAT's */
};

void stamp_from_stat(struct stamp *stamp, const struct stat *st)
{
	*stamp = (struct stamp){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.ctime_s = st->st_ctim.tv_sec,
		.ctime_ns = (uint32_t)st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.links = (uint32_t)st->st_nlink,
	};
}

bool stamp_equals(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_s == b->mtime_s &&
	       a->mtime_ns == b->mtime_ns && a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

/*
 * Returns the coarsest step in nanoseconds, below a second, that the clock of a file system with such a time may have. NTFS counts
 * in 100 ns, exFAT in 10 ms. No system call returns the step.
 */
static uint32_t clock_step_ns(uint32_t time_ns)
{
	uint32_t step = 1;

	while (step < 100000000 && time_ns % (step * 10) == 0)
		step *= 10;
	return step;
}

bool stamp_is_fresh(const struct stamp *stamp, const struct timespec *began)
{
	const uint32_t began_ns = (uint32_t)began->tv_nsec;

	if (stamp->ctime_ns == 0)
		return stamp->ctime_s > began->tv_sec - COARSEST_STEP_S;
	return stamp->ctime_s > began->tv_sec ||
	       (stamp->ctime_s == began->tv_sec && stamp->ctime_ns >= began_ns - began_ns % clock_step_ns(stamp->ctime_ns));
}
