/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Appends len bytes to the file. Returns 0 or a positive errno. */
static int file_append(int fd, const uint8_t *data, uint32_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		data += n;
		len -= (uint32_t)n;
	}
	return 0;
}

/* Moves the body from memory to a new file. Returns 0 or a positive errno. */
static int file_begin(struct spool *spool, const struct spool_limits *limits)
{
	int error;

	if (limits->directory_fd >= 0)
		spool->fd = openat(limits->directory_fd, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	else
		spool->fd = memfd_create("tux body", MFD_CLOEXEC);
	if (spool->fd < 0)
		return errno;
	spool->in_file = true;
	error = file_append(spool->fd, spool->memory.data, spool->memory.len);
	buffer_forget(&spool->memory);
	return error;
}

int spool_add(struct spool *spool, const struct spool_limits *limits, const uint8_t *data, uint32_t len)
{
	int error = 0;

	if (len == 0)
		return 0;
	if (!spool->in_file && len <= limits->memory_bytes && spool->memory.len <= limits->memory_bytes - len) {
		if (!buffer_keep(&spool->memory, data, len))
			return ENOMEM;
	} else {
		if (!spool->in_file)
			error = file_begin(spool, limits);
		if (error == 0)
			error = file_append(spool->fd, data, len);
	}
	spool->kept += len;
	return error;
}

uint64_t spool_left(const struct spool *spool)
{
	return spool->kept - spool->taken;
}

int64_t spool_take(struct spool *spool, uint8_t *out, uint32_t cap)
{
	const uint64_t left = spool_left(spool);
	ssize_t n;

	if (cap > left)
		cap = (uint32_t)left;
	if (spool->in_file) {
		do
			n = pread(spool->fd, out, cap, (off_t)spool->taken);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	} else {
		n = (ssize_t)cap;
		memcpy(out, spool->memory.data + spool->taken, cap);
	}
	spool->taken += (uint64_t)n;
	return n;
}

void spool_rewind(struct spool *spool)
{
	spool->taken = 0;
}

void spool_free(struct spool *spool)
{
	buffer_forget(&spool->memory);
	if (spool->in_file)
		close(spool->fd);
	*spool = (struct spool){ .fd = -1 };
}
