/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parses every head whole, and octet by octet, in memory of exactly its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "request.h"
#include "sanitizer.h"

static struct tux_request req;
static char big[65536];

/* Returns the verdict on the first len bytes of text, of which seen bytes were parsed before. */
static enum tux_verdict parse(const char *text, size_t len, size_t seen)
{
	uint8_t *copy = malloc(len + 1);
	enum tux_verdict verdict;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	forget(&req, sizeof(req));
	verdict = tux_request_parse(copy + 1, (uint32_t)len, (uint32_t)seen, &req);
	free(copy);
	return verdict;
}

/* Parses the head octet by octet. Returns the final verdict, after *at octets. */
static enum tux_verdict trickle(const char *text, size_t len, size_t *at)
{
	enum tux_verdict verdict = TUX_MORE;

	for (*at = 0; verdict == TUX_MORE && *at < len; (*at)++)
		verdict = parse(text, *at + 1, *at);
	return verdict;
}

struct accepted {
	const char *why;
	const char *head;
	enum tux_method method;
	uint8_t minor;
	bool keep_alive;
	bool expect_continue;
	enum tux_framing framing;
	uint64_t content_length;
	const char *path, *host;
	uint32_t fields;
};

#define H "\r\nHost: h\r\n"
#define NONE TUX_FRAMING_NONE, 0
#define LENGTH(bytes) TUX_FRAMING_LENGTH, bytes
#define CHUNKED TUX_FRAMING_CHUNKED, 0

static const struct accepted accepted[] = {
	{ "the least there is", "GET / HTTP/1.1" H "\r\n", TUX_GET, 1, true, false, NONE, "/", "h", 1 },
	{ "HTTP/1.0 needs no Host and closes", "GET /a HTTP/1.0\r\n\r\n", TUX_GET, 0, false, false, NONE, "/a", "", 0 },
	{ "RFC 9112 9.3: keep-alive in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", TUX_GET, 0, true,
	  false, NONE, "/", "", 1 },
	{ "RFC 9112 9.3: close", "GET / HTTP/1.1" H "Connection: close\r\n\r\n", TUX_GET, 1, false, false, NONE, "/",
	  "h", 2 },
	{ "RFC 9112 9.3: close wins, on any line",
	  "GET / HTTP/1.1" H "Connection: keep-alive\r\nConnection: TE, Close\r\n\r\n",
	  TUX_GET, 1, false, false, NONE, "/", "h", 3 },
	{ "RFC 9112 9.3: close wins, in any order", "GET / HTTP/1.1" H "Connection: close, keep-alive\r\n\r\n", TUX_GET, 1,
	  false, false, NONE, "/", "h", 2 },
	{ "closed is not close", "GET / HTTP/1.1" H "Connection: closed\r\n\r\n", TUX_GET, 1, true, false, NONE, "/",
	  "h", 2 },
	{ "RFC 9110 2.5: a higher minor version is 1.1", "GET / HTTP/1.9" H "\r\n", TUX_GET, 1, true, false, NONE,
	  "/", "h", 1 },
	{ "RFC 9112 2.2: empty lines in front", "\r\n\r\nGET / HTTP/1.1" H "\r\n", TUX_GET, 1, true, false, NONE, "/",
	  "h", 1 },
	{ "RFC 9110 9.1: methods are case-sensitive", "get / HTTP/1.1" H "\r\n", TUX_METHOD_UNKNOWN, 1, true, false,
	  NONE, "/",
	  "h", 1 },
	{ "RFC 9110 9.1: any token is a method", "M-SEARCH! / HTTP/1.1" H "\r\n", TUX_METHOD_UNKNOWN, 1, true, false,
	  NONE, "/",
	  "h", 1 },
	{ "HEAD", "HEAD / HTTP/1.1" H "\r\n", TUX_HEAD, 1, true, false, NONE, "/", "h", 1 },
	{ "PUT", "PUT / HTTP/1.1" H "\r\n", TUX_PUT, 1, true, false, NONE, "/", "h", 1 },
	{ "PATCH", "PATCH / HTTP/1.1" H "\r\n", TUX_PATCH, 1, true, false, NONE, "/", "h", 1 },
	{ "DELETE", "DELETE / HTTP/1.1" H "\r\n", TUX_DELETE, 1, true, false, NONE, "/", "h", 1 },
	{ "TRACE", "TRACE / HTTP/1.1" H "\r\n", TUX_TRACE, 1, true, false, NONE, "/", "h", 1 },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1" H "\r\n", TUX_OPTIONS, 1, true, false, NONE, "", "h", 1 },
	{ "CONNECT", "CONNECT a:1 HTTP/1.1" H "\r\n", TUX_CONNECT, 1, true, false, NONE, "", "a:1", 1 },
	{ "RFC 9112 3.2.2: the target's host overrides Host", "GET http://a/b HTTP/1.1" H "\r\n", TUX_GET, 1, true,
	  false, NONE,
	  "/b", "a", 1 },
	{ "RFC 9110 7.2: Host may be empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", TUX_GET, 1, true, false, NONE, "/", "", 1 },
	{ "octets that browsers send raw", "GET /<>|{}^`\"\\\xc3\xa9 HTTP/1.1" H "\r\n", TUX_GET, 1, true, false, NONE,
	  "/<>|{}^`\"\\\xc3\xa9", "h", 1 },
	{ "RFC 9110 5.5: white space around values, tabs within",
	  "GET / HTTP/1.1\r\nHost: \t h \t\r\nX:a\tb\x80\r\nY:\r\n\r\n",
	  TUX_GET, 1, true, false, NONE, "/", "h", 3 },
	{ "RFC 9112 6.2: Content-Length", "POST / HTTP/1.1" H "Content-Length: 0042\r\n\r\n", TUX_POST, 1, true, false,
	  LENGTH(42), "/", "h", 2 },
	{ "no body, said", "POST / HTTP/1.1" H "Content-Length: 0\r\n\r\n", TUX_POST, 1, true, false, LENGTH(0), "/",
	  "h", 2 },
	{ "the longest body", "POST / HTTP/1.1" H "Content-Length: 9223372036854775807\r\n\r\n", TUX_POST, 1, true, false,
	  LENGTH(9223372036854775807u), "/", "h", 2 },
	{ "RFC 9112 6.1: chunked", "POST / HTTP/1.1" H "Transfer-Encoding: , CHUNKED\r\n\r\n", TUX_POST, 1, true,
	  false, CHUNKED,
	  "/", "h", 2 },
	{ "RFC 9110 10.1.1: 100-continue", "PUT / HTTP/1.1" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
	  TUX_PUT, 1,
	  true, true, LENGTH(1), "/", "h", 3 },
	{ "RFC 9110 10.1.1: HTTP/1.0 expects nothing", "PUT / HTTP/1.0\r\nExpect: 100-continue, x\r\n\r\n", TUX_PUT,
	  0, false,
	  false, NONE, "/", "", 1 },
	{ "broken escapes are the normalisation's", "GET /%zz HTTP/1.1" H "\r\n", TUX_GET, 1, true, false, NONE,
	  "/%zz", "h", 1 },
};

