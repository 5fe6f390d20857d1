/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "x509.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../engine/tls/context.h"
#include "../settings/automatic.h"
#include "schedule.h"

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	SERIAL_BYTES = 16,
};

static bool failed(const char *what, char *error, size_t error_size)
{
	const char *const reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(error, error_size, "cannot make %s: %s", what, reason ? reason : "OpenSSL failed");
	ERR_clear_error();
	return false;
}

/* Copies what was written to a BIO, and frees that. */
static bool bio_take(BIO *bio, struct tux_pem *out)
{
	char *text;
	const long len = BIO_get_mem_data(bio, &text);

	*out = (struct tux_pem){ len >= 0 ? malloc((size_t)len + 1) : NULL, 0 };
	if (out->text) {
		memcpy(out->text, text, (size_t)len);
		out->text[len] = '\0';
		out->len = (size_t)len;
		OPENSSL_cleanse(text, (size_t)len);
	}
	BIO_free(bio);
	return out->text != NULL;
}

/* Writes those that are not NULL. */
static bool pem_write(EVP_PKEY *key, X509 *certificate, X509_REQ *request, struct tux_pem *out)
{
	BIO *const bio = BIO_new(BIO_s_mem());

	if (bio && (!key || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) &&
	    (!certificate || PEM_write_bio_X509(bio, certificate) == 1) && (!request || PEM_write_bio_X509_REQ(bio, request) == 1))
		return bio_take(bio, out);
	BIO_free(bio);
	return false;
}

static X509 *certificate_of(const struct tux_pem *pem)
{
	BIO *const bio = BIO_new_mem_buf(pem->text, (int)pem->len);
	X509 *const certificate = bio ? PEM_read_bio_X509(bio, NULL, tux_tls_refuse_passphrase, NULL) : NULL;

	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *key_of(const struct tux_pem *pem)
{
	BIO *const bio = BIO_new_mem_buf(pem->text, (int)pem->len);
	EVP_PKEY *const key = bio ? PEM_read_bio_PrivateKey(bio, NULL, tux_tls_refuse_passphrase, NULL) : NULL;

	BIO_free(bio);
	return key;
}

/* Writes a name without the brackets of IPv6. */
static void name_write(const char *name, char *out, size_t out_size)
{
	if (*name == '[')
		snprintf(out, out_size, "%.*s", (int)strlen(name) - 2, name + 1);
	else
		snprintf(out, out_size, "%s", name);
}

/* Makes the text of the extension subjectAltName; NULL if out of memory. A certificate for localhost is for its addresses, too, which the start prints. */
static char *alternatives(const struct tux_names *names)
{
	char *text = NULL, name[512];
	size_t len;
	FILE *const out = open_memstream(&text, &len);

	for (unsigned i = 0; out && i < names->count; i++) {
		name_write(names->name[i], name, sizeof(name));
		fprintf(out, "%s%s:%s", i > 0 ? "," : "", tux_name_is_address(names->name[i]) ? "IP" : "DNS", name);
		if (strcmp(name, "localhost") == 0)
			fputs(",IP:127.0.0.1,IP:::1", out);
	}
	if (!out || fclose(out) != 0)
		return NULL;
	return text;
}

static bool extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

/* Gives a certificate its subject, its key, a random serial number, and its time, which began an hour ago, as clocks differ. */
static bool certificate_begin(X509 *certificate, EVP_PKEY *key, const char *common_name, int days)
{
	unsigned char serial[SERIAL_BYTES];
	X509_NAME *const subject = X509_get_subject_name(certificate);
	BIGNUM *number;
	bool done;

	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) && X509_set_version(certificate, 2) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -HOUR) && X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * DAY) &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"TUX", -1, -1, 0) == 1 &&
	       (!common_name || X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1);
	BN_free(number);
	return done;
}

bool tux_key_make(struct tux_pem *key, char *error, size_t error_size)
{
	EVP_PKEY *const made = EVP_EC_gen("P-256");
	const bool done = made && pem_write(made, NULL, NULL, key);

	EVP_PKEY_free(made);
	return done || failed("a key", error, error_size);
}

