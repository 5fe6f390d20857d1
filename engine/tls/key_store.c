/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "key_store.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "remote_key.h"

static const EVP_MD *digest_of(enum tls_sign_hash hash)
{
	switch (hash) {
	case TLS_SIGN_HASH_NONE:
		break;
	case TLS_SIGN_SHA224:
		return EVP_sha224();
	case TLS_SIGN_SHA256:
		return EVP_sha256();
	case TLS_SIGN_SHA384:
		return EVP_sha384();
	case TLS_SIGN_SHA512:
		return EVP_sha512();
	}
	return NULL;
}

/* True if a key is of the kind that a scheme is for. Sets *pss to the padding of RSA. */
static bool fits(const EVP_PKEY *key, uint16_t scheme, bool *pss)
{
	const char *kind = "RSA-PSS";

	*pss = scheme >> 8 == TLS_SCHEME_PSS_SHA256 >> 8;
	if (scheme == TLS_SCHEME_ED25519)
		kind = "ED25519";
	else if (scheme == TLS_SCHEME_ED448)
		kind = "ED448";
	else if (!*pss)
		kind = (scheme & 0xff) == TLS_SCHEME_RSA ? "RSA" : "EC";
	else if (scheme < TLS_SCHEME_PSS_PSS_SHA256)
		kind = "RSA";
	return EVP_PKEY_is_a(key, kind) == 1;
}

/* Signs a text as a whole. Returns the bytes of the signature; 0 on failure. */
static size_t sign_text(EVP_PKEY *key, const uint8_t *text, size_t len, uint8_t *signature)
{
	EVP_MD_CTX *const ctx = EVP_MD_CTX_new();
	size_t bytes = TLS_SIGNATURE_MAX;
	const bool made = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 && EVP_DigestSign(ctx, signature, &bytes, text, len) == 1;

	EVP_MD_CTX_free(ctx);
	return made ? bytes : 0;
}

/* Returns a new context for signatures of digests; NULL on failure. */
static EVP_PKEY_CTX *context_new(EVP_PKEY *key, const EVP_MD *hash, bool pss)
{
	EVP_PKEY_CTX *const ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    (!pss || (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	              EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, hash) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* Signs a digest, whose scheme fits the key. Returns the bytes of the signature; 0 on failure. */
static size_t sign_digest(EVP_PKEY *key, struct tls_prepared *prepared, const struct tls_sign_request *request, bool pss, const uint8_t *digest,
                          size_t len, uint8_t *signature)
{
	struct tls_prepared_key *const place = &prepared->place[request->key % TLS_PREPARED_KEYS];
	size_t bytes = TLS_SIGNATURE_MAX;

	if (place->ctx == NULL || place->key != request->key || place->scheme != request->scheme) {
		EVP_PKEY_CTX_free(place->ctx);
		*place = (struct tls_prepared_key){ context_new(key, digest_of(tls_sign_hash_of(request->scheme)), pss), request->key, request->scheme };
	}
	if (place->ctx != NULL && EVP_PKEY_sign(place->ctx, signature, &bytes, digest, len) == 1)
		return bytes;
	EVP_PKEY_CTX_free(place->ctx);
	place->ctx = NULL;
	return 0;
}

/* Signs the text of a valid request. Returns the bytes of the signature; 0 on failure. */
static size_t sign(EVP_PKEY *key, struct tls_prepared *prepared, const struct tls_sign_request *request, uint8_t *signature)
{
	const enum tls_sign_hash hash = tls_sign_hash_of(request->scheme);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = request->len;
	bool pss;

	if (!fits(key, request->scheme, &pss) || EVP_PKEY_get_size(key) > TLS_SIGNATURE_MAX)
		return 0;
	if (hash == TLS_SIGN_HASH_NONE)
		return sign_text(key, tls_sign_text(request), request->len, signature);
	if (request->len == tls_sign_digest_bytes(hash))
		memcpy(digest, request->text, len);
	else if (EVP_Digest(request->text, request->len, digest, &len, digest_of(hash), NULL) != 1)
		return 0;
	return sign_digest(key, prepared, request, pss, digest, len, signature);
}

void tux_tls_key_store_sign(const struct tls_key_store *store, struct tls_prepared *prepared, const struct tls_sign_request *request, size_t bytes,
                            struct tls_sign_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	if (bytes < sizeof(request->id))
		return;
	reply->id = request->id;
	if (bytes < sizeof(*request) || request->key >= store->count ||
	    !tls_sign_request_valid(request, bytes, store->held[request->key].of_client))
		return;
	reply->len = (uint32_t)sign(store->held[request->key].key, prepared, request, reply->signature);
	if (reply->len == 0)
		memset(reply->signature, 0, sizeof(reply->signature));
	ERR_clear_error();
}

void tux_tls_prepared_free(struct tls_prepared *prepared)
{
	for (uint32_t i = 0; i < TLS_PREPARED_KEYS; i++) {
		EVP_PKEY_CTX_free(prepared->place[i].ctx);
		prepared->place[i].ctx = NULL;
	}
}

/* Returns the CPU time of this thread. */
static uint64_t cpu_us(void)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* True if a key can sign. Sets the CPU time of that. OpenSSL then has loaded what it needs before the sandbox. */
static bool can_sign(EVP_PKEY *key, uint32_t *us)
{
	static const uint16_t schemes[] = {
		TLS_SIGN_SHA256 << 8 | TLS_SCHEME_ECDSA, TLS_SCHEME_PSS_SHA256, TLS_SCHEME_PSS_PSS_SHA256, TLS_SCHEME_PSS_PSS_SHA256 + 1,
		TLS_SCHEME_PSS_PSS_SHA256 + 2, TLS_SCHEME_ED25519, TLS_SCHEME_ED448,
	};
	struct tls_sign_request request = { .len = TLS_SIGN_MAX };
	struct tls_prepared prepared = { .place = { { .ctx = NULL } } };
	uint8_t signature[TLS_SIGNATURE_MAX];
	uint64_t begun = 0;
	bool can = false;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && !can; i++) {
		request.scheme = schemes[i];
		begun = cpu_us();
		can = sign(key, &prepared, &request, signature) > 0;
	}
	*us = (uint32_t)(cpu_us() - begun);
	tux_tls_prepared_free(&prepared);
	return can;
}

/* Writes certificates in PEM. Returns their bytes; 0 without room or memory. */
static size_t pem_write(const struct tls_certificate *certificate, char *room, size_t room_bytes)
{
	BIO *const bio = BIO_new(BIO_s_mem());
	bool written = bio != NULL && PEM_write_bio_X509(bio, certificate->leaf) == 1;
	const char *text = NULL;
	long len = 0;

	for (int i = 0; written && i < sk_X509_num(certificate->chain); i++)
		written = PEM_write_bio_X509(bio, sk_X509_value(certificate->chain, i)) == 1;
	if (written)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0 && (size_t)len <= room_bytes)
		memcpy(room, text, (size_t)len);
	else
		len = 0;
	BIO_free(bio);
	return (size_t)len;
}

