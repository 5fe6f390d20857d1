/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "field_name.h"

struct known {
	const char *text;
	enum tux_field_name name;
};

static const struct known knowns[] = {
	{ "accept", TUX_FIELD_ACCEPT },
	{ "accept-encoding", TUX_FIELD_ACCEPT_ENCODING },
	{ "connection", TUX_FIELD_CONNECTION },
	{ "content-length", TUX_FIELD_CONTENT_LENGTH },
	{ "content-type", TUX_FIELD_CONTENT_TYPE },
	{ "cookie", TUX_FIELD_COOKIE },
	{ "date", TUX_FIELD_DATE },
	{ "expect", TUX_FIELD_EXPECT },
	{ "forwarded", TUX_FIELD_FORWARDED },
	{ "host", TUX_FIELD_HOST },
	{ "if-match", TUX_FIELD_IF_MATCH },
	{ "if-modified-since", TUX_FIELD_IF_MODIFIED_SINCE },
	{ "if-none-match", TUX_FIELD_IF_NONE_MATCH },
	{ "if-range", TUX_FIELD_IF_RANGE },
	{ "if-unmodified-since", TUX_FIELD_IF_UNMODIFIED_SINCE },
	{ "keep-alive", TUX_FIELD_KEEP_ALIVE },
	{ "location", TUX_FIELD_LOCATION },
	{ "proxy", TUX_FIELD_PROXY },
	{ "proxy-authenticate", TUX_FIELD_PROXY_AUTHENTICATE },
	{ "proxy-authorization", TUX_FIELD_PROXY_AUTHORIZATION },
	{ "proxy-connection", TUX_FIELD_PROXY_CONNECTION },
	{ "range", TUX_FIELD_RANGE },
	{ "referer", TUX_FIELD_REFERER },
	{ "status", TUX_FIELD_STATUS },
	{ "te", TUX_FIELD_TE },
	{ "trailer", TUX_FIELD_TRAILER },
	{ "transfer-encoding", TUX_FIELD_TRANSFER_ENCODING },
	{ "upgrade", TUX_FIELD_UPGRADE },
	{ "user-agent", TUX_FIELD_USER_AGENT },
	{ "x-accel-redirect", TUX_FIELD_X_ACCEL_REDIRECT },
	{ "x-forwarded-for", TUX_FIELD_X_FORWARDED_FOR },
	{ "x-forwarded-host", TUX_FIELD_X_FORWARDED_HOST },
	{ "x-forwarded-proto", TUX_FIELD_X_FORWARDED_PROTO },
	{ "x-sendfile", TUX_FIELD_X_SENDFILE },
};

/* Recognises a name at the end of memory of exactly its size, so that sanitizers detect a read beyond it. */
static enum tux_field_name recognise(const char *text, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	enum tux_field_name name;

	assert_non_null(copy);
	copy[0] = ':';
	memcpy(copy + 1, text, len);
	name = tux_field_recognise(copy, 1, (uint32_t)len);
	free(copy);
	return name;
}

static void test_recognise(void **state)
{
	size_t i, at;

	(void)state;
	assert_int_equal(sizeof(knowns) / sizeof(knowns[0]), TUX_FIELD_NAMES - 1);
	for (i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++) {
		size_t len = strlen(knowns[i].text);
		char text[32];

		assert_int_equal(recognise(knowns[i].text, len), knowns[i].name);
		for (at = 0; at < len; at++)
			text[at] = (char)toupper((unsigned char)knowns[i].text[at]);
		assert_int_equal(recognise(text, len), knowns[i].name);
		assert_int_equal(recognise(text, len - 1), TUX_FIELD_OTHER);

		/* RFC 9110 5.1: letters are case-insensitive, other octets are not. */
		for (at = 0; at < len; at++) {
			unsigned int octet;

			memcpy(text, knowns[i].text, len);
			for (octet = 0; octet < 256; octet++) {
				enum tux_field_name name;

				text[at] = (char)octet;
				name = recognise(text, len);
				if (octet < 0x80 && tolower((int)octet) == knowns[i].text[at])
					assert_int_equal(name, knowns[i].name);
				else if (name != TUX_FIELD_OTHER)
					fail_msg("%s with octet %u at %zu is %d", knowns[i].text, octet, at, (int)name);
			}
		}
	}
	assert_int_equal(recognise("", 0), TUX_FIELD_OTHER);
	assert_int_equal(recognise("x-accept-encoding-what", 22), TUX_FIELD_OTHER);
}

static struct tux_span whole(const char *text)
{
	return (struct tux_span){ 0, (uint32_t)strlen(text) };
}