bool tux_authority_make(struct tux_pem *out, char *error, size_t error_size)
{
	EVP_PKEY *const made = EVP_EC_gen("P-256");
	X509 *const authority = X509_new();
	char machine[65] = "", common_name[64];
	bool done;

	gethostname(machine, sizeof(machine) - 1);
	snprintf(common_name, sizeof(common_name), "TUX authority of %.40s", machine);
	done = made && authority && certificate_begin(authority, made, common_name, TUX_AUTHORITY_DAYS) &&
	       X509_set_issuer_name(authority, X509_get_subject_name(authority)) == 1 &&
	       extend(authority, authority, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       extend(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       extend(authority, authority, NID_subject_key_identifier, "hash") &&
	       extend(authority, authority, NID_name_constraints, tux_internal_names) && X509_sign(authority, made, EVP_sha256()) > 0 &&
	       pem_write(made, authority, NULL, out);
	X509_free(authority);
	EVP_PKEY_free(made);
	return done || failed("an authority", error, error_size);
}

/* Fills in and signs a certificate. issuer is the certificate itself if it signs itself. */
static bool leaf_sign(X509 *leaf, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const char *alternative)
{
	return certificate_begin(leaf, key, NULL, TUX_LEAF_DAYS) && X509_set_issuer_name(leaf, X509_get_subject_name(issuer)) == 1 &&
	       extend(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE") && extend(leaf, issuer, NID_key_usage, "critical,digitalSignature") &&
	       extend(leaf, issuer, NID_ext_key_usage, "serverAuth") && extend(leaf, issuer, NID_subject_key_identifier, "hash") &&
	       (issuer == leaf || extend(leaf, issuer, NID_authority_key_identifier, "keyid")) &&
	       extend(leaf, issuer, NID_subject_alt_name, alternative) && X509_sign(leaf, issuer_key, EVP_sha256()) > 0;
}

bool tux_leaf_make(const struct tux_pem *authority, const struct tux_names *names, struct tux_pem *out, char *error, size_t error_size)
{
	EVP_PKEY *const key = EVP_EC_gen("P-256"), *const issuer_key = authority ? key_of(authority) : key;
	X509 *const leaf = X509_new(), *const issuer = authority ? certificate_of(authority) : leaf;
	char *const alternative = alternatives(names);
	const bool done = key && issuer_key && leaf && issuer && alternative && leaf_sign(leaf, key, issuer, issuer_key, alternative) &&
	                  pem_write(key, leaf, NULL, out);

	free(alternative);
	if (authority) {
		X509_free(issuer);
		EVP_PKEY_free(issuer_key);
	}
	X509_free(leaf);
	EVP_PKEY_free(key);
	return done || failed("a certificate", error, error_size);
}

bool tux_request_make(const struct tux_names *names, struct tux_pem *key, struct tux_pem *request, char *error, size_t error_size)
{
	EVP_PKEY *const made = EVP_EC_gen("P-256");
	X509_REQ *const asked = X509_REQ_new();
	char *const alternative = alternatives(names);
	X509_EXTENSION *const extension = alternative ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative) : NULL;
	STACK_OF(X509_EXTENSION) *const extensions = sk_X509_EXTENSION_new_null();
	const bool done = made && asked && extension && extensions && sk_X509_EXTENSION_push(extensions, extension) > 0 &&
	                  X509_REQ_set_version(asked, 0) == 1 && X509_REQ_set_pubkey(asked, made) == 1 &&
	                  X509_REQ_add_extensions(asked, extensions) == 1 && X509_REQ_sign(asked, made, EVP_sha256()) > 0 &&
	                  pem_write(made, NULL, NULL, key) && pem_write(NULL, NULL, asked, request);

	sk_X509_EXTENSION_free(extensions);
	X509_EXTENSION_free(extension);
	free(alternative);
	X509_REQ_free(asked);
	EVP_PKEY_free(made);
	return done || failed("a request for a certificate", error, error_size);
}

/* Adds the extension acmeIdentifier: a critical one with the digest as an octet string. */
static bool identify_challenge(X509 *leaf, const uint8_t digest[TUX_CHALLENGE_DIGEST])
{
	unsigned char der[2 + TUX_CHALLENGE_DIGEST] = { V_ASN1_OCTET_STRING, TUX_CHALLENGE_DIGEST };
	ASN1_OBJECT *const name = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	ASN1_OCTET_STRING *const value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	bool added;

	memcpy(der + 2, digest, TUX_CHALLENGE_DIGEST);
	if (name && value && ASN1_OCTET_STRING_set(value, der, sizeof(der)) == 1)
		extension = X509_EXTENSION_create_by_OBJ(NULL, name, 1, value);
	added = extension && X509_add_ext(leaf, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(name);
	return added;
}

bool tux_challenge_make(const char *name, const uint8_t digest[TUX_CHALLENGE_DIGEST], uint8_t *out, size_t out_size, size_t *len)
{
	const struct tux_names names = { &name, 1 };
	EVP_PKEY *const key = EVP_EC_gen("P-256");
	X509 *const leaf = X509_new();
	char *const alternative = alternatives(&names);
	bool done = key && leaf && alternative && leaf_sign(leaf, key, leaf, key, alternative) && identify_challenge(leaf, digest) &&
	            X509_sign(leaf, key, EVP_sha256()) > 0;
	const int leaf_len = done ? i2d_X509(leaf, NULL) : -1, key_len = done ? i2d_PrivateKey(key, NULL) : -1;
	unsigned char *at = out;

	*len = 0;
	done = leaf_len > 0 && key_len > 0 && (size_t)leaf_len <= out_size && (size_t)key_len <= out_size - (size_t)leaf_len;
	if (done) {
		i2d_X509(leaf, &at);
		i2d_PrivateKey(key, &at);
		*len = (size_t)leaf_len + (size_t)key_len;
	}
	free(alternative);
	X509_free(leaf);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return done;
}

/* Returns a time as seconds since 1970, or 0 if it is malformed. */
static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static bool has_name(X509 *certificate, const char *name)
{
	char text[512];

	name_write(name, text, sizeof(text));
	if (tux_name_is_address(name))
		return X509_check_ip_asc(certificate, text, 0) == 1;
	if (*text == '*') /* no name is checked against "*.example.org" but one that it stands for */
		memcpy(text, "a", 1);
	return X509_check_host(certificate, text, 0, 0, NULL) == 1;
}

bool tux_certificate_examine(const struct tux_pem *pem, const struct tux_names *names, const struct tux_pem *authority, struct tux_certificate_facts *facts)
{
	X509 *const certificate = certificate_of(pem), *const issuer = authority ? certificate_of(authority) : NULL;
	EVP_PKEY *const key = key_of(pem);
	const bool found = certificate != NULL;

	*facts = (struct tux_certificate_facts){ .has_names = true };
	if (found) {
		facts->begin = seconds_of(X509_get0_notBefore(certificate));
		facts->end = seconds_of(X509_get0_notAfter(certificate));
		facts->has_key = key && X509_check_private_key(certificate, key) == 1;
		facts->signed_by = issuer && X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
	}
	for (unsigned i = 0; found && i < names->count; i++)
		facts->has_names = facts->has_names && has_name(certificate, names->name[i]);
	EVP_PKEY_free(key);
	X509_free(issuer);
	X509_free(certificate);
	ERR_clear_error();
	return found;
}

bool tux_certificate_is_usable(const struct tux_pem *pem, char *error, size_t error_size)
{
	const struct tls_pem both = { "certificate", pem->text, pem->len };
	struct tls_context *const context = tux_tls_context_new(TUX_TLS_INTERMEDIATE, NULL, error, error_size);
	const bool usable = context && tux_tls_context_add(context, &both, &both, error, error_size);

	tux_tls_context_free(context);
	return usable;
}

bool tux_certificate_copy(const struct tux_pem *pem, struct tux_pem *out)
{
	X509 *const certificate = certificate_of(pem);
	const bool done = certificate && pem_write(NULL, certificate, NULL, out);

	X509_free(certificate);
	ERR_clear_error();
	return done;
}

bool tux_certificate_fingerprint(const struct tux_pem *pem, char out[96])
{
	X509 *const certificate = certificate_of(pem);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const bool found = certificate && X509_digest(certificate, EVP_sha256(), digest, &len) == 1;

	out[0] = '\0';
	for (unsigned i = 0; found && i < len && i < 32; i++)
		snprintf(out + 3 * i, 4, "%02X%s", digest[i], i + 1 < len ? ":" : "");
	X509_free(certificate);
	ERR_clear_error();
	return found;
}

bool tux_certificate_is_due(const struct tux_certificate_facts *facts, int64_t now)
{
	return now < facts->begin || now >= tux_schedule_due(facts->begin, facts->end);
}
