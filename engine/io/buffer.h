/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that are kept for a while: memory that grows as they come. */
#ifndef TUX_ENGINE_IO_BUFFER_H
#define TUX_ENGINE_IO_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

struct bytes {
	uint8_t *data; /* malloc'ed; NULL: there are none */
	uint32_t len;
	uint32_t cap;
};

/* Room for len bytes behind those that are kept, to be added to bytes->len by the caller; NULL without memory. */
uint8_t *bytes_room(struct bytes *bytes, uint32_t len);

/* Keeps a copy of len bytes at data. False without memory. */
bool bytes_keep(struct bytes *bytes, const uint8_t *data, uint32_t len);

/* Takes len of the first bytes away. */
void bytes_drop(struct bytes *bytes, uint32_t len);

/* Frees all. */
void bytes_forget(struct bytes *bytes);

#endif
