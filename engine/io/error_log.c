/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error_log.h"

#include <poll.h>
#include <unistd.h>

#include "print.h"

enum { FRONT_BYTES = 80 };

bool say(const char *front, const char *text, uint32_t len)
{
	struct pollfd error_log = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[SAY_BYTES + FRONT_BYTES + 16];
	const size_t head = print(line, sizeof(line), "tux: %.*s ", FRONT_BYTES, front);

	if (len > SAY_BYTES)
		len = SAY_BYTES;
	for (uint32_t i = 0; i < len; i++)
		line[head + i] = (unsigned char)text[i] < ' ' && text[i] != '\t' ? '?' : text[i];
	line[head + len] = '\n';
	/* A writable pipe accepts a line of this size completely. */
	return poll(&error_log, 1, 0) == 1 && write(STDERR_FILENO, line, head + len + 1) >= 0;
}
