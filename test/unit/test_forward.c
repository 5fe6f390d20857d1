/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarded requests and responses: whole heads, compared octet by octet, in memory of exactly their size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "forward.h"
#include "sanitizer.h"

enum { CAP = 32768 };

static uint8_t message[TUX_MAX_HEAD];
static struct tux_request req;
static struct tux_response res;
static const uint8_t date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

#define OCTETS(literal) ((struct tux_octets){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static void parse_request(const char *head)
{
	size_t len = strlen(head);

	memcpy(message, head, len);
	forget(&req, sizeof(req));
	if (tux_request_parse(message, (uint32_t)len, 0, &req) != TUX_PARSED)
		fail_msg("%s: %s", head, tux_refusal_text(req.refusal));
}

static void parse_response(const char *head, bool of_head)
{
	size_t len = strlen(head);

	memcpy(message, head, len);
	forget(&res, sizeof(res));
	if (tux_response_parse(message, (uint32_t)len, 0, sizeof(message), of_head, &res) != TUX_PARSED)
		fail_msg("%s: %s", head, tux_refusal_text(res.refusal));
}

/* Every smaller buffer is refused, and the exact size suffices. */
static void assert_forwards(const char *why, const char *expected, const struct tux_forwarding *how,
                            const struct tux_forwarding_response *how_response)
{
	uint32_t len = (uint32_t)strlen(expected);
	uint8_t *out = malloc(CAP);
	uint32_t written;

	assert_non_null(out);
	written = how != NULL ? tux_forward_request(out, CAP, message, &req, how) : tux_forward_response(out, CAP, message, &res, how_response);
	if (written != len || memcmp(out, expected, len) != 0)
		fail_msg("%s: '%.*s' instead of '%s'", why, (int)written, (char *)out, expected);
	free(out);
	for (uint32_t room = 0; room <= len; room++) {
		out = malloc(room + 1);
		assert_non_null(out);
		written = how != NULL ? tux_forward_request(out + 1, room, message, &req, how) :
		                        tux_forward_response(out + 1, room, message, &res, how_response);
		assert_int_equal(written, room < len ? 0 : len);
		free(out);
	}
}

struct forwarded {
	const char *why;
	const char *head;
	const char *expected;
	struct tux_forwarding how;
};

/* Default parameters: a client, and the host h. */
#define CLIENT .client = { (const uint8_t *)"192.0.2.1", 9 }
#define WHO(host) "Forwarded: for=192.0.2.1;host=\"" host "\";proto=http\r\nX-Forwarded-For: 192.0.2.1\r\n" \
	"X-Forwarded-Proto: http\r\nX-Forwarded-Host: " host "\r\n"
#define H "Host: h\r\n"

