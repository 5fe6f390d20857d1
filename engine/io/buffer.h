/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte buffer that grows on demand. */
#ifndef TUX_ENGINE_IO_BUFFER_H
#define TUX_ENGINE_IO_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

struct buffer {
	uint8_t *data; /* malloc'ed; NULL: empty */
	uint32_t len;
	uint32_t cap;
};

/* Returns room for len bytes after the present ones, or NULL if out of memory. The caller adds to bytes->len. */
uint8_t *buffer_room(struct buffer *bytes, uint32_t len);

/* Like buffer_room(), but an empty buffer without that room gets exactly len bytes: more of them will not follow. */
uint8_t *buffer_reserve(struct buffer *bytes, uint32_t len);

/* Appends a copy of len bytes at data. Returns false if out of memory. */
bool buffer_keep(struct buffer *bytes, const uint8_t *data, uint32_t len);

/* Removes the first len bytes. */
void buffer_drop(struct buffer *bytes, uint32_t len);

/* Frees the memory and empties the buffer. */
void buffer_forget(struct buffer *bytes);

#endif
