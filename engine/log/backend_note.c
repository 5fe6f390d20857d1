/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend_note.h"

#include <stdlib.h>
#include <string.h>

#include "../conn.h"

void backend_note(struct conn *conn, const char *kind, struct tux_octets name, int64_t us)
{
	struct backend *backend = malloc(sizeof(*backend));

	backend_forget(conn);
	if (backend == NULL)
		return;
	backend->kind = kind;
	backend->us = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	backend->len = name.len < BACKEND_NAME_BYTES ? name.len : BACKEND_NAME_BYTES;
	if (backend->len > 0)
		memcpy(backend->name, name.at, backend->len);
	conn->backend = backend;
}

void backend_forget(struct conn *conn)
{
	free(conn->backend);
	conn->backend = NULL;
}
