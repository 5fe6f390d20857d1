/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../challenges.h"
#include "challenge.h"
#include "client.h"
#include "hello.h"
#include "staple.h"

/* Mozilla's "intermediate", without ciphers that need parameters of Diffie-Hellman: authenticated encryption and forward secrecy only. */
#define CIPHERS                                                                                                                        \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"         \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

enum { MAX_CLIENT_CHAIN = 32768 }; /* bytes of a client's certificate with its issuers */

/*
 * Groups for the exchange of keys. OpenSSL knows the hybrid with ML-KEM from 3.5 on. The process that signs permits no others in TLS 1.2
 * (sign_message.c).
 */
#define GROUPS_HYBRID "X25519MLKEM768:X25519:P-256:P-384"
#define GROUPS "X25519:P-256:P-384"

/* The protocols of ALPN that TUX speaks, best first. */
static const char *const protocols[] = { "http/1.1", "http/1.0" };

/* True if a client offers a protocol: offered has names after their length. *found is its length. */
static bool offers(const unsigned char *offered, unsigned len, const char *name, const unsigned char **found)
{
	const size_t name_len = strlen(name);

	for (unsigned at = 0; at < len && offered[at] < len - at; at += offered[at] + 1u) {
		*found = offered + at;
		if (offered[at] == name_len && memcmp(offered + at + 1, name, name_len) == 0)
			return true;
	}
	return false;
}

/* Selects a protocol for OpenSSL. A client that offers none that TUX speaks gets an alert (RFC 7301 3.2). */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *offered, unsigned len, void *owner)
{
	const struct tls_selector *const selector = SSL_get_app_data(ssl);
	const unsigned char *found;

	(void)owner;
	if (selector->challenged && offers(offered, len, TLS_CHALLENGE_PROTOCOL, &found)) {
		*out = found + 1;
		*out_len = *found;
		return SSL_TLSEXT_ERR_OK;
	}
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (offers(offered, len, protocols[i], &found)) {
			*out = found + 1;
			*out_len = *found;
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Returns the name in a ClientHello, of len bytes. NULL: it has none. */
static const unsigned char *name_of(SSL *ssl, size_t *len)
{
	const unsigned char *content;
	struct tux_span name;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &content, len) != 1 || *len > TLS_MAX_HELLO)
		return NULL;
	name = tls_hello_name(content, (uint32_t)*len);
	*len = name.len;
	return name.len > 0 ? content + name.off : NULL;
}

/* Takes the certificate of a challenge for the name, if the client is an authority that asks for it. */
static bool select_challenge(SSL *ssl, struct tls_selector *selector, const char *name, uint32_t len)
{
	char der[CHALLENGE_TEXT];
	const size_t der_len = tls_challenge_is_asked(ssl) ? selector->challenge(selector, name, len, der) : 0;

	selector->challenged = der_len > 0 && tls_challenge_use(ssl, der, der_len);
	OPENSSL_cleanse(der, der_len);
	return selector->challenged;
}

/*
 * Takes the certificates of the host that the client names, before OpenSSL looks at the client's ticket. So a ticket is good only with the
 * certificates that it was made with. Otherwise an attacker between both could bring a client, with its ticket of one host, to the default
 * host of another listener.
 */
static int select_host(SSL *ssl, int *alert, void *owner)
{
	struct tls_selector *selector = SSL_get_app_data(ssl);
	const struct tls_context *context;
	size_t len;
	const unsigned char *name = name_of(ssl, &len);
	const bool challenged = selector->challenged; /* by the ClientHello before a HelloRetryRequest */

	(void)owner;
	selector->challenged = false;
	*alert = SSL_AD_ILLEGAL_PARAMETER;
	if (name != NULL && select_challenge(ssl, selector, (const char *)name, (uint32_t)len))
		return SSL_CLIENT_HELLO_SUCCESS;
	if (challenged) /* the connection has the certificate of the challenge (RFC 8446 4.1.2: both have the same protocols) */
		return SSL_CLIENT_HELLO_ERROR;
	if (name == NULL)
		return SSL_CLIENT_HELLO_SUCCESS;
	context = selector->select(selector, (const char *)name, (uint32_t)len);
	if (context == NULL)
		return SSL_CLIENT_HELLO_SUCCESS;
	if (SSL_set_SSL_CTX(ssl, context->ssl_ctx) != NULL) {
		SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context->ssl_ctx), NULL); /* it stays that of the first context else */
		return SSL_CLIENT_HELLO_SUCCESS;
	}
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

