/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Challenges of certificate authorities, messages of uacme's hook, bindings, and the times of renewals. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/challenges.h"
#include "../../engine/kernel_routes.h"
#include "../../program/certificates/binding.h"
#include "../../program/certificates/hook.h"
#include "../../program/certificates/schedule.h"
#include "../../program/certificates/thumbprint.h"

static struct challenges *challenges_new(void)
{
	int fd;
	struct challenges *const challenges = tux_challenges_new(&fd);

	close(fd);
	return challenges;
}

static size_t found(const struct challenges *challenges, const char *path, char text[CHALLENGE_TEXT + 1])
{
	const size_t len = challenges_find(challenges, (const uint8_t *)path, (uint32_t)strlen(path), text);

	text[len] = '\0';
	return len;
}

static void test_challenge_is_found_by_its_whole_token(void **state)
{
	static const char *const others[] = { CHALLENGE_PATH, CHALLENGE_PATH "aB-", CHALLENGE_PATH "aB-__", CHALLENGE_PATH "ab-_", "/aB-_", "",
	                                      "/.well-known/acme-challenge" };
	struct challenges *const challenges = challenges_new();
	char text[CHALLENGE_TEXT + 1];

	(void)state;
	assert_non_null(challenges);
	assert_int_equal(found(challenges, CHALLENGE_PATH "aB-_", text), 0);
	assert_true(tux_challenges_add(challenges, "aB-_", "aB-_.x9"));
	assert_true(tux_challenges_add(challenges, "other", "other.y"));
	assert_int_equal(found(challenges, CHALLENGE_PATH "aB-_", text), 7);
	assert_string_equal(text, "aB-_.x9");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(found(challenges, others[i], text), 0);
	assert_true(tux_challenges_add(challenges, "aB-_", "aB-_.new"));
	assert_int_equal(challenges->open, 2);
	found(challenges, CHALLENGE_PATH "aB-_", text);
	assert_string_equal(text, "aB-_.new");
	tux_challenges_remove(challenges, CHALLENGE_HTTP, "none");
	tux_challenges_remove(challenges, CHALLENGE_HTTP, "aB-_");
	assert_int_equal(found(challenges, CHALLENGE_PATH "aB-_", text), 0);
	assert_int_equal(found(challenges, CHALLENGE_PATH "other", text), 7);
	tux_challenges_remove(challenges, CHALLENGE_HTTP, NULL);
	assert_int_equal(challenges->open, 0);
	munmap(challenges, sizeof(*challenges));
}

static void test_certificate_is_found_by_its_name(void **state)
{
	struct challenges *const challenges = challenges_new();
	char name[CHALLENGE_TOKEN + 2], der[CHALLENGE_TEXT + 1];

	(void)state;
	assert_non_null(challenges);
	assert_int_equal(challenges_certificate(challenges, "a.example", 9, der), 0);
	assert_true(tux_challenges_add_certificate(challenges, "a.example", "\0one", 4));
	assert_true(tux_challenges_add_certificate(challenges, "a.example", "\0two", 4));
	assert_true(tux_challenges_add(challenges, "token", "token.x"));
	assert_int_equal(challenges->open, 2);
	assert_int_equal(challenges_certificate(challenges, "A.eXample", 9, der), 4);
	assert_memory_equal(der, "\0two", 4);
	assert_int_equal(challenges_certificate(challenges, "a.example.", 10, der), 0);
	assert_int_equal(challenges_certificate(challenges, "a.exampl", 8, der), 0);
	assert_int_equal(challenges_certificate(challenges, "", 0, der), 0);
	assert_int_equal(challenges_certificate(challenges, "token", 5, der), 0); /* of the other kind */
	assert_int_equal(found(challenges, CHALLENGE_PATH "a.example", der), 0);
	tux_challenges_remove(challenges, CHALLENGE_HTTP, "a.example");
	assert_int_equal(challenges->open, 2);
	tux_challenges_remove(challenges, CHALLENGE_TLS, "a.example");
	assert_int_equal(challenges_certificate(challenges, "a.example", 9, der), 0);
	memset(name, 'a', sizeof(name));
	name[CHALLENGE_TOKEN] = '\0';
	assert_true(tux_challenges_add_certificate(challenges, name, der, CHALLENGE_TEXT));
	assert_int_equal(challenges_certificate(challenges, name, CHALLENGE_TOKEN, der), CHALLENGE_TEXT);
	assert_false(tux_challenges_add_certificate(challenges, name, der, CHALLENGE_TEXT + 1));
	name[CHALLENGE_TOKEN] = 'a';
	name[CHALLENGE_TOKEN + 1] = '\0';
	assert_false(tux_challenges_add_certificate(challenges, name, der, 1));
	assert_false(tux_challenges_add_certificate(challenges, "", der, 1));
	munmap(challenges, sizeof(*challenges));
}

