/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signatures by the process that holds the keys: what it signs, hostile messages, and whole handshakes with keys that are elsewhere. */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "../../engine/tls/client.h"
#include "../../engine/tls/context.h"
#include "../../engine/tls/key_store.h"
#include "../../engine/tls/remote_key.h"
#include "../../engine/tls/signer.h"

enum { DAY = 86400, KINDS = 6, PEM_ROOM = 16384, MESSAGES = 20000 };

static const char *const kinds[KINDS] = { "P-256", "P-384", "RSA", "RSA-PSS", "ED25519", "ED448" };

/* A certificate that signs itself, with its key, of each kind; and its numbers in the store: as a server's key, and as a client's. */
static struct {
	char *pem;
	size_t len;
	uint32_t server, client;
	char public[PEM_ROOM]; /* the certificate, as the store writes it */
	size_t public_len;
} pairs[KINDS];

static struct tls_key_store store;
static struct tls_prepared prepared; /* of the thread */
static int server_fd, store_fd, lost_fd;
static pthread_t thread;
static int silent; /* messages without a reply; atomic */

static EVP_PKEY *generate(const char *kind)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;

	if (strncmp(kind, "P-", 2) == 0)
		return EVP_EC_gen(kind);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	if (strncmp(kind, "RSA", 3) == 0)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Makes a pair, and lets the store read it twice. */
static void make(unsigned kind)
{
	EVP_PKEY *const key = generate(kinds[kind]);
	X509 *const certificate = X509_new();
	X509_NAME *const name = X509_get_subject_name(certificate);
	BIO *const bio = BIO_new(BIO_s_mem());
	struct tls_pem pem = { .name = kinds[kind] };
	char error[256] = "", *text;
	long len;

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"test", -1, -1, 0), 1);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(certificate), DAY);
	X509_set_pubkey(certificate, key);
	X509_set_issuer_name(certificate, name);
	assert_true(X509_sign(certificate, key, kind >= 4 ? NULL : EVP_sha256()) > 0);
	PEM_write_bio_X509(bio, certificate);
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	len = BIO_get_mem_data(bio, &text);
	pairs[kind].pem = malloc((size_t)len);
	memcpy(pairs[kind].pem, text, (size_t)len);
	pairs[kind].len = (size_t)len;
	pem.text = pairs[kind].pem;
	pem.len = pairs[kind].len;
	assert_int_equal(TLS_KEY_HELD, tux_tls_key_store_read(&store, &pem, &pem, false, pairs[kind].public, PEM_ROOM, &pairs[kind].public_len,
	                                                      &pairs[kind].server, error, sizeof(error)));
	assert_int_equal(TLS_KEY_HELD, tux_tls_key_store_read(&store, &pem, &pem, true, pairs[kind].public, PEM_ROOM, &pairs[kind].public_len,
	                                                      &pairs[kind].client, error, sizeof(error)));
	assert_null(memmem(pairs[kind].public, pairs[kind].public_len, "PRIVATE", 7));
	X509_free(certificate);
	EVP_PKEY_free(key);
	BIO_free(bio);
}

/* Like the thread of the process. */
static void *run_store(void *nothing)
{
	struct tls_sign_room room;
	struct tls_sign_reply reply;
	ssize_t got;

	while ((got = recv(store_fd, &room, sizeof(room), MSG_TRUNC)) > 0) {
		tux_tls_key_store_sign(&store, &prepared, &room.request, (size_t)got, &reply);
		if (__atomic_load_n(&silent, __ATOMIC_SEQ_CST) > 0)
			__atomic_sub_fetch(&silent, 1, __ATOMIC_SEQ_CST);
		else
			send(store_fd, &reply, sizeof(reply), MSG_NOSIGNAL);
	}
	return nothing;
}

static int open_store(void **state)
{
	int fd[2];

	(void)state;
	for (unsigned i = 0; i < KINDS; i++)
		make(i);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
		return -1;
	server_fd = fd[0];
	store_fd = fd[1];
	lost_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return !tux_tls_signer_open(&server_fd, 1, lost_fd, store.slowest_us) || pthread_create(&thread, NULL, run_store, NULL) != 0;
}

