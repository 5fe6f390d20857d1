/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files for GET_OBJECT, where the server does not find them for the library: in a process of its own. The rule is the historic one:
 * regular files that all may read.
 */
#include "historic.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int object_open(const char *name, uint32_t *size)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	struct stat st;
	int fd;

	*size = 0;
	while (*name == '/')
		name++;
	if (library.root_fd < 0 || *name == '\0')
		return -1;
	fd = (int)syscall(SYS_openat2, library.root_fd, name, &how, sizeof(how));
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & S_IROTH) == 0 || st.st_size > UINT32_MAX) {
		close(fd);
		return -1;
	}
	*size = (uint32_t)st.st_size;
	return fd;
}
