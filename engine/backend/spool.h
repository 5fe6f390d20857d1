/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request body that is kept until it is whole: in memory up to a limit, then in a file without a name. A backend gets it with its
 * length, as fast as it can read, and gets it again if the first one fails.
 */
#ifndef TUX_ENGINE_BACKEND_SPOOL_H
#define TUX_ENGINE_BACKEND_SPOOL_H

#include "../io/buffer.h"
#include "../config.h"

struct spool {
	struct buffer memory; /* NULL data: the body is empty or in the file */
	bool in_file;
	int fd;              /* of the file */
	uint64_t kept;       /* bytes */
	uint64_t taken;      /* of those, bytes that the backend was given */
};

/* Adds len bytes. 0, or a positive errno: then the spool is of no use any more. */
int spool_add(struct spool *spool, const struct spool_limits *limits, const uint8_t *data, uint32_t len);

/* Bytes that are not taken yet. */
uint64_t spool_left(const struct spool *spool);

/* Copies up to cap of the next bytes to out; returns how many, or a negative errno. */
int64_t spool_take(struct spool *spool, uint8_t *out, uint32_t cap);

/* Starts again with the first byte. */
void spool_rewind(struct spool *spool);

/* Frees all and closes the file. The spool is empty then. */
void spool_free(struct spool *spool);

#endif