static int close_store(void **state)
{
	(void)state;
	shutdown(server_fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server_fd);
	close(store_fd);
	close(lost_fd);
	tux_tls_prepared_free(&prepared);
	tux_tls_key_store_free(&store);
	for (unsigned i = 0; i < KINDS; i++)
		free(pairs[i].pem);
	return 0;
}

/* Sets a text of TLS 1.3, with a hash of so many bytes. */
static void set_13(struct tls_sign_request *request, bool of_client, uint16_t hash)
{
	memset(request->text, ' ', 64);
	memcpy(request->text + 64, of_client ? "TLS 1.3, client CertificateVerify" : "TLS 1.3, server CertificateVerify", 34);
	memset(request->text + 98, 0xaa, hash);
	request->len = (uint16_t)(98 + hash);
}

/* Sets a text of TLS 1.2. */
static void set_12(struct tls_sign_request *request, unsigned group, unsigned point)
{
	memset(request->text, 0x55, 64);
	request->text[64] = 3;
	request->text[65] = (uint8_t)(group >> 8);
	request->text[66] = (uint8_t)group;
	request->text[67] = (uint8_t)point;
	memset(request->text + 68, 0xaa, point);
	request->len = (uint16_t)(68 + point);
}

static bool is_valid(const struct tls_sign_request *request, bool of_client)
{
	return tls_sign_request_valid(request, sizeof(*request), of_client);
}

static void test_texts_of_tls_alone_are_valid(void **state)
{
	struct tls_sign_request request = { .scheme = 0x0403 };

	(void)state;
	set_13(&request, false, 32);
	assert_true(is_valid(&request, false) && !is_valid(&request, true));
	set_13(&request, true, 48);
	assert_true(is_valid(&request, true) && !is_valid(&request, false));
	set_13(&request, false, 33);
	assert_false(is_valid(&request, false));
	set_13(&request, false, 64);
	assert_false(is_valid(&request, false));
	for (unsigned i = 0; i < 98; i++) {
		set_13(&request, false, 32);
		request.text[i] ^= 1;
		assert_false(is_valid(&request, false));
	}
	set_12(&request, 29, 32);
	assert_true(is_valid(&request, false) && !is_valid(&request, true));
	set_12(&request, 23, 65);
	assert_true(is_valid(&request, false));
	set_12(&request, 24, 97);
	assert_true(is_valid(&request, false));
	set_12(&request, 25, 97); /* P-521 is not offered */
	assert_false(is_valid(&request, false));
	set_12(&request, 23, 64);
	assert_false(is_valid(&request, false));
	set_12(&request, 23, 65);
	request.text[64] = 1; /* an explicit curve */
	assert_false(is_valid(&request, false));
}

static void test_every_length_and_scheme(void **state)
{
	struct tls_sign_request request;
	unsigned digests = 0, texts = 0;

	(void)state;
	memset(&request, 0, sizeof(request));
	for (unsigned scheme = 0; scheme <= UINT16_MAX; scheme++) {
		request.scheme = (uint16_t)scheme;
		for (unsigned len = 0; len < 2 * TLS_SIGN_MAX; len++) {
			request.len = (uint16_t)len;
			assert_false(is_valid(&request, false));
			digests += is_valid(&request, true);
		}
		set_13(&request, false, 32);
		texts += is_valid(&request, false);
		memset(&request, 0, sizeof(request));
	}
	assert_int_equal(digests, 14); /* four hashes with RSA and ECDSA, three with each kind of PSS */
	assert_int_equal(texts, 16);   /* and two Edwards curves */
	request.scheme = 0x0403;
	request.len = UINT16_MAX;
	assert_false(is_valid(&request, true));
	set_13(&request, false, 32);
	for (size_t bytes = 0; bytes < sizeof(request); bytes++)
		assert_false(tls_sign_request_valid(&request, bytes, false));
	assert_false(tls_sign_request_valid(&request, sizeof(request) + 1, false));
}

/* Appends a message of a handshake, with so many bytes of content. */
static void append(struct tls_sign_room *room, uint8_t type, unsigned bytes)
{
	uint8_t *const at = (uint8_t *)room + offsetof(struct tls_sign_request, text) + room->request.len;

	at[0] = type;
	at[1] = 0;
	at[2] = (uint8_t)(bytes >> 8);
	at[3] = (uint8_t)bytes;
	memset(at + 4, 0xaa, bytes);
	room->request.len = (uint16_t)(room->request.len + 4 + bytes);
}

