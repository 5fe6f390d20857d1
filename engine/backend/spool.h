/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request body that is received completely before it is forwarded. It is in memory up to a limit, then in an unnamed file. A
 * backend gets it with its length and at full speed. The next backend gets it again if the first one fails.
 */
#ifndef TUX_ENGINE_BACKEND_SPOOL_H
#define TUX_ENGINE_BACKEND_SPOOL_H

#include "../io/buffer.h"
#include "../config.h"

struct spool {
	struct buffer memory; /* NULL data: the body is empty or in the file */
	bool in_file;
	int fd;              /* descriptor of the file, if in_file */
	uint64_t kept;       /* bytes of the body */
	uint64_t taken;      /* bytes that the backend has got */
};

/* Adds len bytes. Returns 0 or a positive errno. After an error the spool is unusable. */
int spool_add(struct spool *spool, const struct spool_limits *limits, const uint8_t *data, uint32_t len);

/* Returns the bytes that were not taken yet. */
uint64_t spool_left(const struct spool *spool);

/* Copies up to cap of the next bytes to out. Returns their number, or a negative errno. */
int64_t spool_take(struct spool *spool, uint8_t *out, uint32_t cap);

/* Restarts at the first byte. */
void spool_rewind(struct spool *spool);

/* Frees the memory and closes the file. The spool is empty afterwards. */
void spool_free(struct spool *spool);

#endif
