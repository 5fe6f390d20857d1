/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "certificate.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../core/host.h"
#include "remote_key.h"
#include "sign_message.h"

void tls_reason(char *out, size_t out_size)
{
	const unsigned long error = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(error);

	if (reason != NULL)
		snprintf(out, out_size, "%s", reason);
	else
		snprintf(out, out_size, "error %lu of OpenSSL", error);
	ERR_clear_error();
}

/* A passphrase, and whether it was needed. */
struct passphrase {
	const char *text; /* NULL: not known */
	bool asked;
};

/* Gives OpenSSL the passphrase of a key. Without this function it would ask at the terminal. Returns its bytes; -1 without one that fits. */
static int give_passphrase(char *buf, int size, int writing, void *owner)
{
	struct passphrase *passphrase = owner;
	const size_t len = passphrase->text != NULL ? strlen(passphrase->text) : 0;

	(void)writing;
	passphrase->asked = true;
	if (passphrase->text == NULL || size < 0 || len > (size_t)size)
		return -1;
	memcpy(buf, passphrase->text, len);
	return (int)len;
}

int tux_tls_refuse_passphrase(char *buf, int size, int writing, void *owner)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)owner;
	return -1;
}

static BIO *bio_of(const struct tls_pem *pem)
{
	return pem->len <= INT_MAX ? BIO_new_mem_buf(pem->text, (int)pem->len) : NULL;
}

