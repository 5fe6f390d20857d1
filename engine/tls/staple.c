/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "staple.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../io/error_log.h"
#include "../io/print.h"

enum { CLOCK_SECONDS = 300 }; /* by which clocks of authorities may differ */

struct tls_staple {
	struct tls_staple *next;
	const X509 *leaf; /* the context's */
	char *name;       /* of the file */
	bool told;        /* atomic: the error log says that it has expired */
	int64_t end;      /* seconds since 1970 */
	size_t len;
	uint8_t der[];
};

/* Returns a copy of the response for a certificate, for OpenSSL to free; NULL: none is sent. */
static uint8_t *copy_for(struct tls_staple *staple, const X509 *leaf, size_t *len)
{
	char text[SAY_BYTES];
	size_t n;

	while (staple != NULL && staple->leaf != leaf)
		staple = staple->next;
	if (staple == NULL)
		return NULL;
	*len = staple->len;
	if (time(NULL) < staple->end)
		return OPENSSL_memdup(staple->der, staple->len);
	if (!__atomic_exchange_n(&staple->told, true, __ATOMIC_RELAXED)) {
		n = print(text, sizeof(text), "\"%s\": it has expired, so clients do not get it any more", staple->name);
		(void)say("ocsp", text, (uint32_t)n);
	}
	return NULL;
}

/* Gives OpenSSL the response for the certificate of a connection whose client wants one. */
static int give_response(SSL *ssl, void *owner)
{
	const struct tls_context *context = owner;
	size_t len;
	uint8_t *copy = copy_for(context->staples, SSL_get_certificate(ssl), &len);

	if (copy == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)len) == 1)
		return SSL_TLSEXT_ERR_OK;
	OPENSSL_free(copy);
	return SSL_TLSEXT_ERR_NOACK;
}

/* True if a response names a certificate: its number, and its issuer by hashes of its name and, if the issuer is known, of its key. */
static bool is_for(const OCSP_SINGLERESP *single, const X509 *leaf, const X509 *issuer)
{
	OCSP_CERTID *const id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
	ASN1_OCTET_STRING *name, *key;
	ASN1_INTEGER *number;
	ASN1_OBJECT *kind;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	OCSP_CERTID *own;
	bool same;

	if (OCSP_id_get0_info(&name, &kind, &key, &number, id) != 1 || ASN1_INTEGER_cmp(number, X509_get0_serialNumber(leaf)) != 0)
		return false;
	if (EVP_get_digestbyobj(kind) == NULL || X509_NAME_digest(X509_get_issuer_name(leaf), EVP_get_digestbyobj(kind), hash, &len) != 1 ||
	    (int)len != ASN1_STRING_length(name) || memcmp(hash, ASN1_STRING_get0_data(name), len) != 0)
		return false;
	if (issuer == NULL)
		return true;
	own = OCSP_cert_to_id(EVP_get_digestbyobj(kind), leaf, issuer);
	same = own != NULL && OCSP_id_cmp(own, id) == 0;
	OCSP_CERTID_free(own);
	return same;
}

/* Returns the part of a response about a certificate; NULL: it has none. */
static OCSP_SINGLERESP *find(OCSP_BASICRESP *basic, const X509 *leaf, const X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++)
		if (is_for(OCSP_resp_get0(basic, i), leaf, issuer))
			return OCSP_resp_get0(basic, i);
	return NULL;
}

/* True if the response is signed by the issuer, or with a certificate that the issuer gave out for responses. */
static bool is_signed(OCSP_BASICRESP *basic, X509 *issuer, STACK_OF(X509) *chain)
{
	X509_STORE *const store = X509_STORE_new();
	const bool verified = store != NULL && X509_STORE_add_cert(store, issuer) == 1 && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	                      OCSP_basic_verify(basic, chain, store, 0) == 1;

	X509_STORE_free(store);
	return verified;
}

/* Judges a response. Returns NULL and sets the time of its end, or returns what is wrong. */
static const char *judge(OCSP_BASICRESP *basic, X509 *leaf, STACK_OF(X509) *chain, int64_t *end)
{
	X509 *const issuer = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
	OCSP_SINGLERESP *const single = basic != NULL ? find(basic, leaf, issuer) : NULL;
	ASN1_GENERALIZEDTIME *revoked, *from, *until;
	int reason, status;
	struct tm tm;

	if (basic == NULL)
		return "it is no successful OCSP response in DER";
	if (single == NULL)
		return "it is not for the certificate";
	if (issuer != NULL && !is_signed(basic, issuer, chain))
		return "the issuer of the certificate has not signed it";
	status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return status == V_OCSP_CERTSTATUS_REVOKED ? "the certificate is revoked" : "the authority does not know the certificate";
	if (until != NULL && X509_cmp_current_time(until) < 0)
		return "it has expired";
	if (OCSP_check_validity(from, until, CLOCK_SECONDS, -1) != 1)
		return "it is not valid yet";
	*end = INT64_MAX;
	if (until != NULL && ASN1_TIME_to_tm(until, &tm) == 1)
		*end = (int64_t)timegm(&tm);
	return NULL;
}

/* Adds a response to a context. Returns false if out of memory. */
static bool add(struct tls_context *context, const X509 *leaf, const struct tls_pem *response, int64_t end)
{
	struct tls_staple *staple = calloc(1, sizeof(*staple) + response->len);

	if (staple == NULL || (staple->name = strdup(response->name)) == NULL) {
		free(staple);
		return false;
	}
	staple->leaf = leaf;
	staple->end = end;
	staple->len = response->len;
	memcpy(staple->der, response->text, response->len);
	staple->next = context->staples;
	context->staples = staple;
	SSL_CTX_set_tlsext_status_cb(context->ssl_ctx, give_response);
	SSL_CTX_set_tlsext_status_arg(context->ssl_ctx, context);
	return true;
}

bool tux_tls_context_staple(struct tls_context *context, const struct tls_pem *response, char *error, size_t error_size)
{
	const unsigned char *at = response->text;
	OCSP_RESPONSE *const whole = response->len <= LONG_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)response->len) : NULL;
	const bool successful = whole != NULL && at == (const unsigned char *)response->text + response->len &&
	                        OCSP_response_status(whole) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
	OCSP_BASICRESP *const basic = successful ? OCSP_response_get1_basic(whole) : NULL;
	X509 *const leaf = SSL_CTX_get0_certificate(context->ssl_ctx);
	STACK_OF(X509) *chain = NULL;
	const char *fault;
	int64_t end = 0;

	SSL_CTX_get0_chain_certs(context->ssl_ctx, &chain);
	fault = judge(basic, leaf, chain, &end);
	if (fault == NULL && !add(context, leaf, response, end))
		fault = "no memory";
	if (fault != NULL)
		snprintf(error, error_size, "ocsp \"%s\": %s", response->name, fault);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(whole);
	ERR_clear_error();
	return fault == NULL;
}

void tls_staples_free(struct tls_context *context)
{
	while (context->staples != NULL) {
		struct tls_staple *staple = context->staples;

		context->staples = staple->next;
		free(staple->name);
		free(staple);
	}
}
