/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads of responses: parses each whole, and octet by octet, in memory of exactly its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "response_parse.h"
#include "sanitizer.h"

typedef enum tux_verdict parser(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit, bool head, struct tux_response *res);

static struct tux_response res;

static enum tux_verdict parse_within(uint32_t limit, parser *of, const void *text, size_t len, size_t seen, bool head)
{
	uint8_t *copy = malloc(len + 1);
	enum tux_verdict verdict;

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	forget(&res, sizeof(res));
	verdict = of(copy + 1, (uint32_t)len, (uint32_t)seen, limit, head, &res);
	free(copy);
	return verdict;
}

static enum tux_verdict parse(parser *of, const void *text, size_t len, size_t seen, bool head)
{
	return parse_within(TUX_MAX_HEAD, of, text, len, seen, head);
}

struct accepted {
	const char *why;
	const char *head;
	bool of_head;
	uint16_t status;
	uint8_t minor;
	enum tux_framing framing;
	bool has_length;
	uint64_t content_length;
	bool keep_alive, upgrade, local;
	const char *reason;
	uint32_t fields;
};

#define GET false
#define HEAD true
#define NONE TUX_FRAMING_NONE, false, 0
#define LENGTH(bytes) TUX_FRAMING_LENGTH, true, bytes
#define CHUNKED TUX_FRAMING_CHUNKED, false, 0
#define CLOSE TUX_FRAMING_CLOSE, false, 0
#define SAID(bytes) TUX_FRAMING_NONE, true, bytes
#define OPEN true, false, false
#define CLOSED false, false, false

