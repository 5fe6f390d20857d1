/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file of a certificate or a key, in memory that is in no core dump, and is wiped when it is freed. */
#ifndef TUX_PROGRAM_SERVER_SECRET_H
#define TUX_PROGRAM_SERVER_SECRET_H

#include <sys/types.h>

#include "../../engine/tls/certificate.h"

struct tux_secret {
	struct tls_pem pem;
	void *memory; /* NULL: not mapped */
	mode_t mode;
};

/*
 * Reads a file of at most 1 MiB; root follows no link that another user could change. kind is the name of its option, for messages. Returns
 * false with a sentence in error; free the secret also then.
 */
bool tux_secret_read(struct tux_secret *secret, const char *kind, const char *path, char *error, size_t error_size);

/* Wipes and frees a secret, which may be zero. */
void tux_secret_free(struct tux_secret *secret);

/* True if users other than the owner and the group can read the file. */
bool tux_secret_is_open(const struct tux_secret *secret);

#endif