/* RFC 5246 7.4.8: a client's signature is over all messages before it, which are whole. */
static void test_whole_handshakes_are_valid(void **state)
{
	static struct tls_sign_room room;
	const size_t head = offsetof(struct tls_sign_request, text);
	unsigned valid = 0;

	(void)state;
	append(&room, 1, 200);
	append(&room, 2, 70);
	append(&room, 11, 65000);
	append(&room, 14, 0);
	append(&room, 16, 33);
	for (unsigned scheme = 0; scheme <= UINT16_MAX; scheme++) {
		room.request.scheme = (uint16_t)scheme;
		assert_false(tls_sign_request_valid(&room.request, head + room.request.len, false));
		valid += tls_sign_request_valid(&room.request, head + room.request.len, true);
	}
	assert_int_equal(valid, 2); /* Edwards curves, which sign no digests */
	room.request.scheme = TLS_SCHEME_ED25519;
	assert_true(tls_sign_request_valid(&room.request, head + room.request.len, true));
	for (size_t bytes = 0; bytes <= sizeof(room); bytes++)
		assert_int_equal(tls_sign_request_valid(&room.request, bytes, true), bytes == head + room.request.len);
	for (unsigned len = room.request.len; room.request.len > 0; room.request.len--)
		assert_int_equal(tls_sign_request_valid(&room.request, tls_sign_request_bytes(room.request.len), true), room.request.len == len);
	append(&room, 2, 200); /* of a server */
	append(&room, 16, 33);
	assert_false(tls_sign_request_valid(&room.request, head + room.request.len, true));
	room.request.len = 0;
	append(&room, 1, 200);
	append(&room, 15, 33);
	assert_false(tls_sign_request_valid(&room.request, head + room.request.len, true));
}

static void test_no_other_message_is_signed(void **state)
{
	struct tls_prepared own = { .place = { { .ctx = NULL } } };
	struct tls_sign_request request;
	struct tls_sign_reply reply;
	unsigned seed = 1;

	(void)state;
	for (unsigned i = 0; i < MESSAGES; i++) {
		uint8_t *const octets = (uint8_t *)&request;

		for (size_t k = 0; k < sizeof(request); k++)
			octets[k] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
		request.key = (uint32_t)(seed % (2 * KINDS + 2));
		request.scheme = i % 2 == 0 ? 0x0403 : 0x0804;
		request.len = (uint16_t)(i % (TLS_SIGN_MAX + 4));
		if (request.len == 32 && i % 3 != 0) /* a digest, which keys of clients sign */
			request.len = 31;
		tux_tls_key_store_sign(&store, &own, &request, i % 7 == 0 ? i % 400 : sizeof(request), &reply);
		assert_true(reply.len == 0 || request.len == 32);
		assert_true(reply.id == request.id || (i % 7 == 0 && i % 400 < 4));
	}
	request = (struct tls_sign_request){ .id = 5, .key = store.count, .scheme = 0x0403 };
	set_13(&request, false, 32);
	tux_tls_key_store_sign(&store, &own, &request, sizeof(request), &reply);
	assert_true(reply.id == 5 && reply.len == 0);
	request.key = pairs[0].client; /* a key of TUX as a client signs nothing as a server */
	tux_tls_key_store_sign(&store, &own, &request, sizeof(request), &reply);
	assert_int_equal(reply.len, 0);
	request.key = pairs[2].server; /* RSA, with a scheme of ECDSA */
	tux_tls_key_store_sign(&store, &own, &request, sizeof(request), &reply);
	assert_int_equal(reply.len, 0);
	request.key = pairs[0].server;
	tux_tls_key_store_sign(&store, &own, &request, sizeof(request), &reply);
	assert_true(reply.len > 60 && reply.len < 80);
	tux_tls_prepared_free(&own);
}

