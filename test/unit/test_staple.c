/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP responses for certificates: each fault of one is found before clients get it. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../engine/tls/staple.h"

enum { DAY = 86400 };

/* A certificate with its key. */
struct pair {
	X509 *certificate;
	EVP_PKEY *key;
};

/* A response to be made. */
struct wanted {
	const struct pair *of, *issuer, *signer;
	int status;
	int from_s, until_s; /* from now on; 0 for until_s: no end */
};

static struct pair authority, stranger, leaf, other;

static struct pair make(const char *name, long serial, const struct pair *issuer)
{
	struct pair made = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *const subject = X509_get_subject_name(made.certificate);

	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0), 1);
	X509_set_version(made.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), DAY);
	X509_set_pubkey(made.certificate, made.key);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer ? issuer->certificate : made.certificate));
	assert_true(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
	return made;
}

static int open_pairs(void **state)
{
	(void)state;
	authority = make("authority", 1, NULL);
	stranger = make("authority", 1, NULL); /* of the same name, with another key */
	leaf = make("leaf", 7, &authority);
	other = make("other", 8, &authority);
	return 0;
}

static int close_pairs(void **state)
{
	struct pair *const all[] = { &authority, &stranger, &leaf, &other };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		X509_free(all[i]->certificate);
		EVP_PKEY_free(all[i]->key);
	}
	return 0;
}

/* Returns the bytes of a response in DER, and their number. */
static unsigned char *response_of(const struct wanted *wanted, size_t *len)
{
	OCSP_BASICRESP *const basic = OCSP_BASICRESP_new();
	OCSP_CERTID *const id = OCSP_cert_to_id(EVP_sha1(), wanted->of->certificate, wanted->issuer->certificate);
	ASN1_TIME *const from = X509_gmtime_adj(NULL, wanted->from_s), *const revoked = X509_gmtime_adj(NULL, -DAY);
	ASN1_TIME *const until = wanted->until_s != 0 ? X509_gmtime_adj(NULL, wanted->until_s) : NULL;
	unsigned char *der = NULL;
	OCSP_RESPONSE *response;
	int bytes;

	assert_non_null(OCSP_basic_add1_status(basic, id, wanted->status, OCSP_REVOKED_STATUS_NOSTATUS, revoked, from, until));
	assert_int_equal(OCSP_basic_sign(basic, wanted->signer->certificate, wanted->signer->key, EVP_sha256(), NULL, 0), 1);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	bytes = i2d_OCSP_RESPONSE(response, &der);
	assert_true(bytes > 0);
	*len = (size_t)bytes;
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	ASN1_TIME_free(revoked);
	return der;
}

/* Returns a context with the certificate, and its issuer if that is wanted. */
static struct tls_context *context_of(bool with_issuer)
{
	char error[256], *text;
	struct tls_context *const context = tux_tls_context_new(TUX_TLS_INTERMEDIATE, NULL, error, sizeof(error));
	BIO *const bio = BIO_new(BIO_s_mem());
	struct tls_pem pem = { .name = "leaf.pem" };

	PEM_write_bio_X509(bio, leaf.certificate);
	if (with_issuer)
		PEM_write_bio_X509(bio, authority.certificate);
	PEM_write_bio_PrivateKey(bio, leaf.key, NULL, NULL, 0, NULL, NULL);
	pem.len = (size_t)BIO_get_mem_data(bio, &text);
	pem.text = text;
	assert_true(context && tux_tls_context_add(context, &pem, &pem, error, sizeof(error)));
	BIO_free(bio);
	return context;
}

/* Staples a response. Returns what is wrong with it; "": nothing. */
static const char *fault_of_bytes(const unsigned char *der, size_t len, bool with_issuer)
{
	static char error[256];
	struct tls_context *const context = context_of(with_issuer);
	const struct tls_pem pem = { .name = "file", .text = der, .len = len };

	error[0] = '\0';
	if (tux_tls_context_staple(context, &pem, error, sizeof(error)))
		assert_non_null(context->staples);
	else
		assert_null(context->staples);
	tux_tls_context_free(context);
	return error;
}