static void assert_span(const char *why, const char *buf, struct tux_span span, const char *expected)
{
	if (span.len != strlen(expected) || memcmp(buf + span.off, expected, span.len) != 0)
		fail_msg("%s: '%.*s' instead of '%s'", why, (int)span.len, buf + span.off, expected);
}

static void assert_accepted(const struct accepted *c, enum tux_verdict verdict)
{
	if (verdict != TUX_PARSED)
		fail_msg("%s: verdict %d, %s", c->why, (int)verdict, tux_refusal_text(req.refusal));
	if (req.refusal != TUX_ACCEPTED || req.head_len != strlen(c->head) || req.method != c->method || req.minor != c->minor)
		fail_msg("%s: head of %u, method %d, minor %d", c->why, req.head_len, req.method, req.minor);
	if (req.keep_alive != c->keep_alive || req.expect_continue != c->expect_continue)
		fail_msg("%s: keep-alive %d, expect %d", c->why, req.keep_alive, req.expect_continue);
	if (req.framing != c->framing || req.content_length != c->content_length)
		fail_msg("%s: framing %d of %llu", c->why, req.framing, (unsigned long long)req.content_length);
	if (req.fields.count != c->fields)
		fail_msg("%s: %u fields", c->why, req.fields.count);
	assert_span(c->why, c->head, req.path, c->path);
	assert_span(c->why, c->head, req.host, c->host);
}

static void test_accepted(void **state)
{
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		const struct accepted *c = &accepted[i];
		size_t len = strlen(c->head);
		char more[512];

		assert_accepted(c, parse(c->head, len, 0));
		for (at = 0; at < len; at++) {
			if (parse(c->head, at, 0) != TUX_MORE)
				fail_msg("%s: no TUX_MORE at %zu", c->why, at);
		}
		assert_accepted(c, trickle(c->head, len, &at));
		assert_int_equal(at, len);

		/* The next request follows, with any content. */
		snprintf(more, sizeof(more), "%s\n\r \x01", c->head);
		assert_accepted(c, parse(more, len + 4, 0));
		assert_accepted(c, parse(more, len + 4, len - 1));
	}
}