static void *stack_use(void *owner)
{
	static char der[CHALLENGE_TEXT];

	assert_int_equal(challenges_certificate(owner, "a.example", 9, der), 16);
	explicit_bzero(der, sizeof(der));
	return NULL;
}

/* Looks for the key of a challenge on the stack of a thread that has read it. */
static void test_key_of_a_certificate_stays_not_on_the_stack(void **state)
{
	enum { STACK = 1 << 20 };
	struct challenges *const challenges = challenges_new();
	void *const stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;

	(void)state;
	assert_non_null(challenges);
	assert_ptr_not_equal(stack, MAP_FAILED);
	assert_true(tux_challenges_add_certificate(challenges, "a.example", "secret of 16 \1\2\3", 16));
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
	assert_int_equal(pthread_create(&thread, &attributes, stack_use, challenges), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_null(memmem(stack, STACK, "secret of 16 \1\2\3", 16));
	pthread_attr_destroy(&attributes);
	munmap(stack, STACK);
	munmap(challenges, sizeof(*challenges));
}

static void test_malformed_challenges_are_refused(void **state)
{
	static const struct {
		const char *token, *text;
	} bad[] = {
		{ "", ".a" }, { "a", "a" }, { "a", "a." }, { "a", "b.a" }, { "a", "a-b" }, { "a/b", "a/b.c" }, { "a.b", "a.b.c" }, { "a", "a.b\r\n" },
		{ "a", "a.b c" }, { "..", "...a" }, { "\xc3\xa4", "\xc3\xa4.a" }, { "a", "" },
	};
	struct challenges *const challenges = challenges_new();
	char token[CHALLENGE_TOKEN + 2], text[CHALLENGE_TEXT + 2];

	(void)state;
	assert_non_null(challenges);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tux_challenges_add(challenges, bad[i].token, bad[i].text));
	memset(token, 'a', sizeof(token));
	memset(text, 'a', sizeof(text));
	token[CHALLENGE_TOKEN] = text[CHALLENGE_TEXT] = '\0';
	text[CHALLENGE_TOKEN] = '.';
	assert_true(tux_challenges_add(challenges, token, text));
	text[CHALLENGE_TEXT] = 'a';
	text[CHALLENGE_TEXT + 1] = '\0';
	assert_false(tux_challenges_add(challenges, token, text));
	token[CHALLENGE_TOKEN] = 'a';
	token[CHALLENGE_TOKEN + 1] = '\0';
	assert_false(tux_challenges_add(challenges, token, text));
	munmap(challenges, sizeof(*challenges));
}

