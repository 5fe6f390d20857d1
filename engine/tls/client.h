/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's side of TLS, for connections to upstream servers: an SSL_CTX of OpenSSL with the authorities that sign their certificates,
 * and the certificate of this client. The program makes them before it drops its privileges. They stay constant while the engine runs.
 */
#ifndef TUX_ENGINE_TLS_CLIENT_H
#define TUX_ENGINE_TLS_CLIENT_H

#include "certificate.h"

enum {
	TLS_NAME_BYTES = 256, /* of a server's name, its NUL included */
};

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_store_st;

/* Settings of connections. */
struct tls_client {
	struct ssl_ctx_st *ssl_ctx;
	bool verifies; /* the server's certificate is verified, and its name */
};

/* A server, of one thread. */
struct tls_peer {
	const struct tls_client *client;
	char name[TLS_NAME_BYTES];      /* asked for (SNI) and verified; a numeric address is verified alone; "": neither */
	struct ssl_session_st *session; /* to resume; NULL: none */
};

/* Returns the authorities in a file, which has at least one; NULL with a sentence in error. Free them with tux_tls_authorities_free(). */
struct x509_store_st *tux_tls_authorities_read(const struct tls_pem *pem, char *error, size_t error_size);

void tux_tls_authorities_free(struct x509_store_st *authorities);

/*
 * Returns settings that verify servers with these authorities, which may be shared; NULL: they verify nothing. exact: certificates in the
 * file are trusted that do not sign themselves, too, such as the server's own. Returns NULL with a sentence in error.
 */
struct tls_client *tux_tls_client_new(struct x509_store_st *authorities, bool exact, char *error, size_t error_size);

/* Sets the certificate of this client, followed in its file by those of its issuers, and its key. Returns false with a sentence in error. */
bool tux_tls_client_identify(struct tls_client *client, const struct tls_pem *certificate, const struct tls_pem *key, char *error,
                             size_t error_size);

/* Like tux_tls_client_identify(), but for a key that another process holds, with that number: see signer.h. */
bool tux_tls_client_identify_remote(struct tls_client *client, const struct tls_pem *certificate, uint32_t number, char *error, size_t error_size);

/* Frees settings; NULL is allowed. */
void tux_tls_client_free(struct tls_client *client);

/* Returns a server; NULL if out of memory. Free it with tls_peer_free(), after its connections. */
struct tls_peer *tls_peer_new(const struct tls_client *client, const char *name, size_t name_len);

/* Frees a server; NULL is allowed. */
void tls_peer_free(struct tls_peer *peer);

/* Returns a connection to a server that resumes its session if possible; NULL if out of memory. */
struct ssl_st *tls_peer_open(struct tls_peer *peer);

#endif
