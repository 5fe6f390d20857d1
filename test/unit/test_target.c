/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "target.h"
#include "target_model.h"

/* Returns the text in memory of exactly its size, so that sanitizers detect a read beyond it. The caller frees it. */
static uint8_t *exact(const char *text)
{
	size_t len = strlen(text);
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

#define TEXT(text) (const uint8_t *)(text), (uint32_t)sizeof(text) - 1

struct split_case {
	const char *why;
	const char *target;
	enum tux_method method;
	enum tux_refusal refusal;
	enum tux_target_form form;
	const char *path, *query, *host;
};

static const struct split_case split_cases[] = {
	{ "RFC 9112 3.2.1: origin form", "/a/b", TUX_GET, TUX_ACCEPTED, TUX_FORM_ORIGIN, "/a/b", "", "" },
	{ "RFC 9112 3.2.1: the query follows the first '?'", "/where?q=now?&x", TUX_GET, TUX_ACCEPTED, TUX_FORM_ORIGIN,
	  "/where", "q=now?&x", "" },
	{ "RFC 3986 3.4: an empty query", "/?", TUX_GET, TUX_ACCEPTED, TUX_FORM_ORIGIN, "/", "", "" },
	{ "two slashes are a path, not an authority", "//evil.example/x", TUX_GET, TUX_ACCEPTED, TUX_FORM_ORIGIN,
	  "//evil.example/x", "", "" },
	{ "a '?' behind eight octets and more", "/0123456789abcdef?0123456789", TUX_GET, TUX_ACCEPTED, TUX_FORM_ORIGIN,
	  "/0123456789abcdef", "0123456789", "" },
	{ "seven octets behind eight", "/01234567890123", TUX_GET, TUX_ACCEPTED, TUX_FORM_ORIGIN, "/01234567890123",
	  "", "" },
	{ "RFC 9112 3.2.2: absolute form", "http://www.example.org:80/p?q", TUX_GET, TUX_ACCEPTED, TUX_FORM_ABSOLUTE,
	  "/p", "q", "www.example.org:80" },
	{ "RFC 3986 3.1: schemes are case-insensitive", "HTTPS://[::1]/p", TUX_GET, TUX_ACCEPTED, TUX_FORM_ABSOLUTE, "/p",
	  "", "[::1]" },
	{ "RFC 9110 4.2.3: an empty path in absolute form", "http://h", TUX_GET, TUX_ACCEPTED, TUX_FORM_ABSOLUTE, "", "",
	  "h" },
	{ "absolute form, query without path", "http://h?q", TUX_GET, TUX_ACCEPTED, TUX_FORM_ABSOLUTE, "", "q", "h" },
	{ "RFC 9112 3.2.4: asterisk form", "*", TUX_OPTIONS, TUX_ACCEPTED, TUX_FORM_ASTERISK, "", "", "" },
	{ "RFC 9112 3.2.3: authority form", "h:443", TUX_CONNECT, TUX_ACCEPTED, TUX_FORM_AUTHORITY, "", "", "h:443" },
	{ "RFC 9112 3.2.3: authority form, IPv6", "[fe80::1]:443", TUX_CONNECT, TUX_ACCEPTED, TUX_FORM_AUTHORITY, "", "",
	  "[fe80::1]:443" },
	{ "RFC 9110 4.2.1: an http URI needs a host", "http:///p", TUX_GET, TUX_REFUSED_HOST, 0, "", "", "" },
	{ "RFC 9110 4.2.4: no user information", "http://u:p@h/", TUX_GET, TUX_REFUSED_HOST, 0, "", "", "" },
	{ "asterisk form with OPTIONS alone", "*", TUX_GET, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "asterisk and more", "*x", TUX_OPTIONS, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "authority form with CONNECT alone", "h:443", TUX_GET, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "CONNECT without port", "h", TUX_CONNECT, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "CONNECT without port digits", "h:", TUX_CONNECT, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "CONNECT without host", ":443", TUX_CONNECT, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "CONNECT with digits alone", "443", TUX_CONNECT, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "CONNECT with a path", "/", TUX_CONNECT, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "another scheme", "ftp://h/", TUX_GET, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "a relative path", "index.html", TUX_GET, TUX_REFUSED_TARGET, 0, "", "", "" },
	{ "a query alone", "?q", TUX_GET, TUX_REFUSED_TARGET, 0, "", "", "" },
};

static void assert_span(const char *why, const char *buf, struct tux_span span, const char *expected)
{
	if (span.len != strlen(expected) || memcmp(buf + span.off, expected, span.len) != 0)
		fail_msg("%s: '%.*s' instead of '%s'", why, (int)span.len, buf + span.off, expected);
}

static void test_split(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(split_cases) / sizeof(split_cases[0]); i++) {
		const struct split_case *c = &split_cases[i];
		uint8_t *target = exact(c->target);
		struct tux_request req = { 0 };
		enum tux_refusal refusal;

		req.method = (uint8_t)c->method;
		req.target.len = (uint32_t)strlen(c->target);
		refusal = tux_target_split(target, &req);
		free(target);
		if (refusal != c->refusal)
			fail_msg("%s: refusal %d", c->why, (int)refusal);
		if (refusal != TUX_ACCEPTED)
			continue;
		if (req.form != c->form)
			fail_msg("%s: form %d", c->why, req.form);
		assert_span(c->why, c->target, req.path, c->path);
		assert_span(c->why, c->target, req.query, c->query);
		assert_span(c->why, c->target, req.host, c->host);
	}
}