static const struct accepted accepted[] = {
	{ "RFC 9112 6.3: without a length until the end of the connection", "HTTP/1.1 200 OK\r\n\r\n", GET, 200, 1, CLOSE,
	  CLOSED, "OK", 0 },
	{ "RFC 9112 6.3: Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 0042\r\n\r\n", GET, 200, 1, LENGTH(42), OPEN,
	  "OK", 1 },
	{ "RFC 9112 6.1: chunked", "HTTP/1.1 404 Not Found\r\ntransfer-encoding: Chunked\r\n\r\n", GET, 404, 1, CHUNKED, OPEN,
	  "Not Found", 1 },
	{ "RFC 9112 9.3: close", "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 1\r\n\r\n", GET, 200, 1, LENGTH(1),
	  CLOSED, "OK", 2 },
	{ "RFC 9112 9.3: HTTP/1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", GET, 200, 0, LENGTH(1), CLOSED, "OK", 1 },
	{ "RFC 9112 9.3: HTTP/1.0 that stays open", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", GET,
	  200, 0, LENGTH(1), OPEN, "OK", 2 },
	{ "keep-alive without a length is not kept", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", GET, 200, 1, CLOSE, CLOSED,
	  "OK", 1 },
	{ "RFC 9110 9.3.2: HEAD has no body, whatever it says", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", HEAD, 200, 1, SAID(7),
	  OPEN, "OK", 1 },
	{ "RFC 9110 9.3.2: HEAD, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HEAD, 200, 1, NONE, OPEN, "OK", 1 },
	{ "RFC 9110 9.3.2: HEAD without a length stays open", "HTTP/1.1 200 OK\r\n\r\n", HEAD, 200, 1, NONE, OPEN, "OK", 0 },
	{ "RFC 9110 15.4.5: 304 has no body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", GET, 304, 1, SAID(7), OPEN,
	  "Not Modified", 1 },
	{ "RFC 9110 15.3.5: 204 has no body", "HTTP/1.1 204 No Content\r\n\r\n", GET, 204, 1, NONE, OPEN, "No Content", 0 },
	{ "204 that says it has none", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", GET, 204, 1, SAID(0), OPEN,
	  "No Content", 1 },
	{ "RFC 9110 8.6: 204 with a length is not followed by another response", "HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n", GET,
	  204, 1, SAID(2), CLOSED, "No", 1 },
	{ "RFC 9112 6.1: nor one with a transfer coding", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", GET, 204, 1, NONE,
	  CLOSED, "No", 1 },
	{ "RFC 9110 15.2: 100", "HTTP/1.1 100 Continue\r\n\r\n", GET, 100, 1, NONE, OPEN, "Continue", 0 },
	{ "RFC 8297: 103", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", GET, 103, 1, NONE, OPEN, "Early Hints", 1 },
	{ "RFC 9110 15.2.2: 101", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", GET, 101, 1,
	  NONE, true, true, false, "Switching Protocols", 2 },
	{ "101 that names no protocol", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n", GET, 101, 1, NONE, OPEN,
	  "Switching Protocols", 1 },
	{ "an Upgrade that is an offer", "HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n", GET, 200,
	  1, LENGTH(0), OPEN, "OK", 3 },
	{ "RFC 9112 4: the reason may be empty", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", GET, 200, 1, LENGTH(0), OPEN, "", 1 },
	{ "and the space in front of it is left out by some", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", GET, 200, 1, LENGTH(0), OPEN,
	  "", 1 },
	{ "RFC 9112 4: any text", "HTTP/1.1 599 \tso: \xc3\xa9\r\nContent-Length: 0\r\n\r\n", GET, 599, 1, LENGTH(0), OPEN,
	  "\tso: \xc3\xa9", 1 },
	{ "RFC 9110 2.5: a higher minor version is 1.1", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", GET, 200, 1, LENGTH(0), OPEN,
	  "OK", 1 },
};

static const struct accepted accepted_cgi[] = {
	{ "RFC 3875 6.2.1: a document", "Content-Type: text/plain\n\n", GET, 200, 0, CLOSE, CLOSED, "", 1 },
	{ "RFC 3875 6.2.1: with CR LF", "content-type: text/plain\r\nX: y\r\n\r\n", GET, 200, 0, CLOSE, CLOSED, "", 2 },
	{ "lines ended in different ways", "Content-Type: text/plain\r\nX: y\n\r\n", GET, 200, 0, CLOSE, CLOSED, "", 2 },
	{ "RFC 3875 6.3.3: Status", "Status: 404 Not Here\nContent-Type: a/b\n\n", GET, 404, 0, CLOSE, CLOSED, "Not Here", 2 },
	{ "Status without a reason", "Status: 500\n\n", GET, 500, 0, CLOSE, CLOSED, "", 1 },
	{ "a length", "Content-Type: a/b\nContent-Length: 3\n\n", GET, 200, 0, LENGTH(3), CLOSED, "", 2 },
	{ "HEAD", "Content-Type: a/b\nContent-Length: 3\n\n", HEAD, 200, 0, SAID(3), CLOSED, "", 2 },
	{ "RFC 3875 6.2.2: a local redirect", "Location: /a?b\n\n", GET, 302, 0, NONE, false, false, true, "", 1 },
	{ "the shortest one", "Location: /\n\n", GET, 302, 0, NONE, false, false, true, "", 1 },
	{ "RFC 3875 6.2.3: a client redirect", "Location: http://h/a\n\n", GET, 302, 0, CLOSE, CLOSED, "", 1 },
	{ "a client redirect without a scheme", "Location: //h/a\n\n", GET, 302, 0, CLOSE, CLOSED, "", 1 },
	{ "RFC 3875 6.2.2: a local one has no other fields", "Location: /a\nSet-Cookie: c\n\n", GET, 302, 0, CLOSE, CLOSED, "", 2 },
	{ "RFC 3875 6.2.4: with a document", "Status: 303 See\nLocation: /a\nContent-Type: a/b\n\n", GET, 303, 0, CLOSE, CLOSED,
	  "See", 3 },
	{ "304", "Status: 304 Not Modified\n\n", GET, 304, 0, NONE, CLOSED, "Not Modified", 1 },
	{ "an HTTP field alone does not keep it", "Status: 200 OK\nConnection: keep-alive\nContent-Length: 0\n\n", GET, 200, 0,
	  LENGTH(0), CLOSED, "OK", 3 },
};

static void assert_accepted(const struct accepted *c, enum tux_verdict verdict)
{
	if (verdict != TUX_PARSED)
		fail_msg("%s: verdict %d, %s", c->why, (int)verdict, tux_refusal_text(res.refusal));
	if (res.refusal != TUX_ACCEPTED || res.head_len != strlen(c->head) || res.status != c->status || res.minor != c->minor)
		fail_msg("%s: head of %u, status %d, minor %d", c->why, res.head_len, res.status, res.minor);
	if (res.framing != c->framing || res.has_length != c->has_length || res.content_length != c->content_length)
		fail_msg("%s: framing %d, %d, of %llu", c->why, res.framing, res.has_length, (unsigned long long)res.content_length);
	if (res.keep_alive != c->keep_alive || res.upgrade != c->upgrade || res.local != c->local)
		fail_msg("%s: keep-alive %d, upgrade %d, local %d", c->why, res.keep_alive, res.upgrade, res.local);
	if (res.fields.count != c->fields)
		fail_msg("%s: %u fields", c->why, res.fields.count);
	if (res.reason.len != strlen(c->reason) || memcmp(c->head + res.reason.off, c->reason, res.reason.len) != 0)
		fail_msg("%s: reason '%.*s'", c->why, (int)res.reason.len, c->head + res.reason.off);
}

static void check_accepted(parser *of, const struct accepted *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct accepted *c = &cases[i];
		size_t len = strlen(c->head);
		char more[512];

		assert_accepted(c, parse(of, c->head, len, 0, c->of_head));
		for (size_t at = 0; at < len; at++)
			if (parse(of, c->head, at, at > 0 ? at - 1 : 0, c->of_head) != TUX_MORE)
				fail_msg("%s: no more wanted behind %zu", c->why, at);
		assert_accepted(c, parse(of, c->head, len, len - 1, c->of_head));
		memcpy(more, c->head, len);
		memcpy(more + len, "HTTP/1.1 200 OK\r\n\r\n", 19);
		assert_accepted(c, parse(of, more, len + 19, 0, c->of_head));
	}
}

static void test_accepted(void **state)
{
	(void)state;
	check_accepted(tux_response_parse, accepted, sizeof(accepted) / sizeof(accepted[0]));
}

static void test_accepted_cgi(void **state)
{
	(void)state;
	check_accepted(tux_response_parse_cgi, accepted_cgi, sizeof(accepted_cgi) / sizeof(accepted_cgi[0]));
}

struct refused {
	const char *why;
	const char *head;
	enum tux_refusal refusal;
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct refused refused[] = {
	{ "RFC 9112 2.2: empty lines stand in front of requests alone", "\r\n" OK "\r\n", TUX_REFUSED_VERSION_SYNTAX },
	{ "another protocol", "SSH-2.0-OpenSSH\r\n", TUX_REFUSED_VERSION_SYNTAX },
	{ "HTTP/0.9", "<html>\r\n\r\n", TUX_REFUSED_VERSION_SYNTAX },
	{ "RFC 9112 2.3: case-sensitive", "http/1.1 200 OK\r\n\r\n", TUX_REFUSED_VERSION_SYNTAX },
	{ "HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", TUX_REFUSED_VERSION },
	{ "RFC 9110 15: less than 100", "HTTP/1.1 099 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "RFC 9110 15: more than 599", "HTTP/1.1 600 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "RFC 9112 4: two digits", "HTTP/1.1 20 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "RFC 9112 4: four digits", "HTTP/1.1 2000 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "RFC 9112 4: no digit", "HTTP/1.1 2x0 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "RFC 9112 4: one space", "HTTP/1.1  200 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "no space", "HTTP/1.1200 OK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "a tab for the space", "HTTP/1.1 200\tOK\r\n\r\n", TUX_REFUSED_STATUS },
	{ "LF alone behind the status", "HTTP/1.1 200\n\r\n\r\n", TUX_REFUSED_STATUS },
	{ "LF alone behind the reason", "HTTP/1.1 200 OK\nA: b\r\n\r\n", TUX_REFUSED_LINE_END },
	{ "CR alone in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", TUX_REFUSED_LINE_END },
	{ "a control character in the reason", "HTTP/1.1 200 O\001K\r\n\r\n", TUX_REFUSED_LINE_END },
	{ "RFC 9112 5.2: folded", OK "A: b\r\n c\r\n\r\n", TUX_REFUSED_FOLD },
	{ "white space in front of the first field", OK " A: b\r\n\r\n", TUX_REFUSED_FOLD },
	{ "RFC 9112 5.1: white space in front of the colon", OK "A : b\r\n\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a field without a colon", OK "A\r\n\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a control character in a value", OK "A: b\001\r\n\r\n", TUX_REFUSED_FIELD_VALUE },
	{ "CR alone in a value", OK "A: b\rc\r\n\r\n", TUX_REFUSED_LINE_END },
	{ "LF alone ends a line of CGI only", OK "A: b\nC: d\r\n\r\n", TUX_REFUSED_LINE_END },
	{ "LF alone for the empty line", OK "A: b\r\n\n", TUX_REFUSED_LINE_END },
	{ "RFC 9112 6.3: lengths that differ", OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", TUX_REFUSED_LENGTH },
	{ "lengths that are equal", OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", TUX_REFUSED_LENGTH },
	{ "a list of lengths", OK "Content-Length: 1, 1\r\n\r\n", TUX_REFUSED_LENGTH },
	{ "no number", OK "Content-Length: -1\r\n\r\n", TUX_REFUSED_LENGTH },
	{ "too large", OK "Content-Length: 9223372036854775808\r\n\r\n", TUX_REFUSED_LENGTH },
	{ "RFC 9112 6.3: length and coding", OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	  TUX_REFUSED_LENGTH_AND_CODING },
	{ "an unknown coding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", TUX_REFUSED_CODING },
	{ "chunked twice", OK "Transfer-Encoding: chunked, chunked\r\n\r\n", TUX_REFUSED_CODING_ORDER },
	{ "RFC 9112 6.1: HTTP/1.0 has no codings", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	  TUX_REFUSED_CODING_VERSION },
	{ "RFC 9110 8.6: an interim response with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", TUX_REFUSED_LENGTH },
	{ "an interim response with a coding", "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n", TUX_REFUSED_LENGTH },
};

static const struct refused refused_cgi[] = {
	{ "RFC 3875 6.3: no field of CGI", "X: y\n\n", TUX_REFUSED_CGI },
	{ "no field", "\n", TUX_REFUSED_CGI },
	{ "no head", "Hello, world!\n", TUX_REFUSED_FIELD_NAME },
	{ "a status line", "HTTP/1.1 200 OK\nContent-Type: a/b\n\n", TUX_REFUSED_FIELD_NAME },
	{ "Status twice", "Status: 200\nStatus: 200\n\n", TUX_REFUSED_CGI },
	{ "Location twice", "Location: /a\nLocation: /b\n\n", TUX_REFUSED_CGI },
	{ "Content-Type twice", "Content-Type: a/b\nContent-Type: a/b\n\n", TUX_REFUSED_CGI },
	{ "a transfer coding", "Content-Type: a/b\nTransfer-Encoding: chunked\n\n", TUX_REFUSED_CGI },
	{ "an empty status", "Status:\n\n", TUX_REFUSED_STATUS },
	{ "an interim status", "Status: 100\n\n", TUX_REFUSED_STATUS },
	{ "a status above 599", "Status: 600\n\n", TUX_REFUSED_STATUS },
	{ "four digits", "Status: 2000\n\n", TUX_REFUSED_STATUS },
	{ "no digits", "Status: OK\n\n", TUX_REFUSED_STATUS },
	{ "a length that is none", "Content-Type: a/b\nContent-Length: x\n\n", TUX_REFUSED_LENGTH },
	{ "two lengths", "Content-Type: a/b\nContent-Length: 1\nContent-Length: 1\n\n", TUX_REFUSED_LENGTH },
	{ "folded", "Content-Type: a/b;\n c=d\n\n", TUX_REFUSED_FOLD },
	{ "CR alone", "Content-Type: a/b\rX: y\n\n", TUX_REFUSED_LINE_END },
	{ "a control character", "Content-Type: a\001b\n\n", TUX_REFUSED_FIELD_VALUE },
};

static void check_refused(parser *of, const struct refused *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct refused *c = &cases[i];
		size_t len = strlen(c->head);
		enum tux_verdict verdict = parse(of, c->head, len, 0, false);

		if (verdict != TUX_REFUSED || res.refusal != c->refusal)
			fail_msg("%s: verdict %d, %s", c->why, (int)verdict, tux_refusal_text(res.refusal));
		verdict = TUX_MORE;
		for (size_t at = 0; verdict == TUX_MORE && at < len; at++)
			verdict = parse(of, c->head, at + 1, at, false);
		if (verdict != TUX_REFUSED)
			fail_msg("%s: verdict %d octet by octet", c->why, (int)verdict);
	}
}

static void test_refused(void **state)
{
	(void)state;
	check_refused(tux_response_parse, refused, sizeof(refused) / sizeof(refused[0]));
}

static void test_refused_cgi(void **state)
{
	(void)state;
	check_refused(tux_response_parse_cgi, refused_cgi, sizeof(refused_cgi) / sizeof(refused_cgi[0]));
}

static size_t append(uint8_t *at, const char *text)
{
	memcpy(at, text, strlen(text));
	return strlen(text);
}

static void test_field_count_limit(void **state)
{
	static uint8_t big[2 * TUX_MAX_HEAD];
	size_t len = append(big, OK);

	(void)state;
	for (size_t i = 0; i < TUX_MAX_FIELDS; i++)
		len += append(big + len, "Status:\r\n");
	assert_int_equal(parse(tux_response_parse, big, len + append(big + len, "\r\n"), 0, false), TUX_PARSED);
	assert_int_equal(res.fields.count, TUX_MAX_FIELDS);
	assert_int_equal(parse(tux_response_parse, big, len + append(big + len, "A:\r\n\r\n"), 0, false), TUX_REFUSED);
	assert_int_equal(res.refusal, TUX_REFUSED_FIELD_COUNT);
}

/* A head of exactly limit bytes passes, at once and byte by byte; one more byte does not. */
static void check_limit(uint32_t limit, parser *of, const char *start)
{
	static uint8_t big[TUX_MAX_RECEIVED_HEAD + 8];
	const size_t len = append(big, start);

	memset(big + len, 'b', sizeof(big) - len);
	memcpy(big + limit - 4, "\r\n\r\n", 4);
	assert_int_equal(parse_within(limit, of, big, limit, 0, false), TUX_PARSED);
	assert_int_equal(res.head_len, limit);
	assert_int_equal(parse_within(limit, of, big, limit - 1, limit - 2, false), TUX_MORE);
	assert_int_equal(parse_within(limit, of, big, limit, limit - 1, false), TUX_PARSED);
	memcpy(big + limit - 4, "b\r\n\r\n", 5);
	assert_int_equal(parse_within(limit, of, big, limit - 1, 0, false), TUX_MORE);
	assert_int_equal(parse_within(limit, of, big, limit, limit - 1, false), TUX_REFUSED);
	assert_int_equal(res.refusal, TUX_REFUSED_HEAD_LONG);
	assert_int_equal(parse_within(limit, of, big, limit + 1, 0, false), TUX_REFUSED);
	assert_int_equal(res.refusal, TUX_REFUSED_HEAD_LONG);
}

static void test_head_limit_is_an_argument(void **state)
{
	const uint32_t limits[] = { 1024, TUX_MAX_HEAD - 1, TUX_MAX_HEAD, TUX_MAX_HEAD + 1, TUX_MAX_RECEIVED_HEAD };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		check_limit(limits[i], tux_response_parse, OK "A: ");
		check_limit(limits[i], tux_response_parse_cgi, "Content-Type: a/b\nA: ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),    cmocka_unit_test(test_refused), cmocka_unit_test(test_accepted_cgi),
		cmocka_unit_test(test_refused_cgi), cmocka_unit_test(test_field_count_limit), cmocka_unit_test(test_head_limit_is_an_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
