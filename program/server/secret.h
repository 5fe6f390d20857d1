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

/* A certificate, its key, and the passphrase of the key. */
struct tux_secret_pair {
	struct tux_secret certificate, key, password;
};

/*
 * Reads the files of a certificate. key NULL: it is in the same file; password NULL: there is no such file. The passphrase is the first
 * line of its file. Returns false with a sentence in error; free the pair also then.
 */
bool tux_secret_pair_read(struct tux_secret_pair *pair, const char *certificate, const char *key, const char *password, char *error,
                          size_t error_size);

void tux_secret_pair_free(struct tux_secret_pair *pair);

/* Returns the first file of a pair that has a secret and can be read by other users, and the name of its option; NULL: there is none. */
const struct tux_secret *tux_secret_pair_open(const struct tux_secret_pair *pair, const char **kind);

/* Writes a warning about a file of a pair that has a secret and can be read by other users, if there is one. */
void tux_secret_pair_warn(const struct tux_secret_pair *pair);

/* True if users other than the owner and the group can read the file. */
bool tux_secret_is_open(const struct tux_secret *secret);

#endif
