/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_note.h"

#include <stdlib.h>
#include <string.h>

#include "../request.h"

void backend_note(struct request *req, const char *kind, struct tux_octets name, int64_t us)
{
	struct backend *backend = malloc(sizeof(*backend));

	free(req->backend);
	req->backend = NULL;
	if (backend == NULL)
		return;
	backend->kind = kind;
	backend->us = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	backend->len = name.len < BACKEND_NAME_BYTES ? name.len : BACKEND_NAME_BYTES;
	if (backend->len > 0)
		memcpy(backend->name, name.at, backend->len);
	req->backend = backend;
}
