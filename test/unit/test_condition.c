/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "condition.h"
#include "parsed.h"

#define STAMP "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct tux_validators strong = { (const uint8_t *)"\"abc\"", 5, 784111777, 1784000000 };
static const struct tux_validators weak = { (const uint8_t *)"W/\"abc\"", 7, 784111777, 1784000000 };
static const struct tux_validators bare = { NULL, 0, -1, 1784000000 };

static enum tux_condition evaluate(const char *fields, const struct tux_validators *validators)
{
	struct parsed *parsed = parse_request("GET", fields);

	return tux_condition_evaluate(parsed->buf, &parsed->req, validators);
}

/* RFC 9110 13.1.1 to 13.1.4, 13.2.2 */
static void test_evaluate(void **state)
{
	static const struct {
		const char *fields;
		enum tux_condition expected;
	} cases[] = {
		{ "", TUX_CONDITION_PASSED },
		{ "If-None-Match: \"abc\"\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-None-Match: W/\"abc\"\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-None-Match: \"x,\", \"abc\"\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-None-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-None-Match: *\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-None-Match: abc\r\n", TUX_CONDITION_PASSED },
		{ "If-None-Match: \"x\"\r\nIf-Modified-Since: " STAMP "\r\n", TUX_CONDITION_PASSED },
		{ "If-Modified-Since: " STAMP "\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-Modified-Since: " AFTER "\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-Modified-Since: " BEFORE "\r\n", TUX_CONDITION_PASSED },
		{ "If-Modified-Since: yesterday\r\n", TUX_CONDITION_PASSED },
		{ "If-Match: \"abc\"\r\n", TUX_CONDITION_PASSED },
		{ "If-Match: W/\"abc\"\r\n", TUX_CONDITION_FAILED },
		{ "If-Match: \"x\"\r\n", TUX_CONDITION_FAILED },
		{ "If-Match: *\r\n", TUX_CONDITION_PASSED },
		{ "If-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n", TUX_CONDITION_FAILED },
		{ "If-Match: \"abc\"\r\nIf-None-Match: \"abc\"\r\n", TUX_CONDITION_NOT_MODIFIED },
		{ "If-Match: \"abc\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", TUX_CONDITION_PASSED },
		{ "If-Unmodified-Since: " BEFORE "\r\n", TUX_CONDITION_FAILED },
		{ "If-Unmodified-Since: " STAMP "\r\n", TUX_CONDITION_PASSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(evaluate(cases[i].fields, &strong), cases[i].expected);
	assert_int_equal(evaluate("If-None-Match: \"abc\"\r\n", &weak), TUX_CONDITION_NOT_MODIFIED);
	assert_int_equal(evaluate("If-Match: \"abc\"\r\n", &weak), TUX_CONDITION_FAILED);
	assert_int_equal(evaluate("If-Modified-Since: " AFTER "\r\n", &bare), TUX_CONDITION_PASSED);
	assert_int_equal(evaluate("If-None-Match: \"\"\r\n", &bare), TUX_CONDITION_PASSED);
}

static bool applies(const char *fields, const struct tux_validators *validators)
{
	struct parsed *parsed = parse_request("GET", fields);

	return tux_condition_range_applies(parsed->buf, &parsed->req, validators);
}

/* RFC 9110 13.1.5 */
static void test_if_range(void **state)
{
	struct tux_validators recent = strong;

	(void)state;
	assert_true(applies("", &strong));
	assert_true(applies("If-Range: \"abc\"\r\n", &strong));
	assert_false(applies("If-Range: \"x\"\r\n", &strong));
	assert_false(applies("If-Range: W/\"abc\"\r\n", &strong));
	assert_false(applies("If-Range: \"abc\"\r\n", &weak));
	assert_true(applies("If-Range: " STAMP "\r\n", &strong));
	assert_false(applies("If-Range: " AFTER "\r\n", &strong));
	assert_false(applies("If-Range: nonsense\r\n", &strong));
	assert_false(applies("If-Range: " STAMP "\r\n", &bare));
	recent.now = recent.last_modified; /* written in this second, so the date is a weak validator */
	assert_false(applies("If-Range: " STAMP "\r\n", &recent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_evaluate),
		cmocka_unit_test(test_if_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
