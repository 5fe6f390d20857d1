/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that are kept for a while: memory that grows as they come. */
#ifndef TUX_ENGINE_IO_BUFFER_H
#define TUX_ENGINE_IO_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

struct buffer {
	uint8_t *data; /* malloc'ed; NULL: there are none */
	uint32_t len;
	uint32_t cap;
};

/* Room for len bytes behind those that are kept, to be added to bytes->len by the caller; NULL without memory. */
uint8_t *buffer_room(struct buffer *bytes, uint32_t len);

/* Keeps a copy of len bytes at data. False without memory. */
bool buffer_keep(struct buffer *bytes, const uint8_t *data, uint32_t len);

/* Takes len of the first bytes away. */
void buffer_drop(struct buffer *bytes, uint32_t len);

/* Frees all. */
void buffer_forget(struct buffer *bytes);

#endif
