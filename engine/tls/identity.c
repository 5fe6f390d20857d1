/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Copies a text that fits and has only visible octets and spaces. */
static void copy(char *to, size_t size, const char *text, size_t len)
{
	if (len >= size)
		return;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return;
	memcpy(to, text, len);
}

static void write_name(char *to, size_t size, const X509_NAME *name)
{
	BIO *const bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (bio != NULL && name != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &text);
		if (len > 0)
			copy(to, size, text, (size_t)len);
	}
	BIO_free(bio);
}

static void write_serial(char *to, size_t size, const X509 *certificate)
{
	BIGNUM *const number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *const text = number != NULL ? BN_bn2hex(number) : NULL;

	if (text != NULL)
		copy(to, size, text, strlen(text));
	OPENSSL_free(text);
	BN_free(number);
}

static void write_fingerprint(char to[TLS_DIGEST_BYTES], const X509 *certificate)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1 || 2 * len != TLS_DIGEST_BYTES - 1)
		return;
	for (unsigned i = 0; i < len; i++) {
		to[2 * i] = digits[digest[i] >> 4];
		to[2 * i + 1] = digits[digest[i] & 15];
	}
}

struct tls_identity *tls_identity_new(SSL *ssl)
{
	X509 *const certificate = SSL_get1_peer_certificate(ssl);
	struct tls_identity *identity = NULL;

	if (certificate != NULL && SSL_get_verify_result(ssl) == X509_V_OK)
		identity = calloc(1, sizeof(*identity));
	if (identity != NULL) {
		write_name(identity->subject, sizeof(identity->subject), X509_get_subject_name(certificate));
		write_name(identity->issuer, sizeof(identity->issuer), X509_get_issuer_name(certificate));
		write_serial(identity->serial, sizeof(identity->serial), certificate);
		write_fingerprint(identity->fingerprint, certificate);
	}
	X509_free(certificate);
	ERR_clear_error();
	return identity;
}
