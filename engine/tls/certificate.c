/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "certificate.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../core/host.h"

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

/* Reports that a key has a passphrase. Without this function OpenSSL would ask at the terminal. */
static int refuse_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static BIO *bio_of(const struct tls_pem *pem)
{
	return pem->len <= INT_MAX ? BIO_new_mem_buf(pem->text, (int)pem->len) : NULL;
}

/* Reads all certificates after the first one. Returns false if one is malformed. */
static bool chain_read(BIO *bio, struct tls_certificate *certificate)
{
	bool asked = false;
	X509 *one;

	while ((one = PEM_read_bio_X509(bio, NULL, refuse_passphrase, &asked)) != NULL) {
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

static bool certificates_read(struct tls_certificate *certificate, const struct tls_pem *pem, char *error, size_t error_size)
{
	BIO *const bio = bio_of(pem);
	bool asked = false;
	char reason[160];

	ERR_clear_error();
	certificate->leaf = bio != NULL ? PEM_read_bio_X509(bio, NULL, refuse_passphrase, &asked) : NULL;
	if (certificate->leaf == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		snprintf(error, error_size, "certificate \"%s\": no certificate in PEM (-----BEGIN CERTIFICATE-----)", pem->name);
	} else if (certificate->leaf == NULL || !chain_read(bio, certificate)) {
		tls_reason(reason, sizeof(reason));
		snprintf(error, error_size, "certificate \"%s\": malformed: %s", pem->name, reason);
		X509_free(certificate->leaf);
		certificate->leaf = NULL;
	}
	BIO_free(bio);
	return certificate->leaf != NULL;
}

static bool key_read(struct tls_certificate *certificate, const struct tls_pem *pem, char *error, size_t error_size)
{
	BIO *const bio = bio_of(pem);
	bool asked = false;
	char reason[160];

	ERR_clear_error();
	certificate->key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked) : NULL;
	BIO_free(bio);
	if (certificate->key != NULL)
		return true;
	tls_reason(reason, sizeof(reason));
	if (asked)
		snprintf(error, error_size, "key \"%s\": it has a passphrase; remove it with: openssl pkey -in FILE -out FILE", pem->name);
	else if (memmem(pem->text, pem->len, "PRIVATE KEY-----", 16) == NULL)
		snprintf(error, error_size, "key \"%s\": no private key in PEM (-----BEGIN PRIVATE KEY-----)", pem->name);
	else
		snprintf(error, error_size, "key \"%s\": malformed: %s", pem->name, reason);
	return false;
}

bool tls_certificate_read(struct tls_certificate *certificate, const struct tls_pem *pem, const struct tls_pem *key, char *error,
                          size_t error_size)
{
	if (!certificates_read(certificate, pem, error, error_size) || !key_read(certificate, key, error, error_size))
		return false;
	if (X509_check_private_key(certificate->leaf, certificate->key) == 1)
		return true;
	ERR_clear_error();
	snprintf(error, error_size, "key \"%s\": it does not belong to certificate \"%s\"", key->name, pem->name);
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

static enum tls_fault judge(const struct tls_certificate *certificate, const char *file, char *text, size_t text_size)
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
	if (is_complete(certificate))
		return TLS_FAULT_NONE;
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

int64_t tux_tls_certificate_end(const struct tls_pem *pem)
{
	struct tls_certificate certificate = { NULL, NULL, NULL };
	char error[256];
	struct tm tm;
	int64_t end = 0;

	if (certificates_read(&certificate, pem, error, sizeof(error)) && ASN1_TIME_to_tm(X509_get0_notAfter(certificate.leaf), &tm) == 1)
		end = (int64_t)timegm(&tm);
	tls_certificate_free(&certificate);
	return end;
}

bool tux_tls_certificate_is_for(const struct tls_pem *pem, const char *name)
{
	struct tls_certificate certificate = { NULL, NULL, NULL };
	char error[256];
	const bool fits = certificates_read(&certificate, pem, error, sizeof(error)) && is_for(certificate.leaf, name);

	tls_certificate_free(&certificate);
	return fits;
}