/* True if the public key of a pair verifies a signature of a text of TLS 1.3 by SHA-256. */
static bool is_by(unsigned kind, const struct tls_sign_request *request, const struct tls_sign_reply *reply)
{
	BIO *const bio = BIO_new_mem_buf(pairs[kind].public, (int)pairs[kind].public_len);
	X509 *const certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_MD_CTX *const ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key;
	bool good;

	assert_int_equal(EVP_DigestVerifyInit(ctx, &key, EVP_sha256(), NULL, X509_get0_pubkey(certificate)), 1);
	if (request->scheme == TLS_SCHEME_PSS_SHA256)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING), 1);
	good = EVP_DigestVerify(ctx, reply->signature, reply->len, request->text, request->len) == 1;
	ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	X509_free(certificate);
	BIO_free(bio);
	return good;
}

static void test_contexts_are_used_for_their_key_and_scheme(void **state)
{
	enum { P256, RSA = 2, PSS = TLS_SCHEME_PSS_SHA256, PKCS1 = TLS_SIGN_SHA256 << 8 | TLS_SCHEME_RSA, ECDSA = TLS_SIGN_SHA256 << 8 | TLS_SCHEME_ECDSA };
	const struct tls_pem rsa = { .name = "RSA", .text = pairs[RSA].pem, .len = pairs[RSA].len };
	struct tls_prepared own = { .place = { { .ctx = NULL } } };
	struct tls_sign_request request;
	struct tls_sign_reply reply;
	uint32_t sharing = 0;
	char room[PEM_ROOM], error[256];
	size_t bytes;

	(void)state;
	while (sharing % TLS_PREPARED_KEYS != pairs[P256].server || sharing == pairs[P256].server)
		assert_int_equal(TLS_KEY_HELD, tux_tls_key_store_read(&store, &rsa, &rsa, false, room, sizeof(room), &bytes, &sharing, error, sizeof(error)));
	for (unsigned i = 0; i < 24; i++) {
		const unsigned step = i % 12 / 2; /* twice each */

		request = (struct tls_sign_request){
			.id = i,
			.key = step == 0 || step == 3 ? pairs[P256].server : step == 1 || step == 5 ? sharing : pairs[RSA].server,
			.scheme = step == 0 || step == 3 ? ECDSA : step == 4 ? PKCS1 : PSS,
		};
		set_13(&request, false, 32);
		request.text[120] = (uint8_t)i;
		tux_tls_key_store_sign(&store, &own, &request, sizeof(request), &reply);
		assert_true(reply.len > 0 && is_by(step == 0 || step == 3 ? P256 : RSA, &request, &reply));
		request.text[120]++;
		assert_false(is_by(step == 0 || step == 3 ? P256 : RSA, &request, &reply));
		request.scheme = request.scheme == ECDSA ? PSS : ECDSA; /* not for this key */
		tux_tls_key_store_sign(&store, &own, &request, sizeof(request), &reply);
		assert_int_equal(reply.len, 0);
	}
	tux_tls_prepared_free(&own);
}

static struct tls_pem public_of(unsigned kind)
{
	return (struct tls_pem){ .name = kinds[kind], .text = pairs[kind].public, .len = pairs[kind].public_len };
}

/* Moves what both sides have written, until the handshake ends. Returns true if both are done. */
static bool shake_hands(SSL *client, SSL *server)
{
	for (unsigned i = 0; i < 20; i++) {
		const int one = SSL_do_handshake(client), other = SSL_do_handshake(server);

		if (one == 1 && other == 1)
			return true;
		if ((one != 1 && SSL_get_error(client, one) != SSL_ERROR_WANT_READ) || (other != 1 && SSL_get_error(server, other) != SSL_ERROR_WANT_READ))
			return false;
	}
	return false;
}

/* Keeps the certificates of a connection: a selector of a server with one host. */
static const struct tls_context *select_none(struct tls_selector *selector, const char *name, uint32_t len)
{
	(void)selector;
	(void)name;
	(void)len;
	return NULL;
}

/* Connects a client and a server in memory. */
static bool connects(SSL_CTX *client_ctx, SSL_CTX *server_ctx, int version)
{
	static struct tls_selector selector = { select_none };
	SSL *const client = SSL_new(client_ctx), *const server = SSL_new(server_ctx);
	BIO *one, *other;
	bool done;

	assert_int_equal(BIO_new_bio_pair(&one, 0, &other, 0), 1);
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	SSL_set_app_data(server, &selector);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	SSL_set_max_proto_version(client, version);
	SSL_set_min_proto_version(client, version);
	done = shake_hands(client, server);
	SSL_free(client);
	SSL_free(server);
	return done;
}

