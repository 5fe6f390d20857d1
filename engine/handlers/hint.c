/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hint.h"

#include <string.h>

#include "../io/error_log.h"

enum { HINT_AGAIN_MS = 1000 };

void hint_browse(struct worker *worker, const struct object *object)
{
	static const char hint[] = " is 403: the directory has no index, and --browse lists it";
	char text[SAY_BYTES];
	uint32_t len = object->key_len;

	if (object->site->browse || (worker->hinted_ms != 0 && worker->now_ms - worker->hinted_ms < HINT_AGAIN_MS))
		return;
	worker->hinted_ms = worker->now_ms;
	if (len > sizeof(text) - sizeof(hint))
		len = sizeof(text) - sizeof(hint);
	memcpy(text, object->key, len);
	memcpy(text + len, hint, sizeof(hint) - 1);
	(void)say("request for", text, len + (uint32_t)sizeof(hint) - 1);
}
