/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remote_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/proverr.h>
#include <openssl/rsa.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signer.h"

#define PROVIDER "tux"
#define NUMBER "tux-number" /* parameter: the number of a key */

/* The data of a key of OpenSSL: its public part, and its number in the process that holds the private part. */
struct remote {
	const char *kind; /* name of OpenSSL's, such as "EC" */
	EVP_PKEY *public; /* NULL until remote_import() */
	uint32_t number;
};

/* A signature that is being made. */
struct signing {
	const struct remote *key;
	enum tls_sign_hash hash;
	bool pss;
};

static OSSL_LIB_CTX *context; /* of the provider */

/* Management of keys */

static struct remote *remote_new(const char *kind)
{
	struct remote *remote = calloc(1, sizeof(*remote));

	if (remote != NULL)
		remote->kind = kind;
	return remote;
}

static void *new_rsa(void *provider)
{
	(void)provider;
	return remote_new("RSA");
}

static void *new_rsa_pss(void *provider)
{
	(void)provider;
	return remote_new("RSA-PSS");
}

static void *new_ec(void *provider)
{
	(void)provider;
	return remote_new("EC");
}

static void *new_ed25519(void *provider)
{
	(void)provider;
	return remote_new("ED25519");
}

static void *new_ed448(void *provider)
{
	(void)provider;
	return remote_new("ED448");
}

static void remote_free(void *data)
{
	struct remote *remote = data;

	if (remote != NULL)
		EVP_PKEY_free(remote->public);
	free(remote);
}

/* Says that a key has all parts, also the private one, which is in the other process. */
static int remote_has(const void *data, int selection)
{
	(void)selection;
	return ((const struct remote *)data)->public != NULL;
}

/* Compares the public parts, as when a certificate is set. */
static int remote_match(const void *one, const void *other, int selection)
{
	const struct remote *const a = one, *const b = other;

	(void)selection;
	return a->public != NULL && b->public != NULL && EVP_PKEY_eq(a->public, b->public) == 1;
}

/* Imports a public part, and the number. The key of a certificate, which OpenSSL only compares, has no number. */
static int remote_import(void *data, int selection, const OSSL_PARAM params[])
{
	struct remote *remote = data;
	const OSSL_PARAM *number = OSSL_PARAM_locate_const(params, NUMBER);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, remote->kind, NULL);
	EVP_PKEY *public = NULL;
	const bool made = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	                  EVP_PKEY_fromdata(ctx, &public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params) == 1 &&
	                  (number == NULL || OSSL_PARAM_get_uint32(number, &remote->number) == 1);

	EVP_PKEY_CTX_free(ctx);
	if (!made) {
		EVP_PKEY_free(public);
		return 0;
	}
	EVP_PKEY_free(remote->public);
	remote->public = public;
	return 1;
}

static int remote_get_params(void *data, OSSL_PARAM params[])
{
	return EVP_PKEY_get_params(((struct remote *)data)->public, params);
}

static const OSSL_PARAM *importable(int selection)
{
	static const OSSL_PARAM all[] = { OSSL_PARAM_uint32(NUMBER, NULL), OSSL_PARAM_END };

	(void)selection;
	return all;
}

static const OSSL_PARAM *gettable(void *provider)
{
	static const OSSL_PARAM all[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL), OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0), OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return all;
}

static const char *operation_of_ec(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *operation_of_rsa(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

#define FUNCTION(number, name) { number, (void (*)(void))(name) }
#define MANAGEMENT                                                                                                                             \
	FUNCTION(OSSL_FUNC_KEYMGMT_FREE, remote_free), FUNCTION(OSSL_FUNC_KEYMGMT_HAS, remote_has), FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, remote_match), \
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, remote_import), FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, importable),                                     \
	FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, remote_get_params), FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable)

static const OSSL_DISPATCH keys_rsa[] = {
	MANAGEMENT, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_rsa), FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_of_rsa), { 0, NULL },
};
static const OSSL_DISPATCH keys_rsa_pss[] = {
	MANAGEMENT, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_rsa_pss), FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_of_rsa), { 0, NULL },
};
static const OSSL_DISPATCH keys_ec[] = {
	MANAGEMENT, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_ec), FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_of_ec), { 0, NULL },
};
static const OSSL_DISPATCH keys_ed25519[] = { MANAGEMENT, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_ed25519), { 0, NULL } };
static const OSSL_DISPATCH keys_ed448[] = { MANAGEMENT, FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_ed448), { 0, NULL } };

/* Signatures */

static void *signing_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return calloc(1, sizeof(struct signing));
}

static void signing_free(void *data)
{
	free(data);
}

