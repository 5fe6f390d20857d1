/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates that TUX makes: keys with a passphrase among them, for which OpenSSL must not ask at the terminal, and those of challenges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../program/certificates/x509.h"

static const char *const host[] = { "host.test" };
static const struct tux_names names = { host, 1 };

/* Copies what was written to a BIO. */
static struct tux_pem text_of(BIO *bio)
{
	char *text;
	const long len = BIO_get_mem_data(bio, &text);
	const struct tux_pem pem = { strndup(text, (size_t)len), (size_t)len };

	BIO_free(bio);
	assert_non_null(pem.text);
	return pem;
}

/* Makes a certificate with a key that has the passphrase "secret". */
static struct tux_pem locked_pair(void)
{
	struct tux_pem pair = { NULL, 0 };
	BIO *const out = BIO_new(BIO_s_mem());
	char error[256];
	X509 *certificate;
	EVP_PKEY *key;
	BIO *in;

	assert_true(tux_leaf_make(NULL, &names, &pair, error, sizeof(error)));
	in = BIO_new_mem_buf(pair.text, (int)pair.len);
	key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
	assert_true(key && certificate);
	assert_int_equal(PEM_write_bio_X509(out, certificate), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	BIO_free(in);
	free(pair.text);
	return text_of(out);
}

/* Makes a process without a terminal, so that OpenSSL asks at the standard input, where the passphrase is. Returns whether ask() is true. */
static bool asked_in_process(bool (*ask)(const struct tux_pem *pair), const struct tux_pem *pair)
{
	int input[2], status;
	pid_t pid;

	assert_int_equal(pipe(input), 0);
	assert_int_equal(write(input[1], "secret\n", 7), 7);
	pid = fork();
	if (pid == 0) {
		if (setsid() < 0 || dup2(input[0], STDIN_FILENO) < 0)
			_exit(2);
		_exit(ask(pair) ? 0 : 1);
	}
	close(input[0]);
	close(input[1]);
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static bool library_reads(const struct tux_pem *pair)
{
	BIO *const bio = BIO_new_mem_buf(pair->text, (int)pair->len);

	return PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) != NULL;
}

static bool examination_finds_key(const struct tux_pem *pair)
{
	struct tux_certificate_facts facts;

	return !tux_certificate_examine(pair, &names, NULL, &facts) || facts.has_key;
}

static bool use_is_possible(const struct tux_pem *pair)
{
	char error[512];

	return tux_certificate_is_usable(pair, error, sizeof(error)) || strstr(error, "it has a passphrase") == NULL;
}

/* tux_leaf_make() reads the key of the authority. */
static bool authority_signs(const struct tux_pem *pair)
{
	struct tux_pem leaf = { NULL, 0 };
	char error[256];

	return tux_leaf_make(pair, &names, &leaf, error, sizeof(error));
}

static bool certificate_is_copied(const struct tux_pem *pair)
{
	struct tux_pem copy = { NULL, 0 };
	char print[96];

	return tux_certificate_copy(pair, &copy) || tux_certificate_fingerprint(pair, print);
}

static void test_library_asks_for_the_passphrase(void **state)
{
	struct tux_pem pair = locked_pair();

	(void)state;
	assert_true(asked_in_process(library_reads, &pair)); /* or the other tests would prove nothing */
	free(pair.text);
}

static void test_keys_with_a_passphrase_are_not_asked_about(void **state)
{
	struct tux_pem pair = locked_pair();

	(void)state;
	assert_false(asked_in_process(examination_finds_key, &pair));
	assert_false(asked_in_process(use_is_possible, &pair));
	assert_false(asked_in_process(authority_signs, &pair));
	free(pair.text);
}

/* RFC 1421: a certificate may be encrypted, too. */
static void test_certificates_with_a_passphrase_are_not_asked_about(void **state)
{
	struct tux_pem pair = { NULL, 0 };
	BIO *const bio = BIO_new(BIO_s_mem());
	X509 *certificate;
	char error[256];
	BIO *in;

	(void)state;
	assert_true(tux_leaf_make(NULL, &names, &pair, error, sizeof(error)));
	in = BIO_new_mem_buf(pair.text, (int)pair.len);
	certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
	assert_int_equal(PEM_ASN1_write_bio((i2d_of_void *)i2d_X509, PEM_STRING_X509, bio, certificate, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6,
	                                    NULL, NULL), 1);
	free(pair.text);
	pair = text_of(bio);
	assert_false(asked_in_process(certificate_is_copied, &pair));
	X509_free(certificate);
	BIO_free(in);
	free(pair.text);
}

/* RFC 8737 3: the certificate is for one name, has the digest in a critical extension, and signs itself with the key after it. */
static void test_certificate_of_a_challenge(void **state)
{
	static const uint8_t extension[] = { 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f, 0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20, 7, 7, 7 };
	uint8_t digest[TUX_CHALLENGE_DIGEST], der[2048];
	const unsigned char *at = der;
	char longest[254];
	EVP_PKEY *key;
	X509 *leaf;
	size_t len;

	(void)state;
	memset(digest, 7, sizeof(digest));
	assert_true(tux_challenge_make("host.test", digest, der, sizeof(der), &len));
	leaf = d2i_X509(NULL, &at, (long)len);
	assert_non_null(leaf);
	assert_non_null(memmem(der, (size_t)(at - der), extension, sizeof(extension)));
	key = d2i_AutoPrivateKey(NULL, &at, (long)(der + len - at));
	assert_non_null(key);
	assert_ptr_equal(at, der + len);
	assert_int_equal(X509_check_private_key(leaf, key), 1);
	assert_int_equal(X509_verify(leaf, key), 1);
	assert_int_equal(X509_check_host(leaf, "host.test", 0, 0, NULL), 1);
	EVP_PKEY_free(key);
	X509_free(leaf);
	assert_false(tux_challenge_make("host.test", digest, der, len - 20, &len));
	assert_int_equal(len, 0);
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i % 50 == 49 ? '.' : 'a';
	longest[sizeof(longest) - 1] = '\0';
	assert_true(tux_challenge_make(longest, digest, der, sizeof(der), &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library_asks_for_the_passphrase),
		cmocka_unit_test(test_keys_with_a_passphrase_are_not_asked_about),
		cmocka_unit_test(test_certificates_with_a_passphrase_are_not_asked_about),
		cmocka_unit_test(test_certificate_of_a_challenge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