static const char *fault_of(const struct wanted *wanted, bool with_issuer)
{
	size_t len;
	unsigned char *const der = response_of(wanted, &len);
	const char *const fault = fault_of_bytes(der, len, with_issuer);

	OPENSSL_free(der);
	return fault;
}

static const struct wanted good = { &leaf, &authority, &authority, V_OCSP_CERTSTATUS_GOOD, -DAY, DAY };

static void test_good_response(void **state)
{
	struct wanted endless = good;

	(void)state;
	assert_string_equal(fault_of(&good, true), "");
	assert_string_equal(fault_of(&good, false), "");
	endless.until_s = 0;
	assert_string_equal(fault_of(&endless, true), "");
}

static void test_response_for_another_certificate(void **state)
{
	struct wanted wanted = good;

	(void)state;
	wanted.of = &other;
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": it is not for the certificate");
	assert_string_equal(fault_of(&wanted, false), "ocsp \"file\": it is not for the certificate");
	wanted = good;
	wanted.issuer = wanted.signer = &stranger;
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": it is not for the certificate");
}

static void test_status_of_the_certificate(void **state)
{
	struct wanted wanted = good;

	(void)state;
	wanted.status = V_OCSP_CERTSTATUS_REVOKED;
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": the certificate is revoked");
	wanted.status = V_OCSP_CERTSTATUS_UNKNOWN;
	assert_string_equal(fault_of(&wanted, false), "ocsp \"file\": the authority does not know the certificate");
}

static void test_time_of_the_response(void **state)
{
	struct wanted wanted = good;

	(void)state;
	wanted.until_s = -600;
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": it has expired");
	wanted.until_s = -5; /* no leeway: no client would accept it */
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": it has expired");
	wanted.from_s = 3600;
	wanted.until_s = DAY;
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": it is not valid yet");
}

static void test_signature_of_another_authority(void **state)
{
	struct wanted wanted = good;

	(void)state;
	wanted.signer = &stranger;
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": the issuer of the certificate has not signed it");
	wanted.signer = &other; /* a certificate of the same issuer that may not sign responses */
	assert_string_equal(fault_of(&wanted, true), "ocsp \"file\": the issuer of the certificate has not signed it");
}

static void test_other_bytes(void **state)
{
	size_t len;
	unsigned char *const der = response_of(&good, &len);
	unsigned char more[4096];
	OCSP_RESPONSE *const later = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
	unsigned char *failed = NULL;
	const int failed_len = i2d_OCSP_RESPONSE(later, &failed);

	(void)state;
	for (size_t cut = 0; cut < len; cut += 7)
		assert_string_equal(fault_of_bytes(der, cut, true), "ocsp \"file\": it is no successful OCSP response in DER");
	assert_true(len < sizeof(more));
	memcpy(more, der, len);
	more[len] = 0;
	assert_string_equal(fault_of_bytes(more, len + 1, true), "ocsp \"file\": it is no successful OCSP response in DER");
	assert_string_equal(fault_of_bytes(failed, (size_t)failed_len, true), "ocsp \"file\": it is no successful OCSP response in DER");
	for (size_t i = 0; i < len; i += 3) {
		more[i] ^= 1;
		(void)fault_of_bytes(more, len, i % 2 == 0); /* of use under sanitizers */
		more[i] ^= 1;
	}
	OPENSSL_free(failed);
	OCSP_RESPONSE_free(later);
	OPENSSL_free(der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_response),
		cmocka_unit_test(test_response_for_another_certificate),
		cmocka_unit_test(test_status_of_the_certificate),
		cmocka_unit_test(test_time_of_the_response),
		cmocka_unit_test(test_signature_of_another_authority),
		cmocka_unit_test(test_other_bytes),
	};

	return cmocka_run_group_tests(tests, open_pairs, close_pairs);
}
