/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module that is measured: each path has a kind of reply. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tux/module.h>

static const char hello[] = "hello, world\n";
static const uint8_t *reference; /* bytes of a reply by reference */
static uint64_t reference_bytes;

static int load(void)
{
	const char *path = tux_conf("reference");
	struct stat st;
	void *memory;
	int fd;

	if (path == NULL)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return -errno;
	reference = memory;
	reference_bytes = (uint64_t)st.st_size;
	return 0;
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	static const char by_name[] = "/by-name";
	const uint32_t front = sizeof(by_name) - 1;

	if (path.len > front && memcmp(path.at, by_name, front) == 0)
		return (enum tux_result)tux_reply_file(req, path.at + front, path.len - front);
	if (reference != NULL && path.len > 4 && memcmp(path.at + path.len - 4, ".bin", 4) == 0)
		return (enum tux_result)tux_reply_memory(req, 200, "application/octet-stream", reference, reference_bytes, NULL, NULL);
	return (enum tux_result)tux_reply(req, 200, "text/plain", hello, sizeof(hello) - 1);
}

TUX_MODULE(bench, .handle = handle, .load = load);