struct refused {
	const char *why;
	const char *head;
	enum tux_refusal refusal;
};

static const struct refused refused[] = {
	{ "no method", " / HTTP/1.1" H, TUX_REFUSED_METHOD },
	{ "RFC 9110 9.1: a method is a token", "GE(T / HTTP/1.1" H, TUX_REFUSED_METHOD },
	{ "a method alone", "GET\r\n", TUX_REFUSED_METHOD },
	{ "TLS on a plain port", "\x16\x03\x01", TUX_REFUSED_METHOD },
	{ "RFC 9112 3: two spaces", "GET  / HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "RFC 9112 3: a tab", "GET\t/ HTTP/1.1" H, TUX_REFUSED_METHOD },
	{ "RFC 9112 3.2: no white space in the target", "GET /a b HTTP/1.1" H, TUX_REFUSED_VERSION_SYNTAX },
	{ "a tab in the target", "GET /a\tb HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "a control in the target", "GET /a\x01 HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "a control behind eight octets", "GET /0123456789\x1f HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "DEL in the target", "GET /a\x7f HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "RFC 9112 3.2: no fragment", "GET /a#b HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "a relative path", "GET a HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "an asterisk for GET", "GET * HTTP/1.1" H, TUX_REFUSED_TARGET },
	{ "HTTP/0.9", "GET /\r\n", TUX_REFUSED_VERSION_SYNTAX },
	{ "HTTP/0.9 with LF", "GET /\n", TUX_REFUSED_VERSION_SYNTAX },
	{ "RFC 9112 2.3: the name is case-sensitive", "GET / http/1.1" H, TUX_REFUSED_VERSION_SYNTAX },
	{ "no version digits", "GET / HTTP/x.y" H, TUX_REFUSED_VERSION_SYNTAX },
	{ "two digits", "GET / HTTP/11.1" H, TUX_REFUSED_VERSION_SYNTAX },
	{ "space behind the version", "GET / HTTP/1.1 \r\nHost: h\r\n", TUX_REFUSED_LINE_END },
	{ "two digits behind the dot", "GET / HTTP/1.10" H, TUX_REFUSED_LINE_END },
	{ "RFC 9110 15.6.6: HTTP/2", "PRI * HTTP/2.0\r\n", TUX_REFUSED_TARGET },
	{ "RFC 9110 15.6.6: HTTP/2.0", "GET / HTTP/2.0\r\n", TUX_REFUSED_VERSION },
	{ "RFC 9110 15.6.6: HTTP/0.9 said", "GET / HTTP/0.9\r\n", TUX_REFUSED_VERSION },
	{ "RFC 9112 2.2: LF alone", "GET / HTTP/1.1\nHost: h\r\n", TUX_REFUSED_LINE_END },
	{ "RFC 9112 2.2: CR alone", "GET / HTTP/1.1\rHost: h\r\n", TUX_REFUSED_LINE_END },
	{ "LF alone behind a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n", TUX_REFUSED_LINE_END },
	{ "CR alone behind a field", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n", TUX_REFUSED_LINE_END },
	{ "CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n", TUX_REFUSED_LINE_END },
	{ "LF ends the head", "GET / HTTP/1.1" H "\n", TUX_REFUSED_LINE_END },
	{ "CR and something end the head", "GET / HTTP/1.1" H "\rX", TUX_REFUSED_LINE_END },
	{ "LF in front of the request line", "\nGET / HTTP/1.1" H, TUX_REFUSED_LINE_END },
	{ "empty lines without end", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", TUX_REFUSED_LINE_END },
	{ "RFC 9112 5.2: obs-fold", "GET / HTTP/1.1\r\nHost: h\r\n\tx\r\n", TUX_REFUSED_FOLD },
	{ "RFC 9112 2.2: white space in front of the first field", "GET / HTTP/1.1\r\n Host: h\r\n", TUX_REFUSED_FOLD },
	{ "RFC 9112 5.1: space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n", TUX_REFUSED_FIELD_NAME },
	{ "an empty name", "GET / HTTP/1.1\r\n: h\r\n", TUX_REFUSED_FIELD_NAME },
	{ "no colon", "GET / HTTP/1.1\r\nHost\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a name that is no token", "GET / HTTP/1.1\r\nHo@st: h\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a name with 0x80", "GET / HTTP/1.1\r\nHost\x80: h\r\n", TUX_REFUSED_FIELD_NAME },
	{ "RFC 9110 5.5: a control in a value", "GET / HTTP/1.1" H "X: a\x0b" "b\r\n", TUX_REFUSED_FIELD_VALUE },
	{ "a control behind eight octets", "GET / HTTP/1.1" H "X: 0123456789\x7f\r\n", TUX_REFUSED_FIELD_VALUE },
	{ "RFC 9112 3.2: no Host", "GET / HTTP/1.1\r\n\r\n", TUX_REFUSED_HOST_MISSING },
	{ "no Host beside the absolute form", "GET http://h/ HTTP/1.1\r\n\r\n", TUX_REFUSED_HOST_MISSING },
	{ "RFC 9112 3.2: two Hosts", "GET / HTTP/1.1" H "hOST: h\r\n", TUX_REFUSED_HOST_TWICE },
	{ "two Hosts in HTTP/1.0", "GET / HTTP/1.0" H "Host: h\r\n", TUX_REFUSED_HOST_TWICE },
	{ "RFC 9112 3.2: an invalid Host", "GET / HTTP/1.1\r\nHost: a b\r\n", TUX_REFUSED_HOST },
	{ "two hosts in one", "GET / HTTP/1.1\r\nHost: a/b\r\n", TUX_REFUSED_HOST },
	{ "an invalid Host beside the absolute form", "GET http://h/ HTTP/1.1\r\nHost: u@h\r\n", TUX_REFUSED_HOST },
	{ "user information in the target", "GET http://u@h/ HTTP/1.1" H, TUX_REFUSED_HOST },
	{ "RFC 9112 6.3: two lengths", "POST / HTTP/1.1" H "Content-Length: 1\r\nContent-Length: 1\r\n",
	  TUX_REFUSED_LENGTH },
	{ "RFC 9112 6.3: a list of lengths", "POST / HTTP/1.1" H "Content-Length: 1, 1\r\n", TUX_REFUSED_LENGTH },
	{ "a length with a sign", "POST / HTTP/1.1" H "Content-Length: +1\r\n", TUX_REFUSED_LENGTH },
	{ "a length in hexadecimal", "POST / HTTP/1.1" H "Content-Length: 0x1\r\n", TUX_REFUSED_LENGTH },
	{ "an empty length", "POST / HTTP/1.1" H "Content-Length: \r\n", TUX_REFUSED_LENGTH },
	{ "a length of 2^63", "POST / HTTP/1.1" H "Content-Length: 9223372036854775808\r\n", TUX_REFUSED_LENGTH },
	{ "a length beyond 2^64", "POST / HTTP/1.1" H "Content-Length: 18446744073709551617\r\n", TUX_REFUSED_LENGTH },
	{ "RFC 9112 6.1: both", "POST / HTTP/1.1" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
	  TUX_REFUSED_LENGTH_AND_CODING },
	{ "RFC 9112 6.1: HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", TUX_REFUSED_CODING_VERSION },
	{ "RFC 9112 6.1: twice", "POST / HTTP/1.1" H "Transfer-Encoding: chunked, chunked\r\n", TUX_REFUSED_CODING_ORDER },
	{ "twice on two lines", "POST / HTTP/1.1" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
	  TUX_REFUSED_CODING_ORDER },
	{ "RFC 9112 6.3: not last", "POST / HTTP/1.1" H "Transfer-Encoding: chunked, gzip\r\n", TUX_REFUSED_CODING_ORDER },
	{ "no coding at all", "POST / HTTP/1.1" H "Transfer-Encoding: ,\r\n", TUX_REFUSED_CODING_ORDER },
	{ "RFC 9112 7.1: no parameters", "POST / HTTP/1.1" H "Transfer-Encoding: chunked;a=b\r\n",
	  TUX_REFUSED_CODING_ORDER },
	{ "RFC 9112 6.1: an unknown coding", "POST / HTTP/1.1" H "Transfer-Encoding: gzip, chunked\r\n",
	  TUX_REFUSED_CODING },
	{ "almost chunked", "POST / HTTP/1.1" H "Transfer-Encoding: xchunked\r\n", TUX_REFUSED_CODING },
	{ "quoted chunked", "POST / HTTP/1.1" H "Transfer-Encoding: \"chunked\"\r\n", TUX_REFUSED_CODING },
	{ "RFC 9110 10.1.1: another expectation", "PUT / HTTP/1.1" H "Expect: 100-continue, 200-ok\r\n",
	  TUX_REFUSED_EXPECT },
};

static void test_refused(void **state)
{
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *c = &refused[i];
		enum tux_verdict verdict;
		char head[512];

		snprintf(head, sizeof(head), "%s\r\n", c->head);
		verdict = parse(head, strlen(head), 0);
		if (verdict != TUX_REFUSED || req.refusal != c->refusal)
			fail_msg("%s: verdict %d, %s", c->why, (int)verdict, tux_refusal_text(req.refusal));
		snprintf(head, sizeof(head), "%s\r\n\r\n\r\n", c->head);
		verdict = trickle(head, strlen(head), &at);
		if (verdict != TUX_REFUSED || req.refusal != c->refusal)
			fail_msg("%s, in octets: verdict %d, %s", c->why, (int)verdict, tux_refusal_text(req.refusal));
	}
}

/* A fault is reported when it arrives, not when the head is complete. */
static void test_refused_early(void **state)
{
	static const char *const heads[] = {
		"GET /a#", "GET /\r", "GET / HTTP/2.0", "GET / X", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\n ", "GE(",
		"GET / HTTP/1.1\r\nHost ", "GET / HTTP/1.1\r\nHost: \x01", "G\n", "\n", "GET http://u@h/ ",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (parse(heads[i], strlen(heads[i]), 0) != TUX_REFUSED)
			fail_msg("'%s' is refused", heads[i]);
	}

	/* Also in single octets and on an unfinished line: after as many octets again. */
	memset(big, 'a', sizeof(big));
	memcpy(big, "GET /\x01", 6);
	assert_int_equal(trickle(big, sizeof(big), &i), TUX_REFUSED);
	assert_in_range(i, 6, 12);
}

/* The fields of the access record are set as far as parsing succeeded, and empty after that. */
static void test_refused_record(void **state)
{
	static const char head[] = "HEAD /a?b HTTP/1.1\r\nBroken\r\n";

	(void)state;
	assert_int_equal(parse(head, sizeof(head) - 1, 0), TUX_REFUSED);
	assert_int_equal(req.method, TUX_HEAD);
	assert_int_equal(req.minor, 1);
	assert_span("method", head, req.method_text, "HEAD");
	assert_span("target", head, req.target, "/a?b");
	assert_int_equal(parse("(", 1, 0), TUX_REFUSED);
	assert_int_equal(req.method, TUX_METHOD_UNKNOWN);
	assert_int_equal(req.minor, 0);
	assert_int_equal(req.method_text.len, 0);
	assert_int_equal(req.target.len, 0);
}

/* Builds "GET /aaa HTTP/1.1", a Host, and further fields in static memory. */
static size_t build(char *head, size_t target_len, size_t fields, size_t last_value)
{
	size_t len, i;

	strcpy(head, "GET /");
	memset(head + 5, 'a', target_len - 1);
	len = 4 + target_len;
	len += (size_t)sprintf(head + len, " HTTP/1.1\r\nHost: h\r\n");
	for (i = 0; i < fields; i++)
		len += (size_t)sprintf(head + len, "X:\r\n");
	len += (size_t)sprintf(head + len, "Y:");
	memset(head + len, 'b', last_value);
	len += last_value;
	return len + (size_t)sprintf(head + len, "\r\n\r\n");
}

static void test_target_limit(void **state)
{
	size_t len, at;

	(void)state;
	len = build(big, TUX_MAX_TARGET, 0, 0);
	assert_int_equal(parse(big, len, 0), TUX_PARSED);
	assert_int_equal(req.target.len, TUX_MAX_TARGET);
	len = build(big, TUX_MAX_TARGET + 1, 0, 0);
	assert_int_equal(parse(big, len, 0), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_TARGET_LONG);

	/* Also before its end has arrived. */
	assert_int_equal(parse(big, 4 + TUX_MAX_TARGET, 0), TUX_MORE);
	assert_int_equal(parse(big, 4 + TUX_MAX_TARGET + 1, 0), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_TARGET_LONG);
	build(big, 3 * TUX_MAX_HEAD, 0, 0);
	assert_int_equal(parse(big, TUX_MAX_HEAD + 1, 0), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_TARGET_LONG);
	assert_int_equal(trickle(big, 3 * TUX_MAX_HEAD, &at), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_TARGET_LONG);
	assert_in_range(at, 1, TUX_MAX_HEAD);
}

static void test_head_limit(void **state)
{
	size_t len, at, rest;

	(void)state;
	len = build(big, 1, 0, 0);
	rest = TUX_MAX_HEAD - len;
	len = build(big, 1, 0, rest);
	assert_int_equal(len, TUX_MAX_HEAD);
	assert_int_equal(parse(big, len, 0), TUX_PARSED);
	assert_int_equal(parse(big, len - 1, 0), TUX_MORE);
	assert_int_equal(parse(big, len, len - 1), TUX_PARSED);
	assert_int_equal(trickle(big, len, &at), TUX_PARSED);

	len = build(big, 1, 0, rest + 1);
	assert_int_equal(parse(big, len, 0), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_HEAD_LONG);
	assert_int_equal(trickle(big, len, &at), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_HEAD_LONG);
	assert_int_equal(at, TUX_MAX_HEAD);

	/* Never TUX_MORE for so many octets, with any content. */
	memset(big, 'M', sizeof(big));
	assert_int_equal(parse(big, TUX_MAX_HEAD, 0), TUX_REFUSED);
	assert_int_equal(parse(big, TUX_MAX_HEAD, TUX_MAX_HEAD - 1), TUX_REFUSED);
	assert_int_equal(parse(big, sizeof(big), 1), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_HEAD_LONG);
}

static void test_field_limit(void **state)
{
	size_t len;

	(void)state;
	len = build(big, 1, TUX_MAX_FIELDS - 2, 0);
	assert_int_equal(parse(big, len, 0), TUX_PARSED);
	assert_int_equal(req.fields.count, TUX_MAX_FIELDS);
	len = build(big, 1, TUX_MAX_FIELDS - 1, 0);
	assert_int_equal(parse(big, len, 0), TUX_REFUSED);
	assert_int_equal(req.refusal, TUX_REFUSED_FIELD_COUNT);
}

static void test_fields(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nIf-None-Match: \"a\"\r\nX-Other: 1\r\nHOST: h\r\n"
				   "IF-NONE-MATCH: \"b\"\r\nRange:\r\n\r\n";
	uint32_t line;

	(void)state;
	assert_int_equal(parse(head, sizeof(head) - 1, 0), TUX_PARSED);
	line = tux_request_field(&req, TUX_FIELD_IF_NONE_MATCH, 0);
	assert_int_equal(line, 1);
	assert_span("name", head, req.fields.line[line - 1].name, "If-None-Match");
	assert_span("value", head, req.fields.line[line - 1].value, "\"a\"");
	line = tux_request_field(&req, TUX_FIELD_IF_NONE_MATCH, line);
	assert_int_equal(line, 4);
	assert_span("value", head, req.fields.line[line - 1].value, "\"b\"");
	assert_int_equal(tux_request_field(&req, TUX_FIELD_IF_NONE_MATCH, line), 0);
	assert_int_equal(tux_request_field(&req, TUX_FIELD_EXPECT, 0), 0);
	line = tux_request_field(&req, TUX_FIELD_RANGE, 0);
	assert_int_equal(line, 5);
	assert_int_equal(req.fields.line[line - 1].value.len, 0);
	assert_int_equal(tux_request_field(&req, TUX_FIELD_RANGE, line), 0);
	assert_int_equal(req.fields.line[1].known, TUX_FIELD_OTHER);
}

static void test_refusals_have_texts(void **state)
{
	unsigned int refusal;

	(void)state;
	for (refusal = TUX_ACCEPTED + 1; refusal < TUX_REFUSALS; refusal++) {
		assert_in_range(tux_refusal_status((enum tux_refusal)refusal), 400, 505);
		assert_true(strlen(tux_refusal_text((enum tux_refusal)refusal)) > 10);
	}
	assert_int_equal(tux_refusal_status(TUX_REFUSED_TARGET_LONG), 414);
	assert_int_equal(tux_refusal_status(TUX_REFUSED_VERSION), 505);
	assert_int_equal(tux_refusal_status(TUX_REFUSED_HEAD_LONG), 431);
	assert_int_equal(tux_refusal_status(TUX_REFUSED_CODING), 501);
	assert_int_equal(tux_refusal_status(TUX_REFUSED_EXPECT), 417);
	assert_int_equal(tux_refusal_status(TUX_REFUSED_BODY_LONG), 413);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_early), cmocka_unit_test(test_refused_record),
		cmocka_unit_test(test_target_limit),  cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_field_limit),   cmocka_unit_test(test_fields),
		cmocka_unit_test(test_refusals_have_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