static bool is_host(const char *text)
{
	uint8_t *copy = exact(text);
	bool result = tux_target_is_host(copy, (struct tux_span){ 0, (uint32_t)strlen(text) });

	free(copy);
	return result;
}

static void test_hosts(void **state)
{
	static const char *const good[] = {
		"", "h", "www.example.org", "www.example.org:8080", "h:", "h:0", "h:65535", "127.0.0.1", "127.0.0.1:80",
		"a_b", "xn--bcher-kva.example", "a%41", "%41", "%e2%82%ac:80", "[::]", "[::1]:80", "[1::]", "[1::2:3]",
		"[1:2:3:4:5:6:7:8]", "[::ffff:192.0.2.1]", "[1:2:3:4:5:6:192.0.2.1]", "[::2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7::]",
		"0123456789abcdef", "0123456789abcdef:1", "!$&'()*+,;=",
	};
	static const char *const bad[] = {
		":80", "h:65536", "h:99999999999", "h:8x", "h:80:80", "u@h", "h/", "h h", "h?", "h#", "a%4", "a%", "a%zz", "[",
		"[]", "[:]", "[:::]", "[::1", "::1", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[12345::]",
		"[1:2:3:4:5:6:7:8::]", "[1:2:3:4:5:6:7:8:]", "[1:]", "[:1]", "[::g]", "[::1]x", "[::1]80", "[::192.0.2]",
		"[::192.0.2.256]", "[::192.0.2.01]", "[192.0.2.1]", "[1:2:3:4:5:6:7:192.0.2.1]", "[fe80::1%]", "[%25eth0]", "[fe80::1%a b]", "[v1.x]",
		"h\x7f", "h\xc3\xa9", "0123456789abcde\"f", "h\\", "[::1.2.3.4.5]", "[1:2:3:4:5:6::1.2.3.4]",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!is_host(good[i]))
			fail_msg("RFC 3986 3.2.2: '%s' is a host", good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (is_host(bad[i]))
			fail_msg("RFC 3986 3.2.2: '%s' is no host", bad[i]);
	}
}

struct path_case {
	const char *why;
	const char *src, *dst;
	enum tux_refusal refusal;
};

