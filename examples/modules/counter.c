/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A counter that all threads, and the processes before and after a reload, share: it lives in a file.
 * module counter { file "/usr/lib/tux/counter.so"; config { file = "/var/lib/tux/counter" } }
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tux/module.h>

static uint64_t *counter; /* atomic */

/* Maps the file. Later the sandbox lets no module open one. */
static int load(void)
{
	const char *path = tux_conf("file");
	void *memory;
	int fd;

	if (path == NULL)
		return -EINVAL;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*counter)) < 0)
		return -errno;
	memory = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return -errno;
	counter = memory;
	return 0;
}

static enum tux_result handle(struct tux_req *req)
{
	const uint64_t count = __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
	char text[32];

	tux_add_field(req, "Cache-Control", "no-store");
	return tux_reply(req, 200, "text/plain", text, (uint32_t)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)count));
}

TUX_MODULE(counter, .handle = handle, .load = load);
