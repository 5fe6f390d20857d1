/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest FastCGI program, with libfcgi. For a path below /stream/ it sends the file that REFERENCE names, in pieces. */
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { PIECE = 65536 };

static const char *content;
static int content_len;

static void map(const char *path)
{
	const int fd = path != NULL ? open(path, O_RDONLY) : -1;
	struct stat st;
	void *memory;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED)
		return;
	content = memory;
	content_len = (int)st.st_size;
}

static void stream(FCGX_Stream *out)
{
	FCGX_FPrintF(out, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", content_len);
	for (int at = 0; at < content_len; at += PIECE)
		if (FCGX_PutStr(content + at, content_len - at < PIECE ? content_len - at : PIECE, out) < 0)
			return;
}

int main(void)
{
	FCGX_Request request;

	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
		return 1;
	map(getenv("REFERENCE"));
	while (FCGX_Accept_r(&request) == 0) {
		const char *const path = FCGX_GetParam("SCRIPT_NAME", request.envp);

		if (content != NULL && path != NULL && strncmp(path, "/stream/", 8) == 0)
			stream(request.out);
		else
			FCGX_PutS("Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n", request.out);
		FCGX_Finish_r(&request);
	}
	return 0;
}