static void test_challenges_cannot_be_made_writable(void **state)
{
	int fd, status;
	struct challenges *const challenges = tux_challenges_new(&fd);
	pid_t pid;

	(void)state;
	assert_non_null(challenges);
	pid = fork();
	if (pid == 0)
		_exit(!tux_challenges_confine(challenges, fd) || mprotect(challenges, sizeof(*challenges), PROT_READ | PROT_WRITE) == 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(tux_challenges_add(challenges, "t", "t.k"));
	munmap(challenges, sizeof(*challenges));
	close(fd);
}

static void test_challenges_have_a_limit(void **state)
{
	struct challenges *const challenges = challenges_new();
	char token[16], text[32];

	(void)state;
	assert_non_null(challenges);
	for (unsigned i = 0; i <= CHALLENGES_MAX; i++) {
		snprintf(token, sizeof(token), "t%u", i);
		snprintf(text, sizeof(text), "t%u.k", i);
		assert_int_equal(tux_challenges_add(challenges, token, text), i < CHALLENGES_MAX);
	}
	assert_int_equal(challenges->open, CHALLENGES_MAX);
	tux_challenges_remove(challenges, CHALLENGE_HTTP, "t0");
	assert_true(tux_challenges_add(challenges, token, text));
	munmap(challenges, sizeof(*challenges));
}

/* A worker that was taken over may have written anything to the memory. */
static void test_a_challenge_of_any_bytes_is_read_within_its_limits(void **state)
{
	struct challenges *const challenges = challenges_new();
	char text[CHALLENGE_TEXT + 1];

	(void)state;
	assert_non_null(challenges);
	memset(challenges, 0xff, sizeof(*challenges));
	assert_int_equal(found(challenges, CHALLENGE_PATH "a", text), 0);
	tux_challenges_remove(challenges, CHALLENGE_HTTP, "a");
	challenges->challenge[0] = (struct challenge){ .sequence = 2, .token_len = 1, .text_len = UINT16_MAX, .token = "a" };
	assert_int_equal(found(challenges, CHALLENGE_PATH "a", text), 0);
	challenges->challenge[0] = (struct challenge){ .sequence = 3, .token_len = 1, .text_len = 3, .token = "a", .text = "a.b" };
	assert_int_equal(found(challenges, CHALLENGE_PATH "a", text), 0); /* it is being written */
	challenges->challenge[0].sequence = 4;
	assert_int_equal(found(challenges, CHALLENGE_PATH "a", text), 3);
	munmap(challenges, sizeof(*challenges));
}

/* The process that writes may be killed at any time. The next one begins with the removal of all challenges. */
static void test_challenges_work_after_a_killed_writer(void **state)
{
	static const struct challenge killed[] = {
		{ .sequence = 1 }, { .sequence = 1, .token_len = 1, .text_len = 3, .token = "a", .text = "a.b" },
		{ .sequence = 2, .token_len = 1, .text_len = 3, .token = "a", .text = "a.b" },
	};
	char text[CHALLENGE_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(killed) / sizeof(killed[0]); i++) {
		struct challenges *const challenges = challenges_new();

		assert_non_null(challenges);
		challenges->challenge[0] = killed[i / 2];
		challenges->open = i % 2; /* it was counted, or not yet */
		tux_challenges_remove(challenges, CHALLENGE_HTTP, NULL);
		assert_int_equal(challenges->open, 0);
		assert_int_equal(found(challenges, CHALLENGE_PATH "a", text), 0);
		assert_true(tux_challenges_add(challenges, "c", "c.d"));
		assert_int_equal(found(challenges, CHALLENGE_PATH "c", text), 3);
		assert_int_equal(challenges->challenge[0].sequence % 2, 0);
		munmap(challenges, sizeof(*challenges));
	}
}

#define MESSAGE(text) text, sizeof(text)

#define DIGEST "EfCG07z-YsVtnx2Qgof3n5Pq01vdjpYjgNI3eSLNgxM" /* of "tok.k" */

struct message {
	const char *text;
	size_t len;
	bool applied;
	unsigned open;
};

/* Applies messages in turn. */
static void apply(bool by_tls, const struct message *messages, size_t count)
{
	static const char *const names[] = { "a.example", "b.example" };
	const struct tux_hook_rules rules = { challenges_new(), by_tls, { names, 2 }, "k" };

	assert_non_null(rules.challenges);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(tux_hook_apply(&rules, messages[i].text, messages[i].len), messages[i].applied);
		assert_int_equal(rules.challenges->open, messages[i].open);
	}
	munmap(rules.challenges, sizeof(*rules.challenges));
}