static struct tls_context *server_of(unsigned kind)
{
	char error[256] = "";
	struct tls_context *const context = tux_tls_context_new(TUX_TLS_INTERMEDIATE, NULL, error, sizeof(error));
	const struct tls_pem pem = public_of(kind);

	assert_true(context && tux_tls_context_add_remote(context, &pem, pairs[kind].server, error, sizeof(error)));
	return context;
}

/* Returns a context that verifies nothing. Signatures of a handshake are verified all the same. */
static SSL_CTX *other_side(const SSL_METHOD *method)
{
	SSL_CTX *const ctx = SSL_CTX_new(method);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	return ctx;
}

static void test_handshakes_of_a_server(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct tls_context *const server = server_of(kind);
			SSL_CTX *const client = other_side(TLS_client_method());

			if (!connects(client, server->ssl_ctx, version))
				fail_msg("%s, version %x: %s", kinds[kind], (unsigned)version, ERR_reason_error_string(ERR_peek_last_error()));
			SSL_CTX_free(client);
			tux_tls_context_free(server);
		}
}

static void test_every_scheme_of_tls_1_2(void **state)
{
	static const struct {
		unsigned kind;
		const char *schemes;
	} all[] = {
		{ 2, "RSA+SHA256" }, { 2, "RSA+SHA384" }, { 2, "RSA+SHA512" }, { 2, "RSA-PSS+SHA256" }, { 2, "RSA-PSS+SHA384" }, { 2, "RSA-PSS+SHA512" },
		{ 0, "ECDSA+SHA256" }, { 0, "ECDSA+SHA384" }, { 0, "ECDSA+SHA512" }, { 0, "ECDSA+SHA224" }, { 2, "RSA+SHA224" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct tls_context *const server = server_of(all[i].kind);
		SSL_CTX *const client = other_side(TLS_client_method());

		assert_int_equal(SSL_CTX_set1_sigalgs_list(client, all[i].schemes), 1);
		if (!connects(client, server->ssl_ctx, TLS1_2_VERSION))
			fail_msg("%s: %s", all[i].schemes, ERR_reason_error_string(ERR_peek_last_error()));
		SSL_CTX_free(client);
		tux_tls_context_free(server);
	}
}

/* Accepts each certificate of a client, whose signature counts here. */
static int accept_all(int good, X509_STORE_CTX *ctx)
{
	(void)good;
	(void)ctx;
	return 1;
}

static void test_handshakes_of_a_client(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			char error[256] = "";
			struct tls_client *const client = tux_tls_client_new(NULL, false, error, sizeof(error));
			const struct tls_pem pem = public_of(kind);
			struct tls_context *const server = server_of(0);

			assert_true(client && tux_tls_client_identify_remote(client, &pem, pairs[kind].client, error, sizeof(error)));
			SSL_CTX_set_session_cache_mode(client->ssl_ctx, SSL_SESS_CACHE_OFF);
			SSL_CTX_set_verify(server->ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_all);
			if (!connects(client->ssl_ctx, server->ssl_ctx, version))
				fail_msg("%s, version %x: %s", kinds[kind], (unsigned)version, ERR_reason_error_string(ERR_peek_last_error()));
			ERR_clear_error();
			tux_tls_client_free(client);
			tux_tls_context_free(server);
		}
}

static void test_several_kinds_in_one_context(void **state)
{
	struct tls_context *const server = server_of(0);
	SSL_CTX *const rsa = other_side(TLS_client_method()), *const ecdsa = other_side(TLS_client_method());
	const struct tls_pem pem = public_of(2), again = public_of(1);
	char error[256] = "";

	(void)state;
	assert_true(tux_tls_context_add_remote(server, &pem, pairs[2].server, error, sizeof(error)));
	assert_false(tux_tls_context_add_remote(server, &again, pairs[1].server, error, sizeof(error)));
	assert_non_null(strstr(error, "the same kind of key"));
	assert_int_equal(SSL_CTX_set1_sigalgs_list(rsa, "RSA-PSS+SHA256"), 1);
	assert_int_equal(SSL_CTX_set1_sigalgs_list(ecdsa, "ECDSA+SHA256"), 1);
	assert_true(connects(rsa, server->ssl_ctx, TLS1_3_VERSION) && connects(ecdsa, server->ssl_ctx, TLS1_3_VERSION));
	SSL_CTX_free(rsa);
	SSL_CTX_free(ecdsa);
	tux_tls_context_free(server);
}

