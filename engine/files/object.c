/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct object *object_new(const struct tux_host *host, const uint8_t *key, uint32_t key_len, enum object_kind kind)
{
	struct object *object = calloc(1, sizeof(*object) + key_len);

	if (object == NULL)
		return NULL;
	object->refs = 1;
	object->kind = (uint8_t)kind;
	object->host = host;
	object->key_len = key_len;
	memcpy(object->key, key, key_len);
	for (int i = 0; i < TUX_CODINGS; i++)
		object->representation[i].fd = -1;
	return object;
}

struct object *object_get(struct object *object)
{
	object->refs++;
	return object;
}

void object_put(struct object *object)
{
	if (--object->refs > 0)
		return;
	for (int i = 0; i < TUX_CODINGS; i++) {
		struct representation *rep = &object->representation[i];

		free(rep->memory);
		free(rep->head);
		free(rep->residence);
		if (rep->fd >= 0)
			close(rep->fd);
	}
	free(object->file);
	free(object);
}

struct tux_facts object_facts(const struct object *object, enum tux_coding coding, int64_t now_s)
{
	const struct representation *rep = &object->representation[coding];

	return tux_facts_told(rep->stamp.size, rep->etag, rep->etag_len, rep->last_modified, now_s);
}