static void test_messages_of_the_hook(void **state)
{
	static const struct message messages[] = {
		{ MESSAGE("begin\0http-01\0a.example\0tok\0tok.k"), true, 1 },
		{ MESSAGE("begin\0tls-alpn-01\0a.example\0two\0" DIGEST), false, 1 },
		{ MESSAGE("done\0tls-alpn-01\0a.example\0tok\0tok.k"), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0two\0two.j"), false, 1 }, /* another account's */
		{ MESSAGE("begin\0http-01\0a.example\0two\0two.kk"), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0two\0two."), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0two\0twok"), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0two\0tok.k"), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0../x\0../x.k"), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0two"), false, 1 },
		{ MESSAGE("begin\0http-01\0a.example\0two\0two.k\0more"), false, 1 },
		{ "begin\0http-01\0a.example\0two\0two.k", sizeof("begin\0http-01\0a.example\0two\0two.k") - 1, false, 1 },
		{ MESSAGE("other\0http-01\0a.example\0two\0two.k"), false, 1 },
		{ "", 0, false, 1 },
		{ "\0\0\0\0\0", 5, false, 1 },
		{ MESSAGE("failed\0http-01\0a.example\0two\0two.k"), true, 1 },
		{ MESSAGE("done\0http-01\0a.example\0tok\0tok.k"), true, 0 },
	};

	(void)state;
	apply(false, messages, sizeof(messages) / sizeof(messages[0]));
}

