/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "texts.h"

#include <openssl/ssl.h>
#include <string.h>

bool tls_texts_write(SSL *ssl, bool demands, const struct tls_identity *identity, struct buffer *to)
{
	const char *const texts[TLS_TEXTS] = {
		[TLS_TEXT_VERSION] = SSL_get_version(ssl),
		[TLS_TEXT_CIPHER] = SSL_get_cipher_name(ssl),
		[TLS_TEXT_NAME] = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
		[TLS_TEXT_RESUMED] = SSL_session_reused(ssl) == 1 ? "1" : "0",
		[TLS_TEXT_VERIFY] = !demands ? "" : identity != NULL ? "SUCCESS" : "NONE",
		[TLS_TEXT_SUBJECT] = identity != NULL ? identity->subject : "",
		[TLS_TEXT_ISSUER] = identity != NULL ? identity->issuer : "",
		[TLS_TEXT_SERIAL] = identity != NULL ? identity->serial : "",
		[TLS_TEXT_FINGERPRINT] = identity != NULL ? identity->fingerprint : "",
	};

	for (unsigned i = 0; i < TLS_TEXTS; i++) {
		const char *text = texts[i] != NULL ? texts[i] : "";

		if (!buffer_keep(to, (const uint8_t *)text, (uint32_t)strlen(text) + 1))
			return false;
	}
	return to->len <= TLS_TEXTS_MAX;
}

const char *tls_texts_find(const uint8_t *texts, uint32_t len, unsigned text, uint32_t *text_len)
{
	const uint8_t *end;

	*text_len = 0;
	while ((end = len > 0 ? memchr(texts, '\0', len) : NULL) != NULL && text > 0) {
		len -= (uint32_t)(end + 1 - texts);
		texts = end + 1;
		text--;
	}
	if (end == NULL || end == texts)
		return NULL;
	*text_len = (uint32_t)(end - texts);
	return (const char *)texts;
}