/* Returns the hash of a name of OpenSSL's. */
static enum tls_sign_hash hash_of(const char *name)
{
	static const struct {
		const char *name;
		enum tls_sign_hash hash;
	} names[] = {
		{ "SHA2-256", TLS_SIGN_SHA256 }, { "SHA2-384", TLS_SIGN_SHA384 }, { "SHA2-512", TLS_SIGN_SHA512 }, { "SHA2-224", TLS_SIGN_SHA224 },
		{ "SHA256", TLS_SIGN_SHA256 }, { "SHA384", TLS_SIGN_SHA384 }, { "SHA512", TLS_SIGN_SHA512 }, { "SHA224", TLS_SIGN_SHA224 },
	};

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i].name) == 0)
			return names[i].hash;
	return TLS_SIGN_HASH_NONE;
}

/* Sets the padding: for PSS a salt as long as the digest, which is the only one of TLS. Returns 0 for another. */
static int signing_set_params(void *data, const OSSL_PARAM params[])
{
	struct signing *signing = data;
	const OSSL_PARAM *const mode = params != NULL ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
	const OSSL_PARAM *const salt = params != NULL ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) : NULL;
	const char *text = NULL;
	int number = 0;

	if (mode != NULL && mode->data_type == OSSL_PARAM_UTF8_STRING) {
		text = mode->data;
		number = text != NULL && strcmp(text, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0 ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
	} else if (mode != NULL && OSSL_PARAM_get_int(mode, &number) != 1) {
		return 0;
	}
	if (mode != NULL && number != RSA_PKCS1_PSS_PADDING && number != RSA_PKCS1_PADDING)
		return 0;
	if (mode != NULL)
		signing->pss = number == RSA_PKCS1_PSS_PADDING;
	if (salt == NULL)
		return 1;
	if (salt->data_type == OSSL_PARAM_UTF8_STRING)
		return salt->data != NULL && strcmp(salt->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
	return OSSL_PARAM_get_int(salt, &number) == 1 && number == RSA_PSS_SALTLEN_DIGEST;
}

static const OSSL_PARAM *settable(void *data, void *provider)
{
	static const OSSL_PARAM all[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0), OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)data;
	(void)provider;
	return all;
}

/* True if a key permits a digest: one of RSASSA-PSS may be for one alone (RFC 4055 3.1), and OpenSSL then offers clients no other. */
static bool permits(const struct remote *key, const char *digest)
{
	EVP_MD_CTX *ctx;
	bool can;

	if (strcmp(key->kind, "RSA-PSS") != 0)
		return true;
	ctx = EVP_MD_CTX_new();
	can = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key->public, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return can;
}

static int signing_begin(void *data, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *signing = data;

	if (!permits(key, digest))
		return 0;
	signing->key = key;
	signing->hash = hash_of(digest);
	signing->pss = strcmp(signing->key->kind, "RSA-PSS") == 0;
	return signing_set_params(signing, params);
}

/* Returns the scheme of a signature; 0 for one that TLS does not have. */
static uint16_t scheme_of(const struct signing *signing)
{
	const char *const kind = signing->key->kind;

	if (strcmp(kind, "ED25519") == 0)
		return TLS_SCHEME_ED25519;
	if (strcmp(kind, "ED448") == 0)
		return TLS_SCHEME_ED448;
	if (signing->hash == TLS_SIGN_HASH_NONE || (signing->pss && signing->hash < TLS_SIGN_SHA256))
		return 0;
	if (strcmp(kind, "EC") == 0)
		return (uint16_t)(signing->hash << 8 | TLS_SCHEME_ECDSA);
	if (!signing->pss)
		return (uint16_t)(signing->hash << 8 | TLS_SCHEME_RSA);
	return (uint16_t)((strcmp(kind, "RSA") == 0 ? TLS_SCHEME_PSS_SHA256 : TLS_SCHEME_PSS_PSS_SHA256) + signing->hash - TLS_SIGN_SHA256);
}

/*
 * Returns a request with a text, or with its digest if it is the whole handshake of a client of TLS 1.2 and the scheme has one. Returns NULL after
 * raising an error. Free it.
 */
static struct tls_sign_request *request_new(const struct signing *signing, const unsigned char *text, size_t len)
{
	static const char *const names[] = {
		[TLS_SIGN_SHA224] = "SHA2-224", [TLS_SIGN_SHA256] = "SHA2-256", [TLS_SIGN_SHA384] = "SHA2-384", [TLS_SIGN_SHA512] = "SHA2-512",
	};
	const uint16_t scheme = scheme_of(signing);
	const enum tls_sign_hash hash = tls_sign_hash_of(scheme);
	const bool digested = len > TLS_SIGN_MAX && hash != TLS_SIGN_HASH_NONE;
	const size_t bytes = digested ? tls_sign_digest_bytes(hash) : len;
	struct tls_sign_request *request = NULL;

