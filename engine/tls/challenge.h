/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshakes with which a certificate authority verifies a name (tls-alpn-01, RFC 8737): they have a protocol and a certificate of their own. */
#ifndef TUX_ENGINE_TLS_CHALLENGE_H
#define TUX_ENGINE_TLS_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;

#define TLS_CHALLENGE_PROTOCOL "acme-tls/1" /* of ALPN */

/* True if the ClientHello offers the protocol of challenges, and no other one. For OpenSSL's callback of the ClientHello. */
bool tls_challenge_is_asked(struct ssl_st *ssl);

/*
 * Gives a connection the certificate of a challenge, followed by its key, both in DER, in place of those of its context. It gets no tickets, and
 * resumes none. Returns false if they are malformed, or out of memory.
 */
bool tls_challenge_use(struct ssl_st *ssl, const char *der, size_t len);

#endif
