/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "challenge.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

bool tls_challenge_is_asked(SSL *ssl)
{
	static const unsigned char alone[] = "\0\x0b\x0a" TLS_CHALLENGE_PROTOCOL; /* after the lengths of the list and the name */
	const unsigned char *content;
	size_t len;

	return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &content, &len) == 1 && len == sizeof(alone) - 1 &&
	       memcmp(content, alone, len) == 0;
}

bool tls_challenge_use(SSL *ssl, const char *der, size_t len)
{
	const unsigned char *at = (const unsigned char *)der, *const end = at + len;
	X509 *const leaf = len <= LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;
	EVP_PKEY *const key = leaf != NULL ? d2i_AutoPrivateKey(NULL, &at, (long)(end - at)) : NULL;
	bool used = false;

	if (key != NULL) {
		SSL_certs_clear(ssl);
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
		SSL_set_options(ssl, SSL_OP_NO_TICKET);
		used = SSL_set_num_tickets(ssl, 0) == 1 && SSL_use_cert_and_key(ssl, leaf, key, NULL, 1) == 1;
	}
	EVP_PKEY_free(key);
	X509_free(leaf);
	ERR_clear_error();
	return used;
}
