/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sign_message.h"

#include <string.h>

enum {
	SPACES = 64,       /* at the start of a text of TLS 1.3 */
	CONTEXT = 34,      /* bytes of its context, with the NUL after it */
	RANDOMS = 64,      /* at the start of a text of TLS 1.2 */
	NAMED_CURVE = 3,
	CURVE_HEAD = 4,    /* bytes of type, group and length of a point */
};

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

bool tls_sign_request_valid(const struct tls_sign_request *request, size_t bytes, bool of_client)
{
	enum tls_sign_hash hash;

	if (bytes != sizeof(*request) || request->len > TLS_SIGN_MAX)
		return false;
	hash = tls_sign_hash_of(request->scheme);
	if (hash == TLS_SIGN_HASH_NONE && request->scheme != TLS_SCHEME_ED25519 && request->scheme != TLS_SCHEME_ED448)
		return false;
	if (!of_client)
		return is_certificate_verify(request->text, request->len, server_context) || is_server_key_exchange(request->text, request->len);
	return is_certificate_verify(request->text, request->len, client_context) ||
	       (hash != TLS_SIGN_HASH_NONE && request->len == tls_sign_digest_bytes(hash));
}

bool tls_sign_reply_valid(const struct tls_sign_reply *reply, size_t bytes)
{
	return bytes == sizeof(*reply) && reply->len <= TLS_SIGNATURE_MAX;
}