	if (scheme == 0 || bytes > TLS_SIGN_LONG_MAX) {
		ERR_raise(ERR_LIB_PROV, scheme == 0 ? PROV_R_INVALID_DIGEST : PROV_R_INVALID_INPUT_LENGTH);
		return NULL;
	}
	request = calloc(1, tls_sign_request_bytes((uint32_t)bytes));
	if (request == NULL) {
		ERR_raise(ERR_LIB_PROV, ERR_R_MALLOC_FAILURE);
		return NULL;
	}
	request->key = signing->key->number;
	request->scheme = scheme;
	request->len = (uint16_t)bytes;
	if (!digested) {
		memcpy((uint8_t *)request + offsetof(struct tls_sign_request, text), text, len);
	} else if (EVP_Q_digest(NULL, names[hash], NULL, text, len, request->text, NULL) != 1) {
		free(request);
		return NULL;
	}
	return request;
}

static int signing_do(void *data, unsigned char *signature, size_t *len, size_t room, const unsigned char *text, size_t text_len)
{
	const struct signing *const signing = data;
	struct tls_sign_request *request;
	struct tls_sign_reply reply;
	bool signs;

	*len = (size_t)EVP_PKEY_get_size(signing->key->public);
	if (signature == NULL)
		return 1;
	request = request_new(signing, text, text_len);
	signs = request != NULL && tls_signer_ask(request, &reply);
	free(request);
	if (!signs)
		return 0;
	if (reply.len > room) {
		ERR_raise(ERR_LIB_PROV, PROV_R_OUTPUT_BUFFER_TOO_SMALL);
		return 0;
	}
	memcpy(signature, reply.signature, reply.len);
	*len = reply.len;
	return 1;
}

static const OSSL_DISPATCH signatures[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new), FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_begin), FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_do),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_params), FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable), { 0, NULL },
};

/* The provider. The names are those of OpenSSL's own, by which TLS knows the kind of a key. */

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const char property[] = "provider=" PROVIDER;
	static const OSSL_ALGORITHM keys[] = {
		{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", property, keys_rsa, NULL },
		{ "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", property, keys_rsa_pss, NULL },
		{ "EC:id-ecPublicKey:1.2.840.10045.2.1", property, keys_ec, NULL },
		{ "ED25519:1.3.101.112", property, keys_ed25519, NULL },
		{ "ED448:1.3.101.113", property, keys_ed448, NULL },
		{ NULL, NULL, NULL, NULL },
	};
	static const OSSL_ALGORITHM signers[] = {
		{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", property, signatures, NULL },
		{ "ECDSA", property, signatures, NULL },
		{ "ED25519:1.3.101.112", property, signatures, NULL },
		{ "ED448:1.3.101.113", property, signatures, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signers : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH functions[] = { FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), { 0, NULL } };

	(void)in;
	*out = functions;
	*provider = (void *)(uintptr_t)handle;
	return 1;
}

/* Returns the provider's context; NULL after an error of OpenSSL. */
static OSSL_LIB_CTX *context_get(void)
{
	OSSL_LIB_CTX *made;

	if (context != NULL)
		return context;
	made = OSSL_LIB_CTX_new();
	if (made != NULL && OSSL_PROVIDER_add_builtin(made, PROVIDER, provider_init) == 1 && OSSL_PROVIDER_load(made, PROVIDER) != NULL) {
		context = made;
		return made;
	}
	OSSL_LIB_CTX_free(made);
	return NULL;
}

/* Returns the name that the provider has for a kind of keys; NULL for another kind. */
static const char *kind_of(const EVP_PKEY *key)
{
	static const char *const kinds[] = { "RSA", "RSA-PSS", "EC", "ED25519", "ED448" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_is_a(key, kinds[i]))
			return kinds[i];
	return NULL;
}

bool tls_remote_key_is_possible(const EVP_PKEY *key)
{
	const OSSL_PROVIDER *const provider = EVP_PKEY_get0_provider(key);
	const char *const name = provider != NULL ? OSSL_PROVIDER_get0_name(provider) : "default";

	return kind_of(key) != NULL && (strcmp(name, "default") == 0 || strcmp(name, "fips") == 0);
}

EVP_PKEY *tls_remote_key_new(const EVP_PKEY *public, uint32_t number)
{
	const OSSL_PARAM numbered[] = { OSSL_PARAM_construct_uint32(NUMBER, &number), OSSL_PARAM_construct_end() };
	EVP_PKEY_CTX *const ctx = context_get() != NULL ? EVP_PKEY_CTX_new_from_name(context, kind_of(public), NULL) : NULL;
	OSSL_PARAM *params = NULL, *all = NULL;
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &params) == 1)
		all = OSSL_PARAM_merge(params, numbered);
	if (all == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, all) != 1)
		key = NULL;
	OSSL_PARAM_free(all);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}
