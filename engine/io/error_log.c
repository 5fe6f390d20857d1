/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error_log.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../core/escape.h"
#include "print.h"

enum { FRONT_BYTES = 80 };

bool say(const char *front, const char *text, uint32_t len)
{
	struct pollfd error_log = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[SAY_BYTES + FRONT_BYTES + 16];
	uint32_t taken;
	size_t head = print(line, sizeof(line), "tux: ");

	head += tux_escape(TUX_ESCAPE_MESSAGE, (uint8_t *)line + head, FRONT_BYTES, (const uint8_t *)front, (uint32_t)strlen(front), &taken);
	line[head++] = ' ';
	len = tux_escape(TUX_ESCAPE_MESSAGE, (uint8_t *)line + head, SAY_BYTES, (const uint8_t *)text, len, &taken);
	line[head + len] = '\n';
	/* A writable pipe accepts a line of this size completely. */
	return poll(&error_log, 1, 0) == 1 && write(STDERR_FILENO, line, head + len + 1) >= 0;
}