static const struct path_case path_cases[] = {
	{ "the root", "/", "/", TUX_ACCEPTED },
	{ "RFC 3986 5.2.4", "/a/b/c/./../../g", "/a/g", TUX_ACCEPTED },
	{ "RFC 3986 5.2.4, behind the last", "/a/b/..", "/a/", TUX_ACCEPTED },
	{ "a trailing slash stays", "/a/", "/a/", TUX_ACCEPTED },
	{ "a final dot is a directory", "/a/.", "/a/", TUX_ACCEPTED },
	{ "runs of slashes are one", "//a///b//", "/a/b/", TUX_ACCEPTED },
	{ "empty segments are no level to go up from", "/a//..", "/", TUX_ACCEPTED },
	{ "up to the root", "/a/..", "/", TUX_ACCEPTED },
	{ "three dots are a name", "/.../..a/b..", "/.../..a/b..", TUX_ACCEPTED },
	{ "RFC 3986 2.1: escapes, in both cases", "/%41%6d%6D", "/Amm", TUX_ACCEPTED },
	{ "decoded once", "/%2541", "/%41", TUX_ACCEPTED },
	{ "an escaped dot is a dot", "/a/%2e%2E/b", "/b", TUX_ACCEPTED },
	{ "an escaped slash is a slash", "/a%2f..%2Fb", "/b", TUX_ACCEPTED },
	{ "UTF-8, raw and escaped", "/\xc3\xa9%C3%A9", "/\xc3\xa9\xc3\xa9", TUX_ACCEPTED },
	{ "controls may be escaped: file names have them", "/%0a%7f", "/\n\x7f", TUX_ACCEPTED },
	{ "a backslash is a name", "/a\\..\\b", "/a\\..\\b", TUX_ACCEPTED },
	{ "above the root", "/..", "", TUX_REFUSED_DOT_DOT },
	{ "above the root and back", "/../a", "", TUX_REFUSED_DOT_DOT },
	{ "above the root, behind a name", "/a/../../a", "", TUX_REFUSED_DOT_DOT },
	{ "above the root, escaped", "/a/%2e./%2e%2e/", "", TUX_REFUSED_DOT_DOT },
	{ "above the root, behind a dot", "/./..", "", TUX_REFUSED_DOT_DOT },
	{ "NUL", "/a%00.html", "", TUX_REFUSED_ESCAPE },
	{ "half an escape", "/a%4", "", TUX_REFUSED_ESCAPE },
	{ "a percent sign alone", "/%", "", TUX_REFUSED_ESCAPE },
	{ "no hexadecimal digit", "/%4g", "", TUX_REFUSED_ESCAPE },
	{ "no hexadecimal digit", "/%g4", "", TUX_REFUSED_ESCAPE },
	{ "no slash", "a", "", TUX_REFUSED_TARGET },
	{ "an escaped first slash", "%2fa", "", TUX_REFUSED_TARGET },
	{ "nothing", "", "", TUX_REFUSED_TARGET },
};

static void test_normalise(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++) {
		const struct path_case *c = &path_cases[i];
		uint32_t len = (uint32_t)strlen(c->src), dst_len = 77;
		uint8_t *src = exact(c->src), *dst = exact(c->src);
		enum tux_refusal refusal;

		refusal = tux_target_normalise(src, len, dst, &dst_len);
		if (refusal != c->refusal || dst_len != strlen(c->dst) || memcmp(dst, c->dst, dst_len) != 0)
			fail_msg("%s: %s gives %d '%.*s'", c->why, c->src, (int)refusal, (int)dst_len, (const char *)dst);
		free(src);
		free(dst);
	}
}

/* Compares longer paths than those of the exhaustive test, from a fixed sequence, with the model. */
static void test_normalise_long(void **state)
{
	static const char *const parts[] = { "/", ".", "..", "/../", "%2e", "%2F", "name", "%41", "a", "//", "\xff",
	  "/./" };
	uint32_t random = 1, round, len, dst_len, expected_len;
	uint8_t src[512], dst[512], expected[512];

	(void)state;
	for (round = 0; round < 20000; round++) {
		uint32_t count = round % 40;

		src[0] = '/';
		for (len = 1; count > 0; count--) {
			const char *part;

			random = random * 1664525u + 1013904223u;
			part = parts[(random >> 16) % (sizeof(parts) / sizeof(parts[0]))];
			memcpy(src + len, part, strlen(part));
			len += (uint32_t)strlen(part);
		}
		assert_int_equal(tux_target_normalise(src, len, dst, &dst_len),
		                 target_model_normalise(src, len, expected, &expected_len));
		assert_int_equal(dst_len, expected_len);
		assert_memory_equal(dst, expected, dst_len);
	}
}