/* Reads all certificates after the first one. Returns false if one is malformed. */
static bool chain_read(BIO *bio, struct tls_certificate *certificate)
{
	X509 *one;

	while ((one = PEM_read_bio_X509(bio, NULL, tux_tls_refuse_passphrase, NULL)) != NULL) {
		if (certificate->chain == NULL)
			certificate->chain = sk_X509_new_null();
		if (certificate->chain == NULL || sk_X509_push(certificate->chain, one) == 0) {
			X509_free(one);
			return false;
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error(); /* the end of the file */
	return true;
}

/* Returns the structure of a file in PKCS#12, which begins with a sequence of DER; NULL if it is something else. */
static PKCS12 *pkcs12_of(const struct tls_pem *pem)
{
	const unsigned char *at = pem->text;
	PKCS12 *structure = NULL;

	if (pem->len > 0 && pem->len <= LONG_MAX && *at == (V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE))
		structure = d2i_PKCS12(NULL, &at, (long)pem->len);
	ERR_clear_error();
	return structure;
}

/* Keeps the issuers of a certificate among others, in their order from it on. Returns false if out of memory. */
static bool chain_order(struct tls_certificate *certificate, STACK_OF(X509) *others)
{
	X509 *last = certificate->leaf;
	int at = 0;

	certificate->chain = sk_X509_new_null();
	while (certificate->chain != NULL && at < sk_X509_num(others)) {
		X509 *const one = sk_X509_value(others, at++);

		if (X509_check_issued(one, last) != X509_V_OK)
			continue;
		if (sk_X509_push(certificate->chain, one) == 0)
			return false;
		(void)sk_X509_delete(others, at - 1);
		last = one;
		at = 0;
	}
	return certificate->chain != NULL;
}

static bool pkcs12_read(struct tls_certificate *certificate, PKCS12 *structure, const struct tls_pem *file, char *error, size_t error_size)
{
	STACK_OF(X509) *others = NULL;
	const bool parsed = PKCS12_parse(structure, file->password, &certificate->key, &certificate->leaf, &others) == 1;
	const bool locked = ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE;
	const bool ordered = parsed && certificate->leaf != NULL && chain_order(certificate, others);
	char reason[160];

	if (!parsed && locked) {
		snprintf(error, error_size, "certificate \"%s\": %s", file->name,
		         file->password != NULL ? "the passphrase of key-password-file is wrong" :
		                                  "it has a passphrase; set key-password-file in the configuration file");
	} else if (!parsed) {
		tls_reason(reason, sizeof(reason));
		snprintf(error, error_size, "certificate \"%s\": malformed or unsupported PKCS#12: %s", file->name, reason);
	} else if (!ordered) {
		snprintf(error, error_size, "certificate \"%s\": no certificate with a key in PKCS#12", file->name);
	}
	sk_X509_pop_free(others, X509_free);
	ERR_clear_error();
	return ordered;
}

static bool certificates_read(struct tls_certificate *certificate, const struct tls_pem *pem, char *error, size_t error_size)
{
	PKCS12 *const structure = pkcs12_of(pem);
	char reason[160];
	BIO *bio;

	if (structure != NULL) {
		const bool read = pkcs12_read(certificate, structure, pem, error, error_size);

		PKCS12_free(structure);
		return read;
	}
	bio = bio_of(pem);
	ERR_clear_error();
	certificate->leaf = bio != NULL ? PEM_read_bio_X509(bio, NULL, tux_tls_refuse_passphrase, NULL) : NULL;
	if (certificate->leaf == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		snprintf(error, error_size, "certificate \"%s\": no certificate in PEM (-----BEGIN CERTIFICATE-----), and not PKCS#12", pem->name);
	} else if (certificate->leaf == NULL || !chain_read(bio, certificate)) {
		tls_reason(reason, sizeof(reason));
		snprintf(error, error_size, "certificate \"%s\": malformed: %s", pem->name, reason);
		X509_free(certificate->leaf);
		certificate->leaf = NULL;
	}
	BIO_free(bio);
	return certificate->leaf != NULL;
}

/* Reads the key; shared: its file is that of the certificate. Returns false with a sentence in error. */
static bool key_read(struct tls_certificate *certificate, const struct tls_pem *pem, bool shared, char *error, size_t error_size)
{
	BIO *const bio = bio_of(pem);
	struct passphrase passphrase = { .text = pem->password };
	char reason[160];

	ERR_clear_error();
	certificate->key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &passphrase) : NULL;
	BIO_free(bio);
	if (certificate->key != NULL)
		return true;
	tls_reason(reason, sizeof(reason));
	if (passphrase.asked && pem->password != NULL)
		snprintf(error, error_size, "key \"%s\": the passphrase of key-password-file is wrong", pem->name);
	else if (passphrase.asked)
		snprintf(error, error_size, "key \"%s\": it has a passphrase; set key-password-file in the configuration file", pem->name);
	else if (memmem(pem->text, pem->len, "PRIVATE KEY-----", 16) == NULL)
		snprintf(error, error_size, "key \"%s\": no private key in PEM (-----BEGIN PRIVATE KEY-----)%s", pem->name,
		         shared ? "; set key if it is in another file" : "");
	else
		snprintf(error, error_size, "key \"%s\": malformed: %s", pem->name, reason);
	return false;
}

/* True if the key belongs to one of the certificates after the first one. */
static bool is_of_chain(const struct tls_certificate *certificate)
{
	for (int i = 0; i < sk_X509_num(certificate->chain); i++)
		if (X509_check_private_key(sk_X509_value(certificate->chain, i), certificate->key) == 1)
			return true;
	return false;
}

bool tls_certificate_read(struct tls_certificate *certificate, const struct tls_pem *pem, const struct tls_pem *key, char *error,
                          size_t error_size)
{
	if (!certificates_read(certificate, pem, error, error_size))
		return false;
	if (certificate->key == NULL || strcmp(pem->name, key->name) != 0) { /* else it was in the file of PKCS#12 */
		EVP_PKEY_free(certificate->key);
		certificate->key = NULL;
		if (!key_read(certificate, key, strcmp(pem->name, key->name) == 0, error, error_size))
			return false;
	}
	if (X509_check_private_key(certificate->leaf, certificate->key) == 1)
		return true;
	snprintf(error, error_size, "key \"%s\": it does not belong to certificate \"%s\"%s", key->name, pem->name,
	         is_of_chain(certificate) ? ", but to a later one in the file: put that first" : "");
	ERR_clear_error();
	return false;
}

void tls_key_complete(EVP_PKEY *key)
{
	static const unsigned char nothing[1];
	unsigned char signature[TLS_SIGNATURE_MAX];
	size_t len = sizeof(signature);
	EVP_MD_CTX *const ctx = EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ? EVP_MD_CTX_new() : NULL;

	if (ctx != NULL && EVP_PKEY_get_size(key) <= TLS_SIGNATURE_MAX && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1)
		(void)EVP_DigestSign(ctx, signature, &len, nothing, sizeof(nothing));
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
}

bool tls_certificate_read_remote(struct tls_certificate *certificate, const struct tls_pem *pem, uint32_t number, char *error, size_t error_size)
{
	char reason[160];

	if (!certificates_read(certificate, pem, error, error_size))
		return false;
	certificate->key = tls_remote_key_new(X509_get0_pubkey(certificate->leaf), number);
	if (certificate->key != NULL)
		return true;
	tls_reason(reason, sizeof(reason));
	snprintf(error, error_size, "certificate \"%s\": its key cannot be in a process of its own: %s", pem->name, reason);
	return false;
}

void tls_certificate_free(struct tls_certificate *certificate)
{
	X509_free(certificate->leaf);
	sk_X509_pop_free(certificate->chain, X509_free);
	EVP_PKEY_free(certificate->key);
	*certificate = (struct tls_certificate){ NULL, NULL, NULL };
}

/* Writes a time of a certificate, such as "Nov 29 12:00:00 2026 GMT". */
static void time_write(const ASN1_TIME *time, char *out, size_t out_size)
{
	BIO *const bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (bio != NULL && ASN1_TIME_print(bio, time) == 1)
		len = BIO_read(bio, out, (int)out_size - 1);
	out[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

/* True if the certificate is for a name of a host. For "*.example.org" it is one for a name that ends so. */
static bool is_for(X509 *leaf, const char *name)
{
	const size_t len = strlen(name);
	char text[TUX_MAX_HOST_NAME + 8];

	if (*name == '[')
		snprintf(text, sizeof(text), "%.*s", (int)(len > 2 ? len - 2 : 0), name + 1);
	else
		snprintf(text, sizeof(text), "%s%s", *name == '*' ? "any" : "", name + (*name == '*'));
	return X509_check_host(leaf, text, 0, 0, NULL) == 1 || X509_check_ip_asc(leaf, text, 0) == 1;
}

/* True if the issuers in the file lead to an authority of the system, or to a certificate that signs itself. */
static bool is_complete(const struct tls_certificate *certificate)
{
	X509_STORE *const store = X509_STORE_new();
	X509_STORE_CTX *const context = X509_STORE_CTX_new();
	bool complete = true;

	if (store != NULL && context != NULL && X509_STORE_set_default_paths(store) == 1 &&
	    X509_STORE_CTX_init(context, store, certificate->leaf, certificate->chain) == 1 && X509_verify_cert(context) != 1) {
		const int error = X509_STORE_CTX_get_error(context);

		complete = error != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY && error != X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT &&
		           error != X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return complete;
}

/* Judges the time of validity alone. */
static enum tls_fault time_judge(const struct tls_certificate *certificate, const char *file, char *text, size_t text_size)
{
	const ASN1_TIME *const begin = X509_get0_notBefore(certificate->leaf), *const end = X509_get0_notAfter(certificate->leaf);
	char when[64];

	if (X509_cmp_current_time(end) < 0) {
		time_write(end, when, sizeof(when));
		snprintf(text, text_size, "certificate \"%s\": it expired on %s", file, when);
		return TLS_FAULT_EXPIRED;
	}
	if (X509_cmp_current_time(begin) > 0) {
		time_write(begin, when, sizeof(when));
		snprintf(text, text_size, "certificate \"%s\": it is valid from %s only", file, when);
		return TLS_FAULT_NOT_YET;
	}
	return TLS_FAULT_NONE;
}

static enum tls_fault judge(const struct tls_certificate *certificate, const char *file, char *text, size_t text_size)
{
	const enum tls_fault fault = time_judge(certificate, file, text, text_size);

	if (fault != TLS_FAULT_NONE || is_complete(certificate))
		return fault;
	snprintf(text, text_size, "certificate \"%s\": an issuer is neither in the file nor among the system's authorities: clients may not trust it",
	         file);
	return TLS_FAULT_INCOMPLETE;
}

enum tls_fault tux_tls_certificate_judge(const struct tls_pem *pem, char *text, size_t text_size)
{
	struct tls_certificate certificate = { NULL, NULL, NULL };
	enum tls_fault fault = TLS_FAULT_NONE;

	if (certificates_read(&certificate, pem, text, text_size))
		fault = judge(&certificate, pem->name, text, text_size);
	tls_certificate_free(&certificate);
	ERR_clear_error();
	return fault;
}

enum tls_fault tux_tls_certificate_validity(const struct tls_pem *pem, int64_t *end, char *text, size_t text_size)
{
	struct tls_certificate certificate = { NULL, NULL, NULL };
	enum tls_fault fault = TLS_FAULT_NONE;
	struct tm tm;

	*end = 0;
	if (certificates_read(&certificate, pem, text, text_size)) {
		fault = time_judge(&certificate, pem->name, text, text_size);
		if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.leaf), &tm) == 1)
			*end = (int64_t)timegm(&tm);
	}
	tls_certificate_free(&certificate);
	ERR_clear_error();
	return fault;
}

bool tls_certificate_has_expired(const X509 *certificate)
{
	return X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0;
}

bool tux_tls_certificate_is_for(const struct tls_pem *pem, const char *name)
{
	struct tls_certificate certificate = { NULL, NULL, NULL };
	char error[256];
	const bool fits = certificates_read(&certificate, pem, error, sizeof(error)) && is_for(certificate.leaf, name);

	tls_certificate_free(&certificate);
	return fits;
}
