/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "thumbprint.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/challenges.h"
#include "../../engine/io/print.h"
#include "../../engine/tls/context.h"

enum {
	NUMBER_BYTES = 2048,                            /* of a key: 16384 bits */
	NUMBER_TEXT = (NUMBER_BYTES + 2) / 3 * 4 + 1,   /* in base64 */
	JWK_TEXT = 2 * NUMBER_TEXT + 64,
};

static const struct {
	const char *group; /* of OpenSSL */
	const char *name;  /* RFC 7518 6.2.1.1 */
	int bytes;         /* of a coordinate */
} curves[] = {
	{ "prime256v1", "P-256", 32 },
	{ "secp384r1", "P-384", 48 },
	{ "secp521r1", "P-521", 66 },
};

/* Writes base64url without padding (RFC 4648 5). out has room for base64 with padding. */
static void base64url_write(const uint8_t *data, size_t len, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, data, (int)len);
	out[strcspn(out, "=")] = '\0';
	for (; *out != '\0'; out++)
		*out = (char)(*out == '+' ? '-' : *out == '/' ? '_' : *out);
}

/* Writes a public number of a key: of so many bytes, or of as few as it needs with bytes 0. */
static bool number_write(const EVP_PKEY *key, const char *parameter, int bytes, char out[NUMBER_TEXT])
{
	uint8_t data[NUMBER_BYTES];
	BIGNUM *number = NULL;
	bool written = EVP_PKEY_get_bn_param(key, parameter, &number) == 1;

	if (written && bytes == 0)
		bytes = BN_num_bytes(number);
	written = written && bytes > 0 && bytes <= NUMBER_BYTES && BN_bn2binpad(number, data, bytes) == bytes;
	if (written)
		base64url_write(data, (size_t)bytes, out);
	BN_free(number);
	return written;
}

/* Writes the members of a key that its thumbprint is of, in the order of RFC 7638 3.2. */
static bool jwk_write(const EVP_PKEY *key, char out[JWK_TEXT])
{
	char first[NUMBER_TEXT], second[NUMBER_TEXT], group[32];

	if (EVP_PKEY_is_a(key, "RSA"))
		return number_write(key, OSSL_PKEY_PARAM_RSA_E, 0, first) && number_write(key, OSSL_PKEY_PARAM_RSA_N, 0, second) &&
		       print_whole(out, JWK_TEXT, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", first, second);
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(group, curves[i].group) == 0)
			return number_write(key, OSSL_PKEY_PARAM_EC_PUB_X, curves[i].bytes, first) &&
			       number_write(key, OSSL_PKEY_PARAM_EC_PUB_Y, curves[i].bytes, second) &&
			       print_whole(out, JWK_TEXT, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", curves[i].name, first, second);
	return false;
}

/* Writes the digest of a text in base64url. */
static bool digest_write(const char *of, uint8_t digest[TUX_CHALLENGE_DIGEST], char text[TUX_THUMBPRINT + 1])
{
	char padded[TUX_THUMBPRINT + 2];
	const bool done = EVP_Digest(of, strlen(of), digest, NULL, EVP_sha256(), NULL) == 1;

	if (done) {
		base64url_write(digest, TUX_CHALLENGE_DIGEST, padded);
		memcpy(text, padded, TUX_THUMBPRINT + 1);
	}
	return done;
}

bool tux_thumbprint(const struct tux_pem *key, char out[TUX_THUMBPRINT + 1])
{
	BIO *const bio = BIO_new_mem_buf(key->text, (int)key->len);
	EVP_PKEY *const read = bio ? PEM_read_bio_PrivateKey(bio, NULL, tux_tls_refuse_passphrase, NULL) : NULL;
	uint8_t digest[TUX_CHALLENGE_DIGEST];
	char jwk[JWK_TEXT];
	const bool done = read && jwk_write(read, jwk) && digest_write(jwk, digest, out);

	EVP_PKEY_free(read);
	BIO_free(bio);
	ERR_clear_error();
	return done;
}

bool tux_authorization_digest(const char *token, const char *thumbprint, uint8_t digest[TUX_CHALLENGE_DIGEST], char text[TUX_THUMBPRINT + 1])
{
	char authorization[CHALLENGE_TEXT];

	return print_whole(authorization, sizeof(authorization), "%s.%s", token, thumbprint) && digest_write(authorization, digest, text);
}
