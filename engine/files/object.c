/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct object *object_new(const struct tux_host *host, const uint8_t *key, uint32_t key_len, enum object_kind kind)
{
	struct object *object = calloc(1, sizeof(*object) + key_len + 1);

	if (object == NULL)
		return NULL;
	object->refs = 1;
	object->kind = (uint8_t)kind;
	object->host = host;
	object->key_len = key_len;
	memcpy(object->key, key, key_len);
	return object;
}

struct object *object_of_file(const struct tux_host *host, int fd)
{
	static const uint8_t key[] = "/";
	struct object *object = object_new(host, key, 1, OBJECT_FILE);
	struct representation *rep = object != NULL ? calloc(1, sizeof(*rep)) : NULL;

	if (rep == NULL) {
		free(object);
		return NULL;
	}
	rep->fd = fd;
	object->representation[TUX_CODING_IDENTITY] = rep;
	return object;
}

/* Frees the path as opened, unless it is a part of the key. */
static void file_free(struct object *object)
{
	if (object->file != (char *)object->key + 1)
		free(object->file);
	object->file = NULL;
}

bool object_name(struct object *object, const char *file)
{
	file_free(object);
	object->file = strcmp(file, (const char *)object->key + 1) == 0 ? (char *)object->key + 1 : strdup(file);
	return object->file != NULL;
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
		struct representation *rep = object->representation[i];

		if (rep != NULL && rep->fd >= 0)
			close(rep->fd);
		if (rep != NULL)
			free(rep->residence);
		free(rep);
	}
	file_free(object);
	free(object);
}

struct tux_facts object_facts(const struct object *object, enum tux_coding coding, int64_t now_s)
{
	const struct representation *rep = object->representation[coding];

	return tux_facts_told(rep->stamp.size, rep->etag, rep->etag_len, representation_modified(rep), now_s);
}