static const struct forwarded forwarded[] = {
	{ "the least there is", "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b HTTP/1.1\r\n" H WHO("h") "\r\n", { CLIENT } },
	{ "RFC 9110 2.5: HTTP/1.1 is TUX's own", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n" H WHO("h") "\r\n",
	  { CLIENT } },
	{ "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: \r\nForwarded: for=192.0.2.1;proto=http\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
	  "\r\n",
	  { CLIENT } },
	{ "RFC 9112 3.2.2: absolute form", "GET http://x:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n",
	  "GET /a?b HTTP/1.1\r\nHost: x:1\r\n" WHO("x:1") "\r\n", { CLIENT } },
	{ "absolute form without a path", "GET http://x HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n" WHO("x") "\r\n",
	  { CLIENT } },
	{ "absolute form with a query alone", "GET http://x?q HTTP/1.1\r\nHost: h\r\n\r\n",
	  "GET /?q HTTP/1.1\r\nHost: x\r\n" WHO("x") "\r\n", { CLIENT } },
	{ "RFC 9112 3.2.4: OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\n" H WHO("h") "\r\n", { CLIENT } },
	{ "RFC 9112 3.2.4: OPTIONS of a host", "OPTIONS http://x HTTP/1.1\r\nHost: h\r\n\r\n",
	  "OPTIONS * HTTP/1.1\r\nHost: x\r\n" WHO("x") "\r\n", { CLIENT } },
	{ "another Host", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: app\r\n" WHO("h") "\r\n",
	  { CLIENT, .host = { (const uint8_t *)"app", 3 } } },
	{ "end to end fields stay in their order", "GET / HTTP/1.1\r\nB: 1\r\nhost: h\r\na:\t2  \r\nB: 3\r\nE:\r\nAuthorization: x\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H "B: 1\r\na: 2\r\nB: 3\r\nE: \r\nAuthorization: x\r\n" WHO("h") "\r\n", { CLIENT } },
	{ "RFC 9110 7.6.1: fields of the connection",
	  "GET / HTTP/1.1\r\n" H "Connection: close, x-one\r\nX-One: 1\r\nX-Two: 2\r\nKeep-Alive: 5\r\nProxy-Connection: a\r\nTE: trailers\r\n"
	  "Upgrade: h2c\r\nconnection: X-TWO ,X\r\nX-Three: 3\r\nTrailer: X\r\nProxy-Authorization: a\r\nProxy-Authenticate: a\r\n"
	  "Expect: 100-continue\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H "X-Three: 3\r\n" WHO("h") "\r\n", { CLIENT } },
	{ "RFC 9110 7.6.1: what Connection names is dropped, but not what TUX says", "GET / HTTP/1.1\r\n" H
	  "Connection: host, x-forwarded-for, forwarded, content-length\r\nContent-Length: 3\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H WHO("h") "Content-Length: 3\r\n\r\n", { CLIENT, .framing = TUX_FRAMING_LENGTH, .content_length = 3 } },
	{ "httpoxy, and names that alias others in CGI",
	  "GET / HTTP/1.1\r\n" H "Proxy: http://e\r\nX_Forwarded_For: e\r\nContent_Length: 7\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H WHO("h") "\r\n", { CLIENT } },
	{ "a client that is not trusted says nothing of others",
	  "GET / HTTP/1.1\r\n" H "X-Forwarded-For: e\r\nForwarded: for=e\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: e\r\nX-Real-IP: e\r\n"
	  "X-Forwarded-Port: 1\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H WHO("h") "\r\n", { CLIENT } },
	{ "RFC 7239 4: a trusted one does",
	  "GET / HTTP/1.1\r\n" H "X-Forwarded-For: e, f\r\nForwarded: for=e\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: g\r\n"
	  "X-Real-IP: e\r\nX-Forwarded-For: g\r\nX-Forwarded-Port: 1\r\nForwarded: for=f\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H "X-Real-IP: e\r\nX-Forwarded-Port: 1\r\nForwarded: for=e, for=f, for=192.0.2.1;host=\"h\";proto=http\r\n"
	  "X-Forwarded-For: e, f, g, 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: g\r\n\r\n",
	  { CLIENT, .trusted = true } },
	{ "RFC 7239 6.2: IPv6, by, TLS", "GET / HTTP/1.1\r\n" H "\r\n",
	  "GET / HTTP/1.1\r\n" H "Forwarded: for=\"[2001:db8::1]\";by=\"[::1]\";host=\"h\";proto=https\r\nX-Forwarded-For: 2001:db8::1\r\n"
	  "X-Forwarded-Proto: https\r\nX-Forwarded-Host: h\r\n\r\n",
	  { .client = { (const uint8_t *)"2001:db8::1", 11 }, .by = { (const uint8_t *)"::1", 3 }, .https = true } },
	{ "RFC 7239 6.2: unknown", "GET / HTTP/1.1\r\n" H "\r\n",
	  "GET / HTTP/1.1\r\n" H "Forwarded: for=unknown;host=\"h\";proto=http\r\nX-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\n"
	  "X-Forwarded-Host: h\r\n\r\n",
	  { .via = false } },
	{ "RFC 9112 6.1: a body without a known length, and trailers",
	  "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
	  "POST / HTTP/1.1\r\n" H "Trailer: X\r\n" WHO("h") "Transfer-Encoding: chunked\r\n\r\n", { CLIENT, .framing = TUX_FRAMING_CHUNKED } },
	{ "a chunked body that goes on with a length", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
	  "POST / HTTP/1.1\r\n" H WHO("h") "Content-Length: 18446744073709551615\r\n\r\n",
	  { CLIENT, .framing = TUX_FRAMING_LENGTH, .content_length = UINT64_MAX } },
	{ "RFC 9110 8.6: POST without a body", "POST / HTTP/1.1\r\n" H "\r\n",
	  "POST / HTTP/1.1\r\n" H WHO("h") "Content-Length: 0\r\n\r\n", { CLIENT } },
	{ "DELETE without one", "DELETE / HTTP/1.1\r\n" H "\r\n", "DELETE / HTTP/1.1\r\n" H WHO("h") "\r\n", { CLIENT } },
	{ "RFC 9112 9.6: close", "GET / HTTP/1.1\r\n" H "\r\n", "GET / HTTP/1.1\r\n" H WHO("h") "Connection: close\r\n\r\n",
	  { CLIENT, .close = true } },
	{ "RFC 9110 7.8: Upgrade", "GET / HTTP/1.1\r\n" H "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nUpgrade: b/1\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H WHO("h") "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: b/1\r\n\r\n", { CLIENT, .upgrade = true } },
	{ "no length behind which another protocol begins",
	  "POST / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	  "POST / HTTP/1.1\r\n" H WHO("h") "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", { CLIENT, .upgrade = true } },
	{ "RFC 9110 7.6.3: Via", "GET / HTTP/1.0\r\nHost: h\r\nVia: 1.1 x\r\n\r\n",
	  "GET / HTTP/1.1\r\n" H "Via: 1.1 x\r\n" WHO("h") "Via: 1.0 tux\r\n\r\n", { CLIENT, .via = true } },
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++) {
		parse_request(forwarded[i].head);
		assert_forwards(forwarded[i].why, forwarded[i].expected, &forwarded[i].how, NULL);
	}
}

struct forwarded_response {
	const char *why;
	const char *head;
	const char *expected;
	struct tux_forwarding_response how;
	bool of_head;
};

#define OPEN .minor = 1, .keep_alive = true
#define LENGTH(bytes) .framing = TUX_FRAMING_LENGTH, .content_length = bytes

static const struct tux_text removed[] = { { "server", 6 }, { "x-powered-by", 12 } };

static const struct forwarded_response forwarded_responses[] = {
	{ "the least there is", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
	  { OPEN, LENGTH(3) } },
	{ "end to end fields stay in their order", "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a\r\nX_Y: b\r\nSet-Cookie: c\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a\r\nX_Y: b\r\nSet-Cookie: c\r\nTransfer-Encoding: chunked\r\n\r\n",
	  { OPEN, .framing = TUX_FRAMING_CHUNKED } },
	{ "RFC 9110 7.6.1: fields of the connection",
	  "HTTP/1.1 200 OK\r\nConnection: close, x\r\nX: 1\r\nKeep-Alive: 1\r\nProxy-Authenticate: a\r\nUpgrade: h2c\r\n"
	  "Transfer-Encoding: chunked\r\nTrailer: Y\r\nY: 2\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nY: 2\r\nContent-Length: 5\r\n\r\n", { OPEN, LENGTH(5) } },
	{ "Trailer goes with trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Y\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nTrailer: Y\r\nTransfer-Encoding: chunked\r\n\r\n", { OPEN, .framing = TUX_FRAMING_CHUNKED } },
	{ "what is for TUX",
	  "HTTP/1.1 200 OK\r\nStatus: 200\r\nX-Accel-Redirect: /a\r\nX-ACCEL-Limit-Rate: 1\r\nX-Sendfile: /b\r\nX-Accel: c\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nX-Accel: c\r\nContent-Length: 1\r\n\r\n", { OPEN, LENGTH(1) } },
	{ "what the host leaves out", "HTTP/1.1 200 OK\r\nServer: x\r\nX-Powered-By: y\r\nServers: z\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nServers: z\r\nContent-Length: 1\r\n\r\n", { OPEN, LENGTH(1), .removed = removed, .removed_count = 2 } },
	{ "what it adds", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\nC: d\r\nE: f\r\n\r\n",
	  { OPEN, LENGTH(1), .extra = { (const uint8_t *)"C: d\r\nE: f\r\n", 12 } } },
	{ "RFC 9110 6.6.1: Date", "HTTP/1.1 404 Not Here\r\n\r\n",
	  "HTTP/1.1 404 Not Here\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 1\r\n\r\n", { OPEN, LENGTH(1), .date = date } },
	{ "a Date that came stays", "HTTP/1.1 200 OK\r\nDate: x\r\n\r\n", "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1\r\n\r\n",
	  { OPEN, LENGTH(1), .date = date } },
	{ "RFC 9112 4: a reason for none", "HTTP/1.1 404\r\n\r\n", "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n", { OPEN, LENGTH(1) } },
	{ "RFC 9110 9.3.2: HEAD says what GET would", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", { OPEN }, true },
	{ "RFC 9110 8.6: 304 may, too", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
	  "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", { OPEN } },
	{ "RFC 9110 8.6: 204 may not", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", { OPEN } },
	{ "RFC 9112 9.3: HTTP/1.0 is told that it stays open", "HTTP/1.1 200 OK\r\n\r\n",
	  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", { .keep_alive = true, LENGTH(1) } },
	{ "RFC 9112 9.6: close", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n",
	  { .minor = 1, LENGTH(1) } },
	{ "RFC 9112 6.3: without a length it has to close", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
	  { OPEN, .framing = TUX_FRAMING_CLOSE } },
	{ "RFC 9110 15.2: interim", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: y\r\n\r\n",
	  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", { OPEN, .date = date } },
	{ "RFC 9110 15.2.2: 101", "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
	  "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	  { OPEN, .date = date, .upgrade = true } },
};

static void test_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forwarded_responses) / sizeof(forwarded_responses[0]); i++) {
		parse_response(forwarded_responses[i].head, forwarded_responses[i].of_head);
		assert_forwards(forwarded_responses[i].why, forwarded_responses[i].expected, NULL, &forwarded_responses[i].how);
	}
}

static void test_not_forwarded(void **state)
{
	static uint8_t out[CAP];
	static char head[4096];
	const struct tux_forwarding how = { .client = OCTETS("192.0.2.1") };
	const struct tux_forwarding_response how_response = { .minor = 1 };
	size_t len;

	(void)state;
	parse_request("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
	assert_int_equal(tux_forward_request(out, CAP, message, &req, &how), 0);
	for (int options = TUX_MAX_OPTIONS; options <= TUX_MAX_OPTIONS + 1; options++) {
		len = (size_t)sprintf(head, "GET / HTTP/1.1\r\nHost: h\r\nConnection: a\r\nConnection: ,");
		for (int i = 1; i < options; i++)
			len += (size_t)sprintf(head + len, "a, ,");
		strcpy(head + len, "\r\n\r\n");
		parse_request(head);
		assert_int_equal(tux_forward_request(out, CAP, message, &req, &how) != 0, options == TUX_MAX_OPTIONS);
		len = (size_t)sprintf(head, "HTTP/1.1 200 OK\r\nConnection: a\r\nConnection: ,");
		for (int i = 1; i < options; i++)
			len += (size_t)sprintf(head + len, "a, ,");
		strcpy(head + len, "\r\n\r\n");
		parse_response(head, false);
		assert_int_equal(tux_forward_response(out, CAP, message, &res, &how_response) != 0, options == TUX_MAX_OPTIONS);
	}
}

/* No octet of a name, value, target or reason ends a line, even if the parser missed it. */
static void test_no_injection(void **state)
{
	static const uint8_t bad[] = { '\r', '\n', '\0', 0x7f };
	static uint8_t out[CAP];
	const struct tux_forwarding how = { .client = OCTETS("192.0.2.1"), .host = OCTETS("a\r\nb: c"), .by = OCTETS("::1\n") };
	const struct tux_forwarding_response how_response = { .minor = 1 };
	const char *head = "GET /target?q HTTP/1.1\r\nHost: host\r\nName: value\r\n\r\n";
	const char *response = "HTTP/1.1 200 reason\r\nName: value\r\n\r\n";
	uint32_t len;

	(void)state;
	parse_request(head);
	len = tux_forward_request(out, CAP, message, &req, &how);
	assert_true(len > 0 && memmem(out, len, "\r\nHost: ab:c\r\n", 14) != NULL);
	for (size_t i = 0; i < sizeof(bad); i++) {
		for (const char *at = head; *at != '\0'; at++) {
			parse_request(head);
			if (strchr("\r\n :", *at) != NULL || (at > strchr(head, ' ') + 9 && at < strstr(head, "Host")) ||
			    (at >= strstr(head, "Host:") && at < strstr(head, "host")))
				continue;
			message[at - head] = bad[i];
			assert_int_equal(tux_forward_request(out, CAP, message, &req, &how), 0);
		}
		for (const char *at = strstr(response, "reason"); *at != '\0'; at++) {
			parse_response(response, false);
			if (strchr("\r\n :", *at) != NULL)
				continue;
			message[at - response] = bad[i];
			assert_int_equal(tux_forward_response(out, CAP, message, &res, &how_response), 0);
		}
	}
}

static void test_trailer(void **state)
{
	static const char section[] = "X: y\r\nContent-Length: 3\r\nA_B: c\r\nHost: e\r\nTransfer-Encoding: chunked\r\nx-sum:1\r\n\r\n";
	static const char expected[] = "0\r\nX: y\r\nx-sum: 1\r\n\r\n";
	struct tux_field_lines fields;
	uint8_t refusal = TUX_ACCEPTED;
	uint8_t out[sizeof(expected)];
	uint32_t pos = 0;

	(void)state;
	memcpy(message, section, sizeof(section) - 1);
	tux_fields_clear(&fields);
	assert_int_equal(tux_fields_parse(message, sizeof(section) - 1, &pos, false, &fields, &refusal), TUX_PARSED);
	assert_int_equal(tux_forward_trailer(out, sizeof(expected) - 1, message, &fields), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
	assert_int_equal(tux_forward_trailer(out, sizeof(expected) - 2, message, &fields), 0);
	tux_fields_clear(&fields);
	assert_int_equal(tux_forward_trailer(out, sizeof(out), message, &fields), strlen(TUX_LAST_CHUNK));
	assert_memory_equal(out, TUX_LAST_CHUNK, strlen(TUX_LAST_CHUNK));
}

static void test_chunk_head(void **state)
{
	static const uint32_t sizes[] = { 1, 9, 10, 15, 16, 500, 0xabcdef, UINT32_MAX };
	uint8_t out[TUX_MAX_CHUNK_HEAD];
	char expected[16];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t len = (uint32_t)sprintf(expected, "%x\r\n", sizes[i]);

		assert_int_equal(tux_chunk_head(out, sizes[i]), len);
		assert_memory_equal(out, expected, len);
	}
}

/* A whole chunk, in memory of exactly its size and of one octet less. */
static void test_chunk(void **state)
{
	static const uint8_t data[17] = "0123456789abcdef";
	static const char expected[] = "10\r\n0123456789abcdef\r\n";
	uint8_t *out = malloc(sizeof(expected) - 1);

	(void)state;
	assert_non_null(out);
	assert_int_equal(tux_forward_chunk(out, sizeof(expected) - 1, data, 16), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
	assert_int_equal(tux_forward_chunk(out, sizeof(expected) - 2, data, 16), 0);
	free(out);
}

/* The lines of the named fields, unchanged and in order. No line is not a failure. */
static void test_kept(void **state)
{
	static const struct tux_text names[] = { TUX_TEXT("set-cookie"), TUX_TEXT("expires") };
	static const char expected[] = "Set-Cookie: a=1\r\nexpires: 0\r\nSET-COOKIE: b=2\r\n";
	uint8_t *out = malloc(sizeof(expected) - 1);
	uint32_t len = 1;

	(void)state;
	assert_non_null(out);
	parse_response("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie2: x\r\nContent-Length: 0\r\nexpires:0\r\nSET-COOKIE: b=2\r\n\r\n", false);
	assert_true(tux_forward_kept(out, sizeof(expected) - 1, message, &res.fields, names, 2, &len));
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(out, expected, len);
	for (uint32_t cap = 0; cap < sizeof(expected) - 1; cap++) { /* output that does not fit has length 0 */
		assert_false(tux_forward_kept(out, cap, message, &res.fields, names, 2, &len));
		assert_int_equal(len, 0);
	}
	assert_true(tux_forward_kept(out, 0, message, &res.fields, names, 0, &len));
	assert_int_equal(len, 0);
	free(out);
}

/* The request with another target and without its body. No octet of the target ends it. */
static void test_inside(void **state)
{
	static const char expected[] = "GET /b?c HTTP/1.1\r\nHost: x\r\nCookie: y\r\n\r\n";
	static const char *const bad[] = { "/b c", "/b\r\nX: y", "/b\n", "/#b" };
	uint8_t *out = malloc(sizeof(expected) - 1);

	(void)state;
	assert_non_null(out);
	parse_request("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\nCookie: y\r\n\r\n");
	assert_int_equal(tux_forward_inside(out, sizeof(expected) - 1, message, &req, OCTETS("/b?c")), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
	for (uint32_t cap = 0; cap < sizeof(expected) - 1; cap++)
		assert_int_equal(tux_forward_inside(out, cap, message, &req, OCTETS("/b?c")), 0);
	free(out);
	out = malloc(CAP);
	assert_non_null(out);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tux_forward_inside(out, CAP, message, &req, (struct tux_octets){ (const uint8_t *)bad[i], (uint32_t)strlen(bad[i]) }), 0);
	parse_request("HEAD /a HTTP/1.0\r\n\r\n");
	assert_int_equal(tux_forward_inside(out, CAP, message, &req, OCTETS("/b")), strlen("HEAD /b HTTP/1.0\r\n\r\n"));
	assert_memory_equal(out, "HEAD /b HTTP/1.0\r\n\r\n", strlen("HEAD /b HTTP/1.0\r\n\r\n"));
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),     cmocka_unit_test(test_responses), cmocka_unit_test(test_not_forwarded),
		cmocka_unit_test(test_no_injection), cmocka_unit_test(test_trailer),   cmocka_unit_test(test_chunk_head),
		cmocka_unit_test(test_chunk),        cmocka_unit_test(test_kept),      cmocka_unit_test(test_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