static void test_no_private_part_can_be_had(void **state)
{
	struct tls_context *const server = server_of(0);
	EVP_PKEY *const key = SSL_CTX_get0_privatekey(server->ssl_ctx);
	BIO *const bio = BIO_new(BIO_s_mem());
	BIGNUM *number = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(key, "priv", &number), 0);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 0);
	ERR_clear_error();
	assert_false(tls_remote_key_is_possible(key)); /* nor can a process hold it like one in memory */
	BIO_free(bio);
	tux_tls_context_free(server);
}

/* Returns the reason of a handshake that fails; "" if it does not. */
static const char *reason_of_failure(void)
{
	struct tls_context *const server = server_of(0);
	SSL_CTX *const client = other_side(TLS_client_method());
	const char *reason = "";

	ERR_clear_error();
	if (!connects(client, server->ssl_ctx, TLS1_3_VERSION)) {
		assert_true(tls_signer_raised(ERR_peek_error()));
		reason = ERR_reason_error_string(ERR_peek_error());
	}
	ERR_clear_error();
	SSL_CTX_free(client);
	tux_tls_context_free(server);
	return reason;
}

static void *run_elsewhere(void *reason)
{
	*(const char **)reason = reason_of_failure();
	return NULL;
}

/* A reply that is late counts for no other request. Its thread does not wait again until it has arrived. The last test: it ends the process. */
static void test_process_that_does_not_respond(void **state)
{
	struct tls_sign_request request = { .key = pairs[0].server, .scheme = 0x0403 };
	struct tls_sign_reply late = { .id = 0 };
	const char *elsewhere = NULL;
	pthread_t another;
	eventfd_t times;

	(void)state;
	assert_string_equal(reason_of_failure(), "");
	__atomic_store_n(&silent, 1, __ATOMIC_SEQ_CST);
	set_13(&request, false, 32);
	assert_false(tls_signer_ask(&request, &late)); /* after TLS_SIGN_MS */
	assert_string_equal(reason_of_failure(), "the process that holds the keys does not respond");
	assert_int_equal(eventfd_read(lost_fd, &times), -1);
	usleep((TLS_SIGN_LOST - 1) * TLS_SIGN_MS * 1000);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(reason_of_failure(), "the process that holds the keys does not respond");
	assert_int_equal(eventfd_read(lost_fd, &times), 0);
	assert_int_equal(times, 1);
	late = (struct tls_sign_reply){ .id = request.id };
	assert_int_equal(send(store_fd, &late, sizeof(late), 0), sizeof(late));
	assert_string_equal(reason_of_failure(), "");
	late.id++; /* of no request, before the reply */
	assert_int_equal(send(store_fd, &late, sizeof(late), 0), sizeof(late));
	assert_int_equal(send(store_fd, &late, 7, 0), 7);
	assert_string_equal(reason_of_failure(), "");
	assert_int_equal(pthread_create(&another, NULL, run_elsewhere, &elsewhere), 0);
	pthread_join(another, NULL);
	assert_string_equal(elsewhere, "the thread has no socket to the process that holds the keys");
	shutdown(store_fd, SHUT_RDWR);
	assert_string_equal(reason_of_failure(), "the process that holds the keys has ended");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_of_tls_alone_are_valid),
		cmocka_unit_test(test_every_length_and_scheme),
		cmocka_unit_test(test_whole_handshakes_are_valid),
		cmocka_unit_test(test_no_other_message_is_signed),
		cmocka_unit_test(test_contexts_are_used_for_their_key_and_scheme),
		cmocka_unit_test(test_handshakes_of_a_server),
		cmocka_unit_test(test_every_scheme_of_tls_1_2),
		cmocka_unit_test(test_handshakes_of_a_client),
		cmocka_unit_test(test_several_kinds_in_one_context),
		cmocka_unit_test(test_no_private_part_can_be_had),
		cmocka_unit_test(test_process_that_does_not_respond),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
