/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meta-variables of CGI: all of a request, compared octet by octet, in memory of exactly their size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "cgi_variables.h"
#include "sanitizer.h"

enum { CAP = 32768 };

static uint8_t message[TUX_MAX_HEAD];
static struct tux_request req;

#define OCTETS(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

struct told {
	const char *why;
	const char *head;
	const char *expected; /* a line feed represents NUL */
	struct tux_cgi_facts facts;
};

#define SERVER(method, uri, query, version, scheme) "GATEWAY_INTERFACE=CGI/1.1\nREQUEST_METHOD=" method "\nREQUEST_URI=" uri \
	"\nQUERY_STRING=" query "\nSERVER_PROTOCOL=HTTP/" version "\nREQUEST_SCHEME=" scheme "\n"
#define GET SERVER("GET", "/a", "", "1.1", "http")
#define REST "SERVER_NAME=h\nREDIRECT_STATUS=200\n"

static const struct told tolds[] = {
	{ "RFC 3875 4.1: the least there is", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", GET REST "HTTP_HOST=h\n", { .https = false } },
	{ "HTTP/1.0 without Host", "GET /a HTTP/1.0\r\n\r\n",
	  SERVER("GET", "/a", "", "1.0", "http") "SERVER_NAME=\nREDIRECT_STATUS=200\n", { .https = false } },
	{ "RFC 3875 4.1.7: the query as it was sent", "GET /a%20?b%26=c+d HTTP/1.1\r\nHost: h\r\n\r\n",
	  SERVER("GET", "/a%20?b%26=c+d", "b%26=c+d", "1.1", "http") REST "HTTP_HOST=h\n", { .https = false } },
	{ "the absolute form is told as the others", "GET http://x:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n",
	  SERVER("GET", "/a?b", "b", "1.1", "http") "SERVER_NAME=x\nREDIRECT_STATUS=200\nHTTP_HOST=x:80\n", { .https = false } },
	{ "and so is one without a path", "GET http://x HTTP/1.1\r\nHost: h\r\n\r\n",
	  SERVER("GET", "/", "", "1.1", "http") "SERVER_NAME=x\nREDIRECT_STATUS=200\nHTTP_HOST=x\n", { .https = false } },
	{ "RFC 3875 4.1.14: an IPv6 host", "GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
	  GET "SERVER_NAME=[::1]\nREDIRECT_STATUS=200\nHTTP_HOST=[::1]:80\n", { .https = false } },
	{ "RFC 3875 4.1.2, 4.1.3: a body", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Type: a/b; c=d\r\nContent-Length: 3\r\n\r\n",
	  SERVER("POST", "/a", "", "1.1", "http") "CONTENT_LENGTH=3\nCONTENT_TYPE=a/b; c=d\n" REST "HTTP_HOST=h\n",
	  { .has_length = true, .content_length = 3 } },
	{ "a chunked one, of which no length is known",
	  "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
	  SERVER("POST", "/a", "", "1.1", "http") REST "HTTP_HOST=h\n", { .https = false } },
	{ "all that the program knows", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
	  SERVER("GET", "/a", "", "1.1", "https") "HTTPS=on\nREDIRECT_STATUS=200\nSCRIPT_NAME=/a\nSCRIPT_FILENAME=/r/a\nPATH_INFO=/b c\r"
	  "\nPATH_TRANSLATED=/r/b\nDOCUMENT_ROOT=/r\nSERVER_NAME=n\nSERVER_ADDR=::1\nSERVER_SOFTWARE=tux/1\nREMOTE_ADDR=192.0.2.1\n"
	  "SERVER_PORT=443\nREMOTE_PORT=65535\nHTTP_HOST=h\n",
	  { .script_name = OCTETS("/a"), .script_filename = OCTETS("/r/a"), .path_info = OCTETS("/b c\r"),
	    .path_translated = OCTETS("/r/b"), .document_root = OCTETS("/r"), .server_name = OCTETS("n"),
	    .server_addr = OCTETS("::1"), .remote_addr = OCTETS("192.0.2.1"), .server_software = OCTETS("tux/1"),
	    .server_port = 443, .remote_port = 65535, .https = true } },
	{ "RFC 3875 4.1.18: fields", "GET /a HTTP/1.1\r\nuser-agent: x=y\r\nHost: h\r\nX-1:\r\nAuthorization: Basic eA==\r\n\r\n",
	  GET REST "HTTP_HOST=h\nHTTP_USER_AGENT=x=y\nHTTP_X_1=\nHTTP_AUTHORIZATION=Basic eA==\n", { .https = false } },
	{ "RFC 3875 4.1.18: the same name on several lines",
	  "GET /a HTTP/1.1\r\nA-B: 1\r\nHost: h\r\nC: 2\r\nCookie: d=e\r\na-b: 3\r\nA-B:\r\ncookie: f=g\r\n\r\n",
	  GET REST "HTTP_HOST=h\nHTTP_A_B=1, 3, \nHTTP_C=2\nHTTP_COOKIE=d=e; f=g\n", { .https = false } },
	{ "httpoxy", "GET /a HTTP/1.1\r\nHost: h\r\nProxy: e\r\nPROXY: e\r\n\r\n", GET REST "HTTP_HOST=h\n", { .https = false } },
	{ "names that would be taken for others",
	  "GET /a HTTP/1.1\r\nHost: h\r\nUser_Agent: e\r\nX.Y: e\r\nX~: e\r\nContent_Length: 7\r\nX-Y: f\r\nX_Y: e\r\n\r\n",
	  GET REST "HTTP_HOST=h\nHTTP_X_Y=f\n", { .https = false } },
	{ "what is for the connection",
	  "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nKeep-Alive: 1\r\nTE: trailers\r\nUpgrade: a\r\nExpect: 100-continue\r\n"
	  "Proxy-Authorization: a\r\nProxy-Connection: a\r\n\r\n",
	  GET REST "HTTP_HOST=h\n", { .https = false } },
};

static uint32_t parse(const char *head)
{
	size_t len = strlen(head);

	memcpy(message, head, len);
	forget(&req, sizeof(req));
	if (tux_request_parse(message, (uint32_t)len, 0, &req) != TUX_PARSED)
		fail_msg("%s: %s", head, tux_refusal_text(req.refusal));
	return (uint32_t)len;
}

static void test_variables(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tolds) / sizeof(tolds[0]); i++) {
		const struct told *c = &tolds[i];
		uint32_t len = (uint32_t)strlen(c->expected), written;
		uint8_t *out = malloc(CAP);

		assert_non_null(out);
		parse(c->head);
		written = tux_cgi_variables(out, CAP, message, &req, &c->facts);
		for (uint32_t k = 0; k < written; k++)
			if (out[k] == '\0')
				out[k] = '\n';
		if (written != len || memcmp(out, c->expected, len) != 0)
			fail_msg("%s: '%.*s' instead of '%s'", c->why, (int)written, (char *)out, c->expected);
		free(out);
		for (uint32_t room = 0; room <= len; room++) {
			out = malloc(room + 1);
			assert_non_null(out);
			assert_int_equal(tux_cgi_variables(out + 1, room, message, &req, &c->facts), room < len ? 0 : len);
			free(out);
		}
	}
}

static uint32_t count(const uint8_t *out, uint32_t len)
{
	uint32_t variables = 0;

	for (uint32_t i = 0; i < len; i++)
		variables += out[i] == '\0';
	return variables;
}

/* A NUL would end a variable and start another one. */
static void test_no_injection(void **state)
{
	static uint8_t out[CAP];
	const char *head = "GET /a?b HTTP/1.1\r\nHost: h\r\nName: value\r\n\r\n";
	const struct tux_cgi_facts bad = { .path_info = OCTETS("/a\0LD_PRELOAD=e") }, facts = { .https = false };
	const uint32_t len = parse(head), all = count(out, tux_cgi_variables(out, CAP, message, &req, &facts));

	(void)state;
	assert_int_equal(tux_cgi_variables(out, CAP, message, &req, &bad), 0);
	for (uint32_t i = 0; i < len; i++) {
		uint32_t written;

		parse(head);
		message[i] = '\0';
		written = tux_cgi_variables(out, CAP, message, &req, &facts);
		/* Either nothing, or all but the field with that name. The NUL may separate variables. */
		if (written > 0)
			assert_in_range(count(out, written), all - 1, all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_variables), cmocka_unit_test(test_no_injection) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
