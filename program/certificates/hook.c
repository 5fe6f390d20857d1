/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "hook.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Exit statuses that uacme knows. */
enum { HOOK_ACCEPTS, HOOK_DECLINES };

static bool is_method(const char *text)
{
	return strcmp(text, "begin") == 0 || strcmp(text, "done") == 0 || strcmp(text, "failed") == 0;
}

void tux_hook(int argc, char **argv)
{
	const char *const number = getenv(TUX_HOOK_VARIABLE);
	char message[TUX_HOOK_MESSAGE], answer = 'n';
	size_t len = 0;
	int fd;

	if (!number || argc != 1 + TUX_HOOK_TEXTS || !is_method(argv[1]))
		return;
	fd = (int)strtol(number, NULL, 10);
	for (int i = 1; i < argc; i++) {
		const size_t text_len = strlen(argv[i]) + 1;

		if (text_len > sizeof(message) - len)
			_exit(HOOK_DECLINES);
		memcpy(message + len, argv[i], text_len);
		len += text_len;
	}
	if (send(fd, message, len, MSG_NOSIGNAL) != (ssize_t)len || recv(fd, &answer, 1, 0) != 1 || answer != 'y')
		_exit(HOOK_DECLINES);
	_exit(HOOK_ACCEPTS);
}

bool tux_hook_apply(struct challenges *challenges, const char *message, size_t len)
{
	const char *text[TUX_HOOK_TEXTS];
	unsigned count = 0;
	size_t at = 0;

	while (count < TUX_HOOK_TEXTS && at < len && memchr(message + at, '\0', len - at)) {
		text[count++] = message + at;
		at += strlen(message + at) + 1;
	}
	if (count != TUX_HOOK_TEXTS || at != len || !is_method(text[0]))
		return false;
	if (strcmp(text[0], "begin") == 0)
		return strcmp(text[1], "http-01") == 0 && tux_challenges_add(challenges, text[3], text[4]);
	tux_challenges_remove(challenges, text[3]);
	return true;
}
