/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sign_message.h"

#include <stddef.h>
#include <string.h>

enum {
	SPACES = 64,       /* at the start of a text of TLS 1.3 */
	CONTEXT = 34,      /* bytes of its context, with the NUL after it */
	RANDOMS = 64,      /* at the start of a text of TLS 1.2 */
	NAMED_CURVE = 3,
	CURVE_HEAD = 4,    /* bytes of type, group and length of a point */
	MESSAGE_HEAD = 4,  /* bytes of type and length of a message of a handshake */
	CLIENT_HELLO = 1,
	CLIENT_KEY_EXCHANGE = 16,
};

_Static_assert(sizeof(struct tls_sign_request) == offsetof(struct tls_sign_request, text) + TLS_SIGN_MAX, "a long text goes on after the request");
_Static_assert(sizeof(struct tls_sign_room) >= offsetof(struct tls_sign_request, text) + TLS_SIGN_LONG_MAX, "there is room for each text");

static const char server_context[CONTEXT] = "TLS 1.3, server CertificateVerify";
static const char client_context[CONTEXT] = "TLS 1.3, client CertificateVerify";

enum tls_sign_hash tls_sign_hash_of(uint16_t scheme)
{
	const uint16_t kind = scheme & 0xff, hash = scheme >> 8;

	if (scheme >= TLS_SCHEME_PSS_SHA256 && scheme <= TLS_SCHEME_PSS_SHA256 + 2)
		return (enum tls_sign_hash)(TLS_SIGN_SHA256 + scheme - TLS_SCHEME_PSS_SHA256);
	if (scheme >= TLS_SCHEME_PSS_PSS_SHA256 && scheme <= TLS_SCHEME_PSS_PSS_SHA256 + 2)
		return (enum tls_sign_hash)(TLS_SIGN_SHA256 + scheme - TLS_SCHEME_PSS_PSS_SHA256);
	if ((kind == TLS_SCHEME_RSA || kind == TLS_SCHEME_ECDSA) && hash >= TLS_SIGN_SHA224 && hash <= TLS_SIGN_SHA512)
		return (enum tls_sign_hash)hash;
	return TLS_SIGN_HASH_NONE;
}

uint32_t tls_sign_digest_bytes(enum tls_sign_hash hash)
{
	switch (hash) {
	case TLS_SIGN_HASH_NONE:
		break;
	case TLS_SIGN_SHA224:
		return 28;
	case TLS_SIGN_SHA256:
		return 32;
	case TLS_SIGN_SHA384:
		return 48;
	case TLS_SIGN_SHA512:
		return 64;
	}
	return 0;
}

/* True for 64 spaces, the context, and a hash of the handshake by a cipher suite of TLS 1.3. */
static bool is_certificate_verify(const uint8_t *text, uint32_t len, const char context[CONTEXT])
{
	enum { SHA256_BYTES = 32, SHA384_BYTES = 48 };
	uint32_t i = 0;

	if (len != SPACES + CONTEXT + SHA256_BYTES && len != SPACES + CONTEXT + SHA384_BYTES)
		return false;
	while (i < SPACES && text[i] == ' ')
		i++;
	return i == SPACES && memcmp(text + SPACES, context, CONTEXT) == 0;
}

/* True for the random numbers of both, and a point on a curve that TUX offers. */
static bool is_server_key_exchange(const uint8_t *text, uint32_t len)
{
	static const struct {
		uint16_t group;
		uint8_t point; /* bytes */
	} groups[] = { { 29, 32 }, { 23, 65 }, { 24, 97 } }; /* X25519, P-256, P-384 */
	const uint8_t *const curve = text + RANDOMS;

	if (len < RANDOMS + CURVE_HEAD || curve[0] != NAMED_CURVE)
		return false;
	for (uint32_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (256U * curve[1] + curve[2] == groups[i].group)
			return curve[3] == groups[i].point && len == (uint32_t)(RANDOMS + CURVE_HEAD) + groups[i].point;
	return false;
}

/* True for the messages from a ClientHello to a ClientKeyExchange. Both kinds of text of TLS 1.3 and 1.2 above begin with other octets, or are shorter. */
static bool is_handshake(const uint8_t *text, uint32_t len)
{
	uint32_t at = 0;
	uint8_t type = 0;

	if (len < MESSAGE_HEAD || *text != CLIENT_HELLO)
		return false;
	while (len - at >= MESSAGE_HEAD) {
		const uint32_t bytes = (uint32_t)text[at + 1] << 16 | (uint32_t)text[at + 2] << 8 | text[at + 3];

		type = text[at];
		at += MESSAGE_HEAD;
		if (len - at < bytes)
			return false;
		at += bytes;
	}
	return at == len && type == CLIENT_KEY_EXCHANGE;
}

const uint8_t *tls_sign_text(const struct tls_sign_request *request)
{
	return (const uint8_t *)request + offsetof(struct tls_sign_request, text);
}

size_t tls_sign_request_bytes(uint32_t len)
{
	return len <= TLS_SIGN_MAX ? sizeof(struct tls_sign_request) : offsetof(struct tls_sign_request, text) + len;
}

bool tls_sign_request_valid(const struct tls_sign_request *request, size_t bytes, bool of_client)
{
	enum tls_sign_hash hash;

	if (bytes < sizeof(*request) || bytes != tls_sign_request_bytes(request->len))
		return false;
	hash = tls_sign_hash_of(request->scheme);
	if (hash == TLS_SIGN_HASH_NONE && request->scheme != TLS_SCHEME_ED25519 && request->scheme != TLS_SCHEME_ED448)
		return false;
	if (request->len > TLS_SIGN_MAX)
		return of_client && hash == TLS_SIGN_HASH_NONE && is_handshake(tls_sign_text(request), request->len);
	if (!of_client)
		return is_certificate_verify(request->text, request->len, server_context) || is_server_key_exchange(request->text, request->len);
	return is_certificate_verify(request->text, request->len, client_context) ||
	       (hash != TLS_SIGN_HASH_NONE && request->len == tls_sign_digest_bytes(hash));
}

bool tls_sign_reply_valid(const struct tls_sign_reply *reply, size_t bytes)
{
	return bytes == sizeof(*reply) && reply->len <= TLS_SIGNATURE_MAX;
}
