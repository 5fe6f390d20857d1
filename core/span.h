/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of a buffer by offset and length: it survives a buffer that moves, and it can be proved. */
#ifndef TUX_CORE_SPAN_H
#define TUX_CORE_SPAN_H

#include "types.h"

/* A part of some buffer. Empty when len is 0; off is then still inside the buffer or at its end. */
struct tux_span {
	uint32_t off; /* bytes from the start of the buffer */
	uint32_t len; /* bytes */
};

#endif