/* Tells the client that its name was used (RFC 6066 3). */
static int acknowledge_name(SSL *ssl, int *alert, void *owner)
{
	(void)alert;
	(void)owner;
	return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* Sets the keys of a ticket, and wipes key. Returns false if the library fails. */
static bool use_key(struct tls_ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	static char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	const bool used = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt) == 1 && EVP_MAC_CTX_set_params(mac, parameters) == 1;

	OPENSSL_cleanse(key, sizeof(*key));
	return used;
}

/* Results of ticket_key(). */
enum {
	TICKET_FAILED = -1,
	TICKET_UNKNOWN = 0, /* a full handshake follows */
	TICKET_GOOD = 1,
	TICKET_RENEWED = 2, /* the client gets another one, too */
};

/* Gives OpenSSL the key of a new ticket, or of one that a client sends. */
static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	const struct tls_tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct tls_ticket_key key;
	bool newest, good;

	if (encrypt) {
		tls_tickets_newest(tickets, &key);
		memcpy(name, key.name, sizeof(key.name));
		good = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 && use_key(&key, iv, cipher, mac, 1);
		OPENSSL_cleanse(&key, sizeof(key));
		return good ? TICKET_GOOD : TICKET_FAILED;
	}
	if (!tls_tickets_find(tickets, name, &key, &newest)) {
		OPENSSL_cleanse(&key, sizeof(key));
		return TICKET_UNKNOWN;
	}
	if (!use_key(&key, iv, cipher, mac, 0))
		return TICKET_FAILED;
	return newest && SSL_version(ssl) != TLS1_3_VERSION ? TICKET_GOOD : TICKET_RENEWED; /* of TLS 1.3 each is used once (RFC 8446 C.4) */
}

/* Judges a ticket. It is good no longer than the certificate that its client has presented: each use of it could give another one. */
static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len, SSL_TICKET_STATUS status, void *owner)
{
	const bool good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
	const X509 *const client = good ? SSL_SESSION_get0_peer(session) : NULL;

	(void)ssl;
	(void)name;
	(void)name_len;
	(void)owner;
	if (!good || (client != NULL && tls_certificate_has_expired(client)))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static void set_tickets(SSL_CTX *ctx, struct tls_tickets *tickets)
{
	if (tickets == NULL) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ctx, 0);
		return;
	}
	SSL_CTX_set_app_data(ctx, tickets);
	SSL_CTX_set_timeout(ctx, (TUX_TLS_TICKET_KEYS - 1) * (TUX_TLS_TICKET_MS / 1000)); /* so long its key lasts at least */
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key);
	SSL_CTX_set_session_ticket_cb(ctx, NULL, judge_ticket, NULL);
}

static bool set_up(SSL_CTX *ctx, enum tux_tls_profile profile)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets alone: the memory of sessions would have no limit per client */
	SSL_CTX_set_max_cert_list(ctx, MAX_CLIENT_CHAIN); /* of each host, because that of the first one stays. OpenSSL reserves up to 100 KB else */
	SSL_CTX_set_alpn_select_cb(ctx, select_protocol, NULL);
	SSL_CTX_set_client_hello_cb(ctx, select_host, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, acknowledge_name);
	return SSL_CTX_set_min_proto_version(ctx, profile == TUX_TLS_MODERN ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, 0) == 1 && SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, CIPHERS_1_3) == 1 &&
	       (SSL_CTX_set1_groups_list(ctx, GROUPS_HYBRID) == 1 || SSL_CTX_set1_groups_list(ctx, GROUPS) == 1);
}

struct tls_context *tux_tls_context_new(enum tux_tls_profile profile, struct tls_tickets *tickets, char *error, size_t error_size)
{
	struct tls_context *context = calloc(1, sizeof(*context));
	char reason[160];

	ERR_clear_error();
	if (context != NULL)
		context->ssl_ctx = SSL_CTX_new(TLS_server_method());
	if (context != NULL && context->ssl_ctx != NULL && set_up(context->ssl_ctx, profile)) {
		set_tickets(context->ssl_ctx, tickets);
		ERR_clear_error(); /* of an unknown group */
		return context;
	}
	tls_reason(reason, sizeof(reason));
	snprintf(error, error_size, "cannot set up TLS: %s", context == NULL ? "no memory" : reason);
	tux_tls_context_free(context);
	return NULL;
}