/* Keeps a key, of which it gets a reference. Returns false if out of memory. */
static bool keep(struct tls_key_store *store, EVP_PKEY *key, bool of_client)
{
	struct tls_held_key *const grown = realloc(store->held, (store->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return false;
	store->held = grown;
	if (EVP_PKEY_up_ref(key) != 1)
		return false;
	grown[store->count++] = (struct tls_held_key){ key, of_client };
	return true;
}

enum tls_key_result tux_tls_key_store_read(struct tls_key_store *store, const struct tls_pem *certificate, const struct tls_pem *key, bool of_client,
                                           char *room, size_t room_bytes, size_t *pem_bytes, uint32_t *number, char *error, size_t error_size)
{
	struct tls_certificate read = { NULL, NULL, NULL };
	enum tls_key_result result = TLS_KEY_FAULTY;
	char reason[160];
	uint32_t us = 0;

	*pem_bytes = 0;
	*number = store->count;
	if (!tls_certificate_read(&read, certificate, key, error, error_size)) {
		result = TLS_KEY_FAULTY;
	} else if (!tls_remote_key_is_possible(read.key)) {
		snprintf(error, error_size, "key \"%s\": it is of a kind that only the server process can have (%s)", key->name,
		         EVP_PKEY_get0_type_name(read.key));
		result = TLS_KEY_FOREIGN;
	} else if (!can_sign(read.key, &us)) {
		tls_reason(reason, sizeof(reason));
		snprintf(error, error_size, "key \"%s\": it makes no signature: %s", key->name, reason);
	} else {
		*pem_bytes = pem_write(&read, room, room_bytes);
		if (*pem_bytes > 0 && keep(store, read.key, of_client))
			result = TLS_KEY_HELD;
		else
			snprintf(error, error_size, "certificate \"%s\": with its issuers it has more than %zu bytes, or no memory is left", certificate->name,
			         room_bytes);
	}
	if (result == TLS_KEY_HELD && us > store->slowest_us)
		store->slowest_us = us;
	tls_certificate_free(&read);
	ERR_clear_error();
	return result;
}

void tux_tls_key_store_free(struct tls_key_store *store)
{
	while (store->count > 0)
		EVP_PKEY_free(store->held[--store->count].key);
	free(store->held);
	*store = (struct tls_key_store){ .held = NULL };
}
