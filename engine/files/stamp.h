/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The version of a file: its identity, size and times, as the file system reports them. */
#ifndef TUX_ENGINE_FILES_STAMP_H
#define TUX_ENGINE_FILES_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

struct stamp {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t mtime_s;
	int64_t ctime_s;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
	uint32_t mode;
	uint32_t links;
};

/* Fills a stamp from the result of fstat(). */
void stamp_from_stat(struct stamp *stamp, const struct stat *st);

/* True if both are the same version of the same file. The number of links does not count. */
bool stamp_equals(const struct stamp *a, const struct stamp *b);

/*
 * True if a write after began may be in the same tick of the file system's clock, and leave the times unchanged. File systems
 * truncate times. Without nanoseconds the step is a second (ext4 with inodes of 128 bytes), or two (FAT).
 */
bool stamp_is_fresh(const struct stamp *stamp, const struct timespec *began);

#endif
