/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct object *object_new(const struct tux_site *site, const uint8_t *key, uint32_t key_len, enum object_kind kind)
{
	struct object *object = calloc(1, sizeof(*object) + key_len);

	if (object == NULL)
		return NULL;
	object->refs = 1;
	object->kind = (uint8_t)kind;
	object->site = site;
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
		if (rep->fd >= 0)
			close(rep->fd);
	}
	free(object->file);
	free(object);
}

/* A time in the future is not told: Last-Modified may not be later than Date (RFC 9110 8.8.2.1). */
static int64_t last_modified(const struct representation *rep, int64_t now_s)
{
	return rep->last_modified > now_s ? -1 : rep->last_modified;
}

struct tux_facts object_facts(const struct object *object, enum tux_coding coding, int64_t now_s)
{
	const struct representation *rep = &object->representation[coding];

	return (struct tux_facts){
		.size = rep->stamp.size,
		.validators = {
			.etag = rep->etag,
			.etag_len = rep->etag_len,
			.last_modified = last_modified(rep, now_s),
			.now = now_s,
		},
	};
}

void object_describe(const struct object *object, enum tux_coding coding, int64_t now_s, struct tux_head *head)
{
	const struct representation *rep = &object->representation[coding];

	head->accept_ranges = true;
	head->vary_encoding = (object->available & (object->available - 1)) != 0;
	head->coding = (uint8_t)coding;
	head->type = object->type;
	head->etag = rep->etag;
	head->etag_len = rep->etag_len;
	head->size = rep->stamp.size;
	head->last_modified = last_modified(rep, now_s);
	head->has_last_modified = head->last_modified >= 0;
}
