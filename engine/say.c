/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "say.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { FRONT_BYTES = 80 };

bool say(const char *front, const char *text, uint32_t len)
{
	struct pollfd error_log = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[SAY_BYTES + FRONT_BYTES + 16];
	int head = snprintf(line, sizeof(line), "tux: %.*s ", FRONT_BYTES, front);

	if (len > SAY_BYTES)
		len = SAY_BYTES;
	for (uint32_t i = 0; i < len; i++)
		line[head + (int)i] = (unsigned char)text[i] < ' ' && text[i] != '\t' ? '?' : text[i];
	line[head + (int)len] = '\n';
	/* A pipe that has room takes a line of this size whole. */
	return poll(&error_log, 1, 0) == 1 && write(STDERR_FILENO, line, (size_t)head + len + 1) >= 0;
}
