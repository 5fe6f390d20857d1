/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between a server process and the process that holds its keys. A request has a text of TLS that its key signs, never a digest of
 * an unknown text: so a server that was broken into gets no signature that is good for a certificate, a token or a program. Only the text
 * that a client of TLS 1.2 signs, which is its whole handshake, comes as a digest. Edwards curves sign no digests, so they get that text.
 */
#ifndef TUX_ENGINE_TLS_SIGN_MESSAGE_H
#define TUX_ENGINE_TLS_SIGN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TLS_SIGN_MAX = 168,       /* bytes of a text; TLS 1.2 with P-384 has 165 */
	TLS_SIGN_LONG_MAX = 65535, /* bytes of a text that is a whole handshake */
	TLS_SIGNATURE_MAX = 2048, /* bytes of a signature, by the largest RSA key of OpenSSL */
	TLS_SIGN_DIGEST_MAX = 64,
};

/* Signature schemes: RFC 8446 4.2.3. Those of TLS 1.2 are a hash and a kind of key (RFC 5246 7.4.1.4.1), with the same numbers. */
enum {
	TLS_SCHEME_RSA = 0x01,   /* low byte: PKCS #1 1.5 */
	TLS_SCHEME_ECDSA = 0x03, /* low byte */
	TLS_SCHEME_PSS_SHA256 = 0x0804, /* with a key of RSA; the next two have SHA-384 and SHA-512 */
	TLS_SCHEME_ED25519 = 0x0807,
	TLS_SCHEME_ED448 = 0x0808,
	TLS_SCHEME_PSS_PSS_SHA256 = 0x0809, /* with a key of RSASSA-PSS; likewise */
};

/* Hashes of schemes: the high byte in TLS 1.2. */
enum tls_sign_hash {
	TLS_SIGN_HASH_NONE,
	TLS_SIGN_SHA224 = 3,
	TLS_SIGN_SHA256,
	TLS_SIGN_SHA384,
	TLS_SIGN_SHA512,
};

/* A message has exactly this size, except with a text of more than TLS_SIGN_MAX bytes. */
struct tls_sign_request {
	uint32_t id;     /* of the reply */
	uint32_t key;    /* its number */
	uint16_t scheme;
	uint16_t len;    /* bytes of the text */
	uint8_t text[TLS_SIGN_MAX];
};

/* Room for every request. A message with more than TLS_SIGN_MAX bytes of text ends with that. */
struct tls_sign_room {
	struct tls_sign_request request;
	uint8_t rest[TLS_SIGN_LONG_MAX - TLS_SIGN_MAX]; /* of its text */
};

/* The reply to one request. A message has exactly this size. */
struct tls_sign_reply {
	uint32_t id;
	uint32_t len; /* bytes of the signature; 0: refused */
	uint8_t signature[TLS_SIGNATURE_MAX];
};

/* Returns the hash of a scheme; TLS_SIGN_HASH_NONE if it has none, or is unknown. */
enum tls_sign_hash tls_sign_hash_of(uint16_t scheme);

/* Returns the bytes of a digest. */
uint32_t tls_sign_digest_bytes(enum tls_sign_hash hash);

/* Returns the text of a request, which may be longer than the member. The request then is in a struct tls_sign_room, or has as many bytes. */
const uint8_t *tls_sign_text(const struct tls_sign_request *request);

/* Returns the bytes of a message with so many bytes of text. */
size_t tls_sign_request_bytes(uint32_t len);

/*
 * True if a message of so many bytes is a request with a text that a server of TLS signs, or a client: CertificateVerify (RFC 8446 4.4.3), the
 * server's ServerKeyExchange (RFC 8422 5.4) with a group of context.c, or a client's digest or handshake for TLS 1.2 (RFC 5246 7.4.8). The number
 * of the key is not checked.
 */
bool tls_sign_request_valid(const struct tls_sign_request *request, size_t bytes, bool of_client);

/* True if a message of so many bytes is a reply. */
bool tls_sign_reply_valid(const struct tls_sign_reply *reply, size_t bytes);

#endif
