/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificate of a client, after it was verified, as texts for backends: visible ASCII and spaces only. */
#ifndef TUX_ENGINE_TLS_IDENTITY_H
#define TUX_ENGINE_TLS_IDENTITY_H

enum {
	TLS_DN_BYTES = 1024,     /* of a distinguished name, its NUL included */
	TLS_SERIAL_BYTES = 64,   /* of a serial number in hexadecimal; RFC 5280 has at most 40 digits */
	TLS_DIGEST_BYTES = 65,   /* of SHA-256 in hexadecimal */
};

struct ssl_st;

/* A text that is longer than its room is "", never a part of it. */
struct tls_identity {
	char subject[TLS_DN_BYTES]; /* RFC 2253 */
	char issuer[TLS_DN_BYTES];
	char serial[TLS_SERIAL_BYTES];
	char fingerprint[TLS_DIGEST_BYTES]; /* SHA-256 of the certificate */
};

/* Returns the identity of the client of an established connection, to be freed; NULL if it has no certificate, or if out of memory. */
struct tls_identity *tls_identity_new(struct ssl_st *ssl);

#endif