static void test_nul_in_path(void **state)
{
	uint8_t dst[4];
	uint32_t len;

	(void)state;
	assert_int_equal(tux_target_normalise(TEXT("/a\0b"), dst, &len), TUX_REFUSED_ESCAPE);
	assert_int_equal(len, 0);
}

static void test_dot_files(void **state)
{
	(void)state;
	assert_true(tux_target_has_dot_file(TEXT("/.git/config")));
	assert_true(tux_target_has_dot_file(TEXT("/a/.htaccess")));
	assert_true(tux_target_has_dot_file(TEXT("/...")));
	assert_false(tux_target_has_dot_file(TEXT("/a.b/c.")));
	assert_false(tux_target_has_dot_file(TEXT("/.well-known")));
	assert_false(tux_target_has_dot_file(TEXT("/.well-known/")));
	assert_false(tux_target_has_dot_file(TEXT("/.well-known/acme-challenge/a.b")));
	assert_true(tux_target_has_dot_file(TEXT("/.well-know")));
	assert_true(tux_target_has_dot_file(TEXT("/.well-known-too/a")));
	assert_true(tux_target_has_dot_file(TEXT("/.well-known.txt")));
	assert_true(tux_target_has_dot_file(TEXT("/.Well-Known/a")));
	assert_true(tux_target_has_dot_file(TEXT("/.well-known/.git/config")));
	assert_true(tux_target_has_dot_file(TEXT("/.well-known/a/.b")));
	assert_true(tux_target_has_dot_file(TEXT("/a/.well-known/b")));
	assert_false(tux_target_has_dot_file(TEXT("/")));
}

static void test_escape(void **state)
{
	uint8_t out[64];
	uint32_t octet, len;

	(void)state;
	len = tux_target_escape(TEXT("/a b/\xc3\xa9%\r\n\"<>?#"), out, sizeof(out));
	assert_int_equal(len, strlen("/a%20b/%C3%A9%25%0D%0A%22%3C%3E%3F%23"));
	assert_memory_equal(out, "/a%20b/%C3%A9%25%0D%0A%22%3C%3E%3F%23", len);
	assert_int_equal(tux_target_escape(TEXT("/~a-._!$&'()*+,;=:@"), out, 19), 19);
	assert_int_equal(tux_target_escape(TEXT("/~a-._!$&'()*+,;=:@"), out, 18), 0);
	assert_int_equal(tux_target_escape(TEXT(" "), out, 3), 3);
	assert_int_equal(tux_target_escape(TEXT(" "), out, 2), 0);
	assert_int_equal(tux_target_escape(TEXT(""), out, 2), 0);

	/* Every escaped octet decodes to itself, and is visible ASCII. */
	for (octet = 1; octet < 256; octet++) {
		uint8_t path[2] = { '/', (uint8_t)octet }, back[4];
		uint32_t back_len, i;

		len = tux_target_escape(path, 2, out, sizeof(out));
		for (i = 0; i < len; i++)
			assert_in_range(out[i], 0x21, 0x7e);
		if (octet == '/' || octet == '.')
			continue;
		assert_int_equal(tux_target_normalise(out, len, back, &back_len), TUX_ACCEPTED);
		assert_int_equal(back_len, 2);
		assert_memory_equal(back, path, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),          cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_normalise),      cmocka_unit_test(test_normalise_long),
		cmocka_unit_test(test_nul_in_path),    cmocka_unit_test(test_dot_files),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