static void test_equals(void **state)
{
	(void)state;
	assert_true(tux_field_equals((const uint8_t *)"ChunKed", whole("ChunKed"), "chunked", 7));
	assert_true(tux_field_equals((const uint8_t *)"100-Continue", whole("100-Continue"), "100-continue", 12));
	assert_true(tux_field_equals((const uint8_t *)"", whole(""), "", 0));
	assert_false(tux_field_equals((const uint8_t *)"chunke", whole("chunke"), "chunked", 7));
	assert_false(tux_field_equals((const uint8_t *)"100\rcontinue", whole("100\rcontinue"), "100-continue", 12));
	assert_false(tux_field_equals((const uint8_t *)"keep-alivf", whole("keep-alivf"), "keep-alive", 10));
}

struct list_case {
	const char *value;
	const char *elements; /* joined with '|' */
};

static const struct list_case list_cases[] = {
	{ "", "" },
	{ "a", "a" },
	{ "a,b", "a|b" },
	{ " a \t,\tb ", "a|b" },
	{ ",, a,, ,b,", "a|b" },
	{ " , ", "" },
	{ "\"a,b\", c", "\"a,b\"|c" },
	{ "W/\"a,\", \"b\"", "W/\"a,\"|\"b\"" },
	{ "a;b=\"x\\\",y\", c", "a;b=\"x\\\",y\"|c" },
	{ "\"unterminated, x", "\"unterminated, x" },
	{ "\"x\\", "\"x\\" },
	{ "a b, c", "a b|c" },
	{ "a\\,b", "a\\|b" },
};

static void test_list(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(list_cases) / sizeof(list_cases[0]); i++) {
		size_t len = strlen(list_cases[i].value), got_len = 0;
		uint8_t *value = malloc(len + 1);
		struct tux_span rest = { 1, (uint32_t)len }, element;
		char got[64] = "";

		assert_non_null(value);
		value[0] = ',';
		memcpy(value + 1, list_cases[i].value, len);
		while (tux_field_list_next(value, &rest, &element)) {
			if (got_len > 0)
				got[got_len++] = '|';
			memcpy(got + got_len, value + element.off, element.len);
			got_len += element.len;
			got[got_len] = 0;
		}
		assert_int_equal(element.len, 0);
		assert_int_equal(rest.len, 0);
		assert_false(tux_field_list_next(value, &rest, &element));
		if (strcmp(got, list_cases[i].elements) != 0)
			fail_msg("RFC 9110 5.6.1: '%s' gives '%s'", list_cases[i].value, got);
		free(value);
	}
}

struct weight_case {
	const char *element, *token;
	uint32_t weight;
};

static const struct weight_case weight_cases[] = {
	{ "gzip", "gzip", 1000 },
	{ "gzip;q=0.5", "gzip", 500 },
	{ "gzip ; Q=1", "gzip", 1000 },
	{ "gzip;q=0", "gzip", 0 },
	{ "gzip;q=0.", "gzip", 0 },
	{ "gzip;q=1.000", "gzip", 1000 },
	{ "gzip;q=0.001", "gzip", 1 },
	{ "gzip;q=0.123", "gzip", 123 },
	{ "gzip;q=0.1234", "gzip", 0 },
	{ "gzip;q=1.001", "gzip", 0 },
	{ "gzip;q=2", "gzip", 0 },
	{ "gzip;q=.5", "gzip", 0 },
	{ "gzip;q=", "gzip", 0 },
	{ "gzip;q=0,5", "gzip", 0 },
	{ "gzip;q=-1", "gzip", 0 },
	{ "text/html;level=1;q=0.7", "text/html", 700 },
	{ "text/html;a=\";q=0\";q=0.7", "text/html", 700 },
	{ "text/html;q=0.7;ext=1", "text/html", 700 },
	{ "*;", "*", 1000 },
	{ ";q=0.3", "", 300 },
};

static void test_weight(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(weight_cases) / sizeof(weight_cases[0]); i++) {
		const struct weight_case *c = &weight_cases[i];
		struct tux_span token;
		uint32_t weight = tux_field_weight((const uint8_t *)c->element, whole(c->element), &token);

		if (weight != c->weight)
			fail_msg("RFC 9110 12.4.2: '%s' weighs %u", c->element, weight);
		assert_int_equal(token.len, strlen(c->token));
		assert_memory_equal(c->element + token.off, c->token, token.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recognise), cmocka_unit_test(test_equals), cmocka_unit_test(test_list),
		cmocka_unit_test(test_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
