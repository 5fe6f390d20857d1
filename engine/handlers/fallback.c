/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fallback.h"

#include <string.h>

#include "../../core/media_type.h"

/* True if the last segment of a path ends in the extension of a file type: the client wants that file, not a page. */
static bool names_a_file(const uint8_t *path, uint32_t len)
{
	uint32_t at = len;

	while (at > 0 && path[at - 1] != '/' && path[at - 1] != '.')
		at--;
	return at > 0 && path[at - 1] == '.' && tux_media_type_known(path, len);
}

/* True if nothing at the path itself can be sent. */
static bool leads_nowhere(const struct object *object)
{
	return object->kind == OBJECT_MISSING || (object->no_index && object->kind == OBJECT_FORBIDDEN);
}

struct object *fallback_lookup(struct request *req, const uint8_t *path, uint32_t len)
{
	struct object *object = response_lookup(req, path, len);
	struct object *root;

	if (object == NULL || !req->host->spa || !leads_nowhere(object))
		return object;
	root = response_lookup(req, (const uint8_t *)"/", 1);
	if (root == NULL || root->kind == OBJECT_PROGRAM || !names_a_file(path, len)) {
		object_put(object);
		return root;
	}
	object_put(root);
	return object;
}