static void test_messages_of_the_hook_for_handshakes(void **state)
{
	static const struct message messages[] = {
		{ MESSAGE("begin\0http-01\0a.example\0tok\0tok.k"), false, 0 },
		{ MESSAGE("begin\0tls-alpn-01\0a.example\0tok\0" DIGEST), true, 1 },
		{ MESSAGE("begin\0tls-alpn-01\0B.EXAMPLE\0tok\0" DIGEST), true, 2 },
		{ MESSAGE("begin\0tls-alpn-01\0c.example\0tok\0" DIGEST), false, 2 }, /* another host's name */
		{ MESSAGE("begin\0tls-alpn-01\0\0tok\0" DIGEST), false, 2 },
		{ MESSAGE("begin\0tls-alpn-01\0a.example\0tok\0" DIGEST "A"), false, 2 },
		{ MESSAGE("begin\0tls-alpn-01\0a.example\0tok\0"), false, 2 },
		{ MESSAGE("begin\0tls-alpn-01\0a.example\0tok\0AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), false, 2 }, /* another account's */
		{ MESSAGE("begin\0tls-alpn-01\0a.example\0two\0" DIGEST), false, 2 }, /* another token's */
		{ MESSAGE("done\0tls-alpn-01\0a.example\0tok\0" DIGEST), true, 1 },
		{ MESSAGE("failed\0tls-alpn-01\0b.example\0tok\0" DIGEST), true, 0 },
	};

	(void)state;
	apply(true, messages, sizeof(messages) / sizeof(messages[0]));
}

#define PEM(text) "-----BEGIN " "PRIVATE KEY-----\n" text "-----END " "PRIVATE KEY-----\n"

/* RFC 7638 3. The expected ones were computed by openssl(1). */
static void test_thumbprints(void **state)
{
	static const struct {
		const char *key, *thumbprint;
	} keys[] = {
		{ PEM("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWem/xiFIgnIuONM/\n"
		  "YOr2q0JABkw9XIaQJ4zD6nvtFJahRANCAATCBt3oO7txDPyJR1q4uBy2Zz30Lkc1\n"
		  "iiSksJEY+Wpx5eLxNw9MVl36VHwG0dW/qNNO4X8KGMktvsjNIw9W92H5\n"),
		  "TAnXuVwWM6UwUuNmzSFmuL4ZWPF-W-pVowguMmaS7XE" },
		{ PEM("MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCQZ0T4KRfV77a6XPvm\n"
		  "HQ2srQqv9mQN1+XCz7RYb3olTIJNasA1mRcqbK88YlQA93yhZANiAARTdRWOrfxH\n"
		  "G5wf8ZxXVAI6VA3WWrUzQbd0QEijOi09NJXdLYBCnRQr3cCYuUqMLvurkN+BxL7f\n"
		  "i2+9+Uh43kyh1VPcH9U7RMuE54dfmFkBhOBWp/Ip879+JpVZKkEBA1U=\n"),
		  "nIGBYEyQJm8rbMOHodyca-YBJJFb_gF3eGZRVZxMRY4" },
		{ PEM("MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIB37Z9L8AJ//HU3xTE\n"
		  "AysqoP11xKlc54jsiqu6jQPntmZqBVK+FY4iTJc6lLjdt9o2I8/QMzNKCurbPAnH\n"
		  "pXYsH62hgYkDgYYABAB7UcUNfKVzzDDS4Sa+CWc2Q/27wa3EQwVAlzTVFyIJwmdH\n"
		  "XPNM3d6bYxpfC/OVRW/vWrjJxgMT8a3GKedWwyeDwgC/Y413c19+t5ssHNkwRDRu\n"
		  "Y3MHswN2RF0vYylo79Qn4ADGUnMnL0zvAR+QOLyk/ugX+vFSjTe5V0ya1WcYYT/O\n"
		  "eQ==\n"),
		  "rtsv_4BLvLkYLqrKk0VViucbEOBN50yh7Yi-Vmfj1AA" },
		{ PEM("MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBAM3gh6DYiEJgcyOt\n"
		  "2OUnfn13Krad+RW137rlrmOBC/lz0lHMG6Ha8FPyvtwMwi6E7zcRG4/PF4KLZDfs\n"
		  "GJWQBIrORZVj/cNy+U3IKdsZ6lErqZ1k31URlJnsdK6cyKVpzmPTVSs0HCUkws8p\n"
		  "zfzzU+iLiBcbEFGDvWyXkx0X3mdzAgMBAAECgYEAtlXkaS09SORZNUFUNmgLHB29\n"
		  "o603nOXOd53SHGh/bXgJzs4hrvDUJtV3+jYGiOLNZoztRymX3dOMeAbPIy9BBQPN\n"
		  "VQu3fhTP9dMiu2ddZyN88lswCnr1Nsb/GqBPi5IsSNWpMAVxswksKHZ2L8V5yB2a\n"
		  "BcQ5g/HdyfNVfxT/ElkCQQDnvuiRjDttC1/uWxo85zdus9+Le3zBnOqS/D/2gwVA\n"
		  "mHvgTAgxsT3red9c+Fq9QhR8YyABrLNoeJOW/R4dhamdAkEA42yHuZQ4kzdHF8lI\n"
		  "LYFIjCg4gVdLSTCc3TM3EzhPj1Y9VBkVCv4tYw5d2Chp6ZERwHpKIo/QkM0+cHqa\n"
		  "1bZQTwJBAKJ9uZRUP1a2Iw1902fgt31nodarP06CN/fX5wFx3LzuLe2XYid1n3T8\n"
		  "fyExAm6xZqvQ1SBXd3RJFzNHR1Zr4gECQDYib2xNS+o/Dj0rPHMYgxxZtpmTHeie\n"
		  "GbjNqB57GPUVoiOSlN+5ATTDBrOdaxid34vhkCQJ96uAL4y2ooSckSECQQC7Nn+X\n"
		  "vh7QrFci/Hin0eELtA9jV9gRbg4whKyJgsUnW2ldNk7VqshEeo5NOTGvgEsUWOiW\n"
		  "h1UY3rVFZupqN7Wl\n"),
		  "PY7WsMKkyjmk0At_xdj5680Q4jw7f9lh-s6rBGaPkAI" },
		{ PEM("MC4CAQAwBQYDK2VwBCIEIJ4SVy9WuZDEVePdEKECamVg8oAMlu+RY0wHs+nGDeZ5\n"),
		  NULL },
		{ "no key\n",
		  NULL },
	};
	char text[TUX_THUMBPRINT + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct tux_pem pem = { strdup(keys[i].key), strlen(keys[i].key) };

		assert_int_equal(tux_thumbprint(&pem, text), keys[i].thumbprint != NULL);
		if (keys[i].thumbprint)
			assert_string_equal(text, keys[i].thumbprint);
		free(pem.text);
	}
}

static void test_bindings(void **state)
{
	static const char *const good[] = { "kid:AAAA", "kid-1:a_-9==", "https://x/1" };
	static const char *const bad[] = { "", "kid", "kid:", ":AAAA", "k d:AAAA", "kid:A A", "kid:A+/", "kid:=", "kid:A=A", "k\xc3\xa4:AA", "kid:AA\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_true(tux_binding_good(good[i]));
	assert_false(tux_binding_good(good[2])); /* the key is after the first colon */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tux_binding_good(bad[i]));
}

static void test_times_of_renewals(void **state)
{
	enum { DAY = 86400, BEGIN = 1000 * DAY, END = 1090 * DAY, DUE = 1060 * DAY };

	(void)state;
	assert_int_equal(tux_schedule_due(BEGIN, END), DUE);
	assert_int_equal(tux_schedule_due(END, BEGIN), BEGIN + 30 * DAY); /* a certificate that ends before it begins */
	assert_int_equal(tux_schedule_look(BEGIN, END, BEGIN, 7), BEGIN + 3600);
	assert_int_equal(tux_schedule_look(BEGIN, END, DUE - 3600, 7), DUE);
	assert_int_equal(tux_schedule_look(BEGIN, END, DUE - 3599, 0), DUE);
	assert_int_equal(tux_schedule_look(BEGIN, END, DUE - 3599, 7), DUE + 7);
	for (uint32_t random = UINT32_MAX; random > UINT32_MAX - 100000; random -= 97) {
		const int64_t at = tux_schedule_look(BEGIN, END, DUE - 1, random);

		assert_true(at >= DUE && at <= DUE + 9 * DAY / 10);
	}
	assert_true(tux_schedule_look(0, (int64_t)4000 * DAY, (int64_t)4000 * DAY * 2 / 3 - 1, UINT32_MAX) <= (int64_t)4000 * DAY * 2 / 3 + 1 + DAY);
	assert_int_equal(tux_schedule_look(BEGIN, BEGIN, BEGIN - 1, 5), BEGIN);
}

static void test_times_come_after_the_clock_was_set_back(void **state)
{
	(void)state;
	assert_true(tux_schedule_has_come(0, 10, 1000));
	assert_true(tux_schedule_has_come(1000, 10, 1000));
	assert_false(tux_schedule_has_come(1001, 10, 1000));
	assert_false(tux_schedule_has_come(1010, 10, 1000));
	assert_true(tux_schedule_has_come(1011, 10, 1000));
	assert_true(tux_schedule_has_come((int64_t)100 * 365 * 86400, 86400, 0));
}

static void test_delays_after_failures(void **state)
{
	(void)state;
	assert_int_equal(tux_schedule_retry(300, 1, 0), 300);
	assert_int_equal(tux_schedule_retry(300, 2, 0), 600);
	assert_int_equal(tux_schedule_retry(300, 9, 0), 76800);
	assert_int_equal(tux_schedule_retry(300, 10, 0), 86400);
	assert_int_equal(tux_schedule_retry(300, UINT32_MAX, 0), 86400);
	assert_int_equal(tux_schedule_retry(86400, 1, 10800), 86400 + 10800);
	assert_int_equal(tux_schedule_retry(86400, 1, 10801), 86400);
	assert_int_equal(tux_schedule_retry(1, 1, UINT32_MAX), 1);
}

/* Returns the handler of a path; TUX_HANDLERS without a route. */
static unsigned handler_of(const struct tux_routes *routes, const char *path)
{
	const uint32_t found = tux_route_find(routes, (const uint8_t *)path, (uint32_t)strlen(path));

	return found < routes->count ? routes->route[found].handler : TUX_HANDLERS;
}

static void test_kernel_engine_hands_up_challenges(void **state)
{
	static const char text[] = "/.well-known/acme-challenge/" "/.well-known/acme-challenge/" ".php" "/app/" "/";
	struct tux_route route[] = {
		{ .text = 65, .prefix_len = 1, .handler = TUX_HANDLER_MODULE, .argument = 3 },
		{ .text = 28, .prefix_len = 28, .suffix_len = 4, .handler = TUX_HANDLER_CGI },
		{ .text = 0, .prefix_len = 28, .handler = TUX_HANDLER_STATIC },
		{ .text = 60, .prefix_len = 5, .handler = TUX_HANDLER_HANDOVER },
	};
	const struct tux_routes all = { route, (const uint8_t *)text, 4, sizeof(text) - 1 }, none = { .count = 0 };
	struct kernel_routes made;
	struct tux_routes routes;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_true(tux_route_link(route, i, all.text));
	assert_true(tux_routes_valid(&all));
	assert_true(kernel_routes_make(&all, &made));
	routes = (struct tux_routes){ made.route, made.text, made.count, made.text_len };
	assert_true(tux_routes_valid(&routes));
	assert_int_equal(routes.count, 5);
	assert_int_equal(routes.route[made.at].handler, TUX_HANDLER_STATUS);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(routes.route[i + (i >= made.at)].argument, route[i].argument);
	assert_int_equal(handler_of(&routes, CHALLENGE_PATH "token"), TUX_HANDLER_STATUS);
	assert_int_equal(handler_of(&routes, CHALLENGE_PATH "x.php"), TUX_HANDLER_STATUS);
	assert_int_equal(handler_of(&routes, CHALLENGE_PATH), TUX_HANDLER_STATUS);
	assert_int_equal(handler_of(&routes, "/.well-known/acme-challeng"), TUX_HANDLER_MODULE);
	assert_int_equal(handler_of(&routes, "/app/x"), TUX_HANDLER_HANDOVER);
	assert_int_equal(handler_of(&routes, "/"), TUX_HANDLER_MODULE);
	kernel_routes_free(&made);
	assert_true(kernel_routes_make(&none, &made));
	routes = (struct tux_routes){ made.route, made.text, made.count, made.text_len };
	assert_true(tux_routes_valid(&routes));
	assert_int_equal(handler_of(&routes, CHALLENGE_PATH "token"), TUX_HANDLER_STATUS);
	assert_int_equal(handler_of(&routes, "/file"), TUX_HANDLERS);
	kernel_routes_free(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge_is_found_by_its_whole_token),
		cmocka_unit_test(test_certificate_is_found_by_its_name),
		cmocka_unit_test(test_key_of_a_certificate_stays_not_on_the_stack),
		cmocka_unit_test(test_malformed_challenges_are_refused),
		cmocka_unit_test(test_challenges_cannot_be_made_writable),
		cmocka_unit_test(test_challenges_have_a_limit),
		cmocka_unit_test(test_a_challenge_of_any_bytes_is_read_within_its_limits),
		cmocka_unit_test(test_challenges_work_after_a_killed_writer),
		cmocka_unit_test(test_messages_of_the_hook),
		cmocka_unit_test(test_messages_of_the_hook_for_handshakes),
		cmocka_unit_test(test_thumbprints),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_times_of_renewals),
		cmocka_unit_test(test_times_come_after_the_clock_was_set_back),
		cmocka_unit_test(test_delays_after_failures),
		cmocka_unit_test(test_kernel_engine_hands_up_challenges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
