/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The certificates of a host and their keys, with the protocol versions and ciphers that they are used with: an SSL_CTX of OpenSSL. The
 * program makes contexts before it drops its privileges. They stay constant while the engine runs.
 */
#ifndef TUX_ENGINE_TLS_CONTEXT_H
#define TUX_ENGINE_TLS_CONTEXT_H

#include "../config.h"
#include "certificate.h"
#include "tickets.h"

struct ssl_ctx_st;

struct tls_context {
	struct ssl_ctx_st *ssl_ctx;
	uint8_t id[32]; /* hash of its certificates, and of the authorities of clients: tickets of another id are not resumed */
	bool demands;   /* clients are asked for certificates */
	struct tls_staple *staples; /* OCSP responses: staple.h; NULL: no response */
};

/* Chooses the certificates of a connection. The SSL of the connection has a pointer to it as application data (SSL_set_app_data()). */
struct tls_selector {
	/* Returns the context of the host that the client names (SNI), which outlives the connection; NULL: keep the present one. */
	const struct tls_context *(*select)(struct tls_selector *selector, const char *name, uint32_t len);
	/* Copies the certificate and the key of a challenge for a name to der, of CHALLENGE_TEXT bytes (challenges.h). Returns their length; 0: no challenge. */
	size_t (*challenge)(struct tls_selector *selector, const char *name, uint32_t len, char *der);
	bool challenged; /* the connection is for a challenge: it has its certificate and protocol, and carries no bytes */
};

/*
 * Returns a context without certificates; NULL with a sentence in error. Free it with tux_tls_context_free(). tickets outlives it; NULL: its
 * connections get no tickets.
 */
struct tls_context *tux_tls_context_new(enum tux_tls_profile profile, struct tls_tickets *tickets, char *error, size_t error_size);

/*
 * Adds a certificate, followed in its file by those of its issuers, and its key. A context has one certificate of each kind of key: ECDSA,
 * RSA, Ed25519. Keeps no reference to the texts. Returns false with a sentence in error.
 */
bool tux_tls_context_add(struct tls_context *context, const struct tls_pem *certificate, const struct tls_pem *key, char *error,
                         size_t error_size);

/* Like tux_tls_context_add(), but for a key that another process holds, with that number: see signer.h. */
bool tux_tls_context_add_remote(struct tls_context *context, const struct tls_pem *certificate, uint32_t number, char *error, size_t error_size);

/*
 * Asks clients for certificates that authorities in a file have signed. required: a client without one gets no connection; one with another
 * certificate never does. Returns false with a sentence in error.
 */
bool tux_tls_context_demand(struct tls_context *context, const struct tls_pem *authorities, bool required, char *error, size_t error_size);

/* Frees a context; NULL is allowed. */
void tux_tls_context_free(struct tls_context *context);

/* Returns the name and version of the library, for messages. */
const char *tux_tls_library(void);

#endif
