/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "sealed_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void *sealed_memory_new(const char *name, size_t bytes, int *fd)
{
	void *memory = MAP_FAILED;
	int saved;

	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return NULL;
	if (ftruncate(*fd, (off_t)bytes) == 0)
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	/* The seal leaves the mapping above, and permits no other one to write. */
	if (memory != MAP_FAILED && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0)
		return memory;
	saved = errno;
	if (memory != MAP_FAILED)
		munmap(memory, bytes);
	close(*fd);
	*fd = -1;
	errno = saved;
	return NULL;
}

bool sealed_memory_confine(void *memory, size_t bytes, int fd)
{
	const bool mapped = mmap(memory, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == memory;
	const int saved = errno;

	close(fd);
	errno = saved;
	return mapped;
}
