/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/piece.h"

enum { FIRST_BYTES = 512 };

uint8_t *buffer_room(struct buffer *bytes, uint32_t len)
{
	if (bytes->cap - bytes->len < len) {
		const uint32_t cap = tux_bytes_grown(bytes->len, len, FIRST_BYTES);
		uint8_t *grown = cap > 0 ? realloc(bytes->data, cap) : NULL;

		if (grown == NULL)
			return NULL;
		bytes->data = grown;
		bytes->cap = cap;
	}
	return bytes->data + bytes->len;
}

uint8_t *buffer_reserve(struct buffer *bytes, uint32_t len)
{
	if (bytes->len == 0 && bytes->cap < len) {
		buffer_forget(bytes);
		bytes->data = malloc(len);
		bytes->cap = bytes->data != NULL ? len : 0;
	}
	return buffer_room(bytes, len);
}

bool buffer_keep(struct buffer *bytes, const uint8_t *data, uint32_t len)
{
	uint8_t *room;

	if (len == 0)
		return true;
	room = buffer_room(bytes, len);
	if (room == NULL)
		return false;
	memcpy(room, data, len);
	bytes->len += len;
	return true;
}

void buffer_drop(struct buffer *bytes, uint32_t len)
{
	const uint32_t rest = tux_bytes_remaining(bytes->len, len);

	if (rest == 0) {
		buffer_forget(bytes);
	} else if (len > 0) {
		memmove(bytes->data, bytes->data + len, rest);
		bytes->len = rest;
	}
}

void buffer_forget(struct buffer *bytes)
{
	free(bytes->data);
	*bytes = (struct buffer){ NULL, 0, 0 };
}
