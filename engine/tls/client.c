/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The protocol of ALPN that upstream servers are spoken to with. */
static const unsigned char protocols[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };

/* Adds all certificates of a file. Returns their number; -1 if one is malformed. */
static int add_all(X509_STORE *store, BIO *bio)
{
	int count = 0;
	X509 *one;

	while ((one = PEM_read_bio_X509_AUX(bio, NULL, tux_tls_refuse_passphrase, NULL)) != NULL) {
		const bool added = X509_STORE_add_cert(store, one) == 1;

		X509_free(one);
		if (!added)
			return -1;
		count++;
	}
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? count : -1;
}

X509_STORE *tux_tls_authorities_read(const struct tls_pem *pem, char *error, size_t error_size)
{
	BIO *const bio = pem->len <= INT_MAX ? BIO_new_mem_buf(pem->text, (int)pem->len) : NULL;
	X509_STORE *store = X509_STORE_new();
	int count = -1;
	char reason[160];

	ERR_clear_error();
	if (bio != NULL && store != NULL)
		count = add_all(store, bio);
	BIO_free(bio);
	if (count > 0) {
		ERR_clear_error(); /* the end of the file */
		return store;
	}
	tls_reason(reason, sizeof(reason));
	if (count == 0)
		snprintf(error, error_size, "ca \"%s\": no certificate in PEM (-----BEGIN CERTIFICATE-----)", pem->name);
	else
		snprintf(error, error_size, "ca \"%s\": malformed: %s", pem->name, reason);
	X509_STORE_free(store);
	return NULL;
}

void tux_tls_authorities_free(X509_STORE *authorities)
{
	X509_STORE_free(authorities);
}

/* Keeps a new session of a server, for its next connection. Returns 1, because the reference is kept. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_peer *peer = SSL_get_app_data(ssl);

	SSL_SESSION_free(peer->session);
	peer->session = session;
	return 1;
}

static bool set_up(SSL_CTX *ctx, X509_STORE *authorities, bool exact)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL); /* each server has its own */
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	if (authorities != NULL) {
		SSL_CTX_set1_cert_store(ctx, authorities);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	if (exact)
		X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_alpn_protos(ctx, protocols, sizeof(protocols)) == 0;
}

struct tls_client *tux_tls_client_new(X509_STORE *authorities, bool exact, char *error, size_t error_size)
{
	struct tls_client *client = calloc(1, sizeof(*client));
	char reason[160];

	ERR_clear_error();
	if (client != NULL) {
		client->ssl_ctx = SSL_CTX_new(TLS_client_method());
		client->verifies = authorities != NULL;
	}
	if (client != NULL && client->ssl_ctx != NULL && set_up(client->ssl_ctx, authorities, exact))
		return client;
	tls_reason(reason, sizeof(reason));
	snprintf(error, error_size, "cannot set up TLS: %s", client == NULL ? "no memory" : reason);
	tux_tls_client_free(client);
	return NULL;
}

/* Sets a certificate that was read. Returns false with a sentence in error. */
static bool identify(struct tls_client *client, const struct tls_certificate *read, const char *name, char *error, size_t error_size)
{
	char reason[160];

	if (SSL_CTX_use_cert_and_key(client->ssl_ctx, read->leaf, read->key, read->chain, 1) == 1)
		return true;
	tls_reason(reason, sizeof(reason));
	snprintf(error, error_size, "certificate \"%s\": unusable: %s", name, reason);
	return false;
}

bool tux_tls_client_identify(struct tls_client *client, const struct tls_pem *certificate, const struct tls_pem *key, char *error,
                             size_t error_size)
{
	struct tls_certificate read = { NULL, NULL, NULL };
	const bool done = tls_certificate_read(&read, certificate, key, error, error_size) &&
	                  identify(client, &read, certificate->name, error, error_size);

	if (done)
		tls_key_complete(read.key);
	ERR_clear_error();
	tls_certificate_free(&read);
	return done;
}

bool tux_tls_client_identify_remote(struct tls_client *client, const struct tls_pem *certificate, uint32_t number, char *error, size_t error_size)
{
	struct tls_certificate read = { NULL, NULL, NULL };
	const bool done = tls_certificate_read_remote(&read, certificate, number, error, error_size) &&
	                  identify(client, &read, certificate->name, error, error_size);

	ERR_clear_error();
	tls_certificate_free(&read);
	return done;
}

void tux_tls_client_free(struct tls_client *client)
{
	if (client != NULL)
		SSL_CTX_free(client->ssl_ctx);
	free(client);
}

struct tls_peer *tls_peer_new(const struct tls_client *client, const char *name, size_t name_len)
{
	struct tls_peer *peer = name_len < TLS_NAME_BYTES ? calloc(1, sizeof(*peer)) : NULL;

	if (peer == NULL)
		return NULL;
	peer->client = client;
	memcpy(peer->name, name, name_len);
	return peer;
}

void tls_peer_free(struct tls_peer *peer)
{
	if (peer != NULL)
		SSL_SESSION_free(peer->session);
	free(peer);
}

/* Sets the name that is asked for and verified. Returns false if out of memory. */
static bool set_name(SSL *ssl, const struct tls_peer *peer)
{
	X509_VERIFY_PARAM *const parameters = SSL_get0_param(ssl);

	if (peer->name[0] == '\0')
		return true;
	if (X509_VERIFY_PARAM_set1_ip_asc(parameters, peer->name) == 1)
		return true; /* SNI has names only (RFC 6066 3) */
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(parameters, peer->name, 0) == 1 && SSL_set_tlsext_host_name(ssl, peer->name) == 1;
}

/* True if a session is still good: no longer than the certificate that was verified, since each use of the session gives another one. */
static bool may_resume(const struct tls_peer *peer)
{
	const X509 *const server = SSL_SESSION_get0_peer(peer->session);

	return SSL_SESSION_is_resumable(peer->session) == 1 && (!peer->client->verifies || (server != NULL && !tls_certificate_has_expired(server)));
}

SSL *tls_peer_open(struct tls_peer *peer)
{
	SSL *ssl = SSL_new(peer->client->ssl_ctx);

	if (ssl == NULL || SSL_set_app_data(ssl, peer) != 1 || !set_name(ssl, peer)) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_connect_state(ssl);
	if (peer->session != NULL && may_resume(peer))
		(void)SSL_set_session(ssl, peer->session); /* without it, a full handshake */
	return ssl;
}
