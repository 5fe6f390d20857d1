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

enum { PIECE = 65536 }; /* bytes that are written to a stream at once */

struct content {
	const uint8_t *bytes;
	uint64_t len;
};

static const char hello[] = "hello, world\n";
static struct content reference; /* of a reply by reference */
static struct content streamed;  /* of a reply in pieces */

/* Maps the file that a key of the configuration names, if there is one. Returns 0 or a negative errno. */
static int map(const char *key, struct content *content)
{
	const char *path = tux_conf(key);
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
	content->bytes = memory;
	content->len = (uint64_t)st.st_size;
	return 0;
}

static int load(void)
{
	const int error = map("reference", &reference);

	return error == 0 ? map("stream", &streamed) : error;
}

/* Writes the rest of the content as there is room. */
static enum tux_result resumed(struct tux_req *req)
{
	uint64_t *const at = tux_req_memory(req);

	while (*at < streamed.len) {
		const uint32_t len = streamed.len - *at < PIECE ? (uint32_t)(streamed.len - *at) : PIECE;
		const int taken = tux_stream_write(req, streamed.bytes + *at, len);

		if (taken < 0)
			return (enum tux_result)taken;
		*at += (unsigned)taken;
		if ((uint32_t)taken < len)
			return (enum tux_result)tux_resume_on_room(req);
	}
	return (enum tux_result)tux_stream_end(req);
}

static enum tux_result stream(struct tux_req *req)
{
	if (tux_req_memory(req) == NULL || tux_stream_begin(req, 200, "application/octet-stream", (int64_t)streamed.len) != 0)
		return TUX_FAIL;
	return resumed(req);
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	static const char by_name[] = "/by-name";
	const uint32_t front = sizeof(by_name) - 1;

	if (path.len > front && memcmp(path.at, by_name, front) == 0)
		return (enum tux_result)tux_reply_file(req, path.at + front, path.len - front);
	if (streamed.bytes != NULL && path.len > 8 && memcmp(path.at, "/stream/", 8) == 0)
		return stream(req);
	if (reference.bytes != NULL && path.len > 4 && memcmp(path.at + path.len - 4, ".bin", 4) == 0)
		return (enum tux_result)tux_reply_memory(req, 200, "application/octet-stream", reference.bytes, reference.len, NULL, NULL);
	return (enum tux_result)tux_reply(req, 200, "text/plain", hello, sizeof(hello) - 1);
}

TUX_MODULE(bench, .handle = handle, .resumed = resumed, .load = load, .request_bytes = sizeof(uint64_t));
