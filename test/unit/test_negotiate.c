/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "negotiate.h"
#include "parsed.h"

enum { ALL = 1 << TUX_CODING_IDENTITY | 1 << TUX_CODING_BR | 1 << TUX_CODING_ZSTD | 1 << TUX_CODING_GZIP };

static enum tux_coding coding(const char *fields, uint32_t available)
{
	struct parsed *parsed = parse_request("GET", fields);

	return tux_negotiate_coding(parsed->buf, &parsed->req, available);
}

/* RFC 9110 12.5.3 */
static void test_coding(void **state)
{
	(void)state;
	assert_int_equal(coding("", ALL), TUX_CODING_IDENTITY);
	assert_int_equal(coding("Accept-Encoding: gzip, deflate, br, zstd\r\n", ALL), TUX_CODING_BR);
	assert_int_equal(coding("Accept-Encoding: gzip, br;q=0.5\r\n", ALL), TUX_CODING_GZIP);
	assert_int_equal(coding("Accept-Encoding: gzip;q=0\r\n", ALL), TUX_CODING_IDENTITY);
	assert_int_equal(coding("Accept-Encoding: x-GZIP\r\n", ALL), TUX_CODING_GZIP);
	assert_int_equal(coding("Accept-Encoding: *\r\n", ALL), TUX_CODING_BR);
	assert_int_equal(coding("Accept-Encoding: *;q=0\r\n", ALL), TUX_CODING_IDENTITY);
	assert_int_equal(coding("Accept-Encoding: *, br;q=0\r\n", ALL), TUX_CODING_ZSTD);
	assert_int_equal(coding("Accept-Encoding: identity;q=0.9, gzip;q=0.5\r\n", ALL), TUX_CODING_IDENTITY);
	assert_int_equal(coding("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", 1 | 1 << TUX_CODING_GZIP), TUX_CODING_GZIP);
	assert_int_equal(coding("Accept-Encoding: br\r\n", 1), TUX_CODING_IDENTITY);
	assert_int_equal(coding("Accept-Encoding: gzipped\r\n", ALL), TUX_CODING_IDENTITY);
}

static bool json(const char *fields)
{
	struct parsed *parsed = parse_request("GET", fields);

	return tux_negotiate_json(parsed->buf, &parsed->req);
}

/* RFC 9110 12.5.1 */
static void test_json(void **state)
{
	(void)state;
	assert_false(json(""));
	assert_true(json("Accept: application/json\r\n"));
	assert_false(json("Accept: */*\r\n"));
	assert_false(json("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"));
	assert_true(json("Accept: application/json, text/html;q=0.5\r\n"));
	assert_false(json("Accept: application/json;q=0.4, text/html;q=0.5\r\n"));
	assert_true(json("Accept: application/*\r\n"));
	/* At equal weight the named type wins. */
	assert_true(json("Accept: application/json, text/plain, */*\r\n"));
	assert_true(json("Accept: application/json, text/*\r\n"));
	assert_false(json("Accept: application/json, text/html, */*\r\n"));
	assert_false(json("Accept: application/json;q=0, */*;q=0\r\n"));
	assert_false(json("Accept: application/*, */*\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coding),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