/* True if the context has a certificate with the same kind of key. */
static bool has_kind(SSL_CTX *ctx, EVP_PKEY *key)
{
	int more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);

	for (; more == 1; more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
		if (EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(ctx)) == EVP_PKEY_get_base_id(key))
			return true;
	return false;
}

/* Adds a hash to those that tickets of the context are good with. */
static bool bind_hash(struct tls_context *context, const unsigned char hash[sizeof(context->id)])
{
	unsigned char text[2 * sizeof(context->id)];
	unsigned len;

	memcpy(text, context->id, sizeof(context->id));
	memcpy(text + sizeof(context->id), hash, sizeof(context->id));
	return EVP_Digest(text, sizeof(text), context->id, &len, EVP_sha256(), NULL) == 1 &&
	       SSL_CTX_set_session_id_context(context->ssl_ctx, context->id, sizeof(context->id)) == 1;
}

/* Adds a certificate to those that tickets of the context are good with. */
static bool bind_tickets(struct tls_context *context, const X509 *leaf)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len;

	return X509_digest(leaf, EVP_sha256(), hash, &len) == 1 && bind_hash(context, hash);
}

/* Binds tickets to the demands for certificates of clients. */
static bool bind_demand(struct tls_context *context, const struct tls_pem *authorities, bool required)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len;

	if (EVP_Digest(authorities->text, authorities->len, hash, &len, EVP_sha256(), NULL) != 1)
		return false;
	hash[0] ^= required;
	return bind_hash(context, hash);
}

/* Names the authorities to clients, which choose a certificate by them. */
static bool name_authorities(SSL_CTX *ctx, X509_STORE *store)
{
	const STACK_OF(X509_OBJECT) *const all = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509 *const one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

		if (one != NULL && SSL_CTX_add_client_CA(ctx, one) != 1)
			return false;
	}
	return true;
}

bool tux_tls_context_demand(struct tls_context *context, const struct tls_pem *authorities, bool required, char *error, size_t error_size)
{
	X509_STORE *const store = tux_tls_authorities_read(authorities, error, error_size);
	char reason[160];

	if (store == NULL)
		return false;
	SSL_CTX_set1_cert_store(context->ssl_ctx, store);
	SSL_CTX_set_verify(context->ssl_ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	context->demands = name_authorities(context->ssl_ctx, store) && bind_demand(context, authorities, required);
	tux_tls_authorities_free(store);
	if (!context->demands) {
		tls_reason(reason, sizeof(reason));
		snprintf(error, error_size, "ca \"%s\": unusable: %s", authorities->name, reason);
	}
	ERR_clear_error();
	return context->demands;
}

/* Adds a certificate that was read. Returns false with a sentence in error. */
static bool add(struct tls_context *context, const struct tls_certificate *read, const char *name, char *error, size_t error_size)
{
	char reason[160];

	if (has_kind(context->ssl_ctx, read->key)) {
		snprintf(error, error_size, "certificate \"%s\": the host has one with the same kind of key already (%s)", name,
		         EVP_PKEY_get0_type_name(read->key));
		return false;
	}
	if (SSL_CTX_use_cert_and_key(context->ssl_ctx, read->leaf, read->key, read->chain, 1) == 1 && bind_tickets(context, read->leaf))
		return true;
	tls_reason(reason, sizeof(reason));
	snprintf(error, error_size, "certificate \"%s\": unusable: %s", name, reason);
	return false;
}

bool tux_tls_context_add(struct tls_context *context, const struct tls_pem *certificate, const struct tls_pem *key, char *error,
                         size_t error_size)
{
	struct tls_certificate read = { NULL, NULL, NULL };
	const bool added = tls_certificate_read(&read, certificate, key, error, error_size) && add(context, &read, certificate->name, error, error_size);

	if (added)
		tls_key_complete(read.key);
	ERR_clear_error();
	tls_certificate_free(&read);
	return added;
}

bool tux_tls_context_add_remote(struct tls_context *context, const struct tls_pem *certificate, uint32_t number, char *error, size_t error_size)
{
	struct tls_certificate read = { NULL, NULL, NULL };
	const bool added = tls_certificate_read_remote(&read, certificate, number, error, error_size) &&
	                   add(context, &read, certificate->name, error, error_size);

	ERR_clear_error();
	tls_certificate_free(&read);
	return added;
}

void tux_tls_context_free(struct tls_context *context)
{
	if (context != NULL) {
		SSL_CTX_free(context->ssl_ctx);
		tls_staples_free(context);
	}
	free(context);
}

const char *tux_tls_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
