/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the process that signs for a server process: read at its start, constant after that, and used by all its threads. */
#ifndef TUX_ENGINE_TLS_KEY_STORE_H
#define TUX_ENGINE_TLS_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certificate.h"
#include "sign_message.h"

struct evp_pkey_ctx_st;
struct evp_pkey_st;

struct tls_held_key {
	struct evp_pkey_st *key;
	bool of_client; /* it signs for TLS to upstream servers, not for clients */
};

/* Zero-initialize before use. */
struct tls_key_store {
	struct tls_held_key *held; /* malloc'ed */
	uint32_t count;
	uint32_t slowest_us; /* CPU time of a signature by the slowest of them */
};

enum tls_key_result {
	TLS_KEY_FAULTY,
	TLS_KEY_HELD,
	TLS_KEY_FOREIGN, /* of a kind that only the server process can have */
};

enum { TLS_PREPARED_KEYS = 64 };

/* A context of OpenSSL that is prepared for signatures of digests. */
struct tls_prepared_key {
	struct evp_pkey_ctx_st *ctx; /* NULL: none */
	uint32_t key;                /* its number */
	uint16_t scheme;
};

/*
 * The contexts of one thread: to make one costs an eighth of a signature of ECDSA. Keys whose numbers are equal modulo TLS_PREPARED_KEYS share
 * a place. Zero-initialize before use.
 */
struct tls_prepared {
	struct tls_prepared_key place[TLS_PREPARED_KEYS];
};

/*
 * Reads a certificate and its key like tls_certificate_read(), keeps the key, and writes the certificate, followed by those of its issuers, to
 * room in PEM. Sets the bytes of the PEM, and the number of the key. The key makes a signature, as a test. Before threads and the sandbox. Writes a
 * sentence to error unless it holds the key.
 */
enum tls_key_result tux_tls_key_store_read(struct tls_key_store *store, const struct tls_pem *certificate, const struct tls_pem *key, bool of_client,
                                           char *room, size_t room_bytes, size_t *pem_bytes, uint32_t *number, char *error, size_t error_size);

/* Fills the reply to a message of so many bytes, which may contain anything. Any thread, each with its own contexts. */
void tux_tls_key_store_sign(const struct tls_key_store *store, struct tls_prepared *prepared, const struct tls_sign_request *request, size_t bytes,
                            struct tls_sign_reply *reply);

/* Frees contexts, before the keys. */
void tux_tls_prepared_free(struct tls_prepared *prepared);

/* Wipes and frees the keys. */
void tux_tls_key_store_free(struct tls_key_store *store);

#endif
