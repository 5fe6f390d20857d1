/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Escapes: each octet and each pair of octets in each way, cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/escape.h"

/* Returns a text escaped and ended by NUL, in static memory. */
static const char *escaped(enum tux_escape how, const char *text)
{
	static char out[1024];
	uint32_t taken = 0;
	const uint32_t len = (uint32_t)strlen(text);
	const uint32_t bytes = tux_escape(how, (uint8_t *)out, sizeof(out) - 1, (const uint8_t *)text, len, &taken);

	assert_int_equal(taken, len);
	out[bytes] = '\0';
	return out;
}

static void test_texts(void **state)
{
	static const char text[] = "a \"b\\\n<&>'%\t\x7f\xc3\xa9\xff";

	(void)state;
	assert_string_equal(escaped(TUX_ESCAPE_LOG, text), "a \\x22b\\x5C\\x0A<&>'%\\x09\\x7F\\xC3\\xA9\\xFF");
	assert_string_equal(escaped(TUX_ESCAPE_COLUMN, text), "a\\x20\\x22b\\x5C\\x0A<&>'%\\x09\\x7F\\xC3\\xA9\\xFF");
	assert_string_equal(escaped(TUX_ESCAPE_JSON_BYTES, text), "a \\\"b\\\\\\u000a<&>'%\\u0009\\u007f\\u00c3\\u00a9\\u00ff");
	assert_string_equal(escaped(TUX_ESCAPE_JSON, text), "a \\\"b\\\\\\u000a<&>'%\\u0009\\u007f\xc3\xa9\xef\xbf\xbd");
	assert_string_equal(escaped(TUX_ESCAPE_LABEL, text), "a \\\"b\\\\??&>'%?" "?\xc3\xa9\xef\xbf\xbd");
	assert_string_equal(escaped(TUX_ESCAPE_HTML, text),
	                    "a &quot;b\\\xef\xbf\xbd&lt;&amp;&gt;&#39;%\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd");
	assert_string_equal(escaped(TUX_ESCAPE_URI, text), "a%20%22b%5C%0A%3C%26%3E%27%25%09%7F%C3%A9%FF");
	assert_string_equal(escaped(TUX_ESCAPE_MESSAGE, text), "a \"b\\?<&>'%\t?\xc3\xa9\xef\xbf\xbd");
}

/* RFC 3629: overlong forms, surrogates, numbers above U+10FFFF, cut characters; and U+009B, which begins a terminal's orders. */
static void test_utf8(void **state)
{
	static const char *const good[] = { "\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_string_equal(escaped(TUX_ESCAPE_HTML, good[i]), good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (int how = TUX_ESCAPE_JSON; how <= TUX_ESCAPE_MESSAGE; how++)
			if (how != TUX_ESCAPE_URI)
				assert_memory_equal(escaped((enum tux_escape)how, bad[i]), "\xef\xbf\xbd", 3);
	assert_string_equal(escaped(TUX_ESCAPE_JSON, "a\xc2\x85z"), "a\\u0085z");
	assert_string_equal(escaped(TUX_ESCAPE_LABEL, "a\xc2\x80z"), "a\xef\xbf\xbdz");
	assert_string_equal(escaped(TUX_ESCAPE_HTML, "a\xc2\x9fz"), "a\xef\xbf\xbdz");
	assert_string_equal(escaped(TUX_ESCAPE_MESSAGE, "a\xc2\x9bz"), "a\xef\xbf\xbdz");
}

/* True if no octet of an escaped text has a meaning for the text around. */
static bool is_clean(enum tux_escape how, const uint8_t *out, uint32_t len)
{
	const bool quoted = how <= TUX_ESCAPE_LABEL;

	for (uint32_t i = 0; i < len; i++) {
		const bool last = i + 1 == len;

		if ((out[i] < 0x20 && (how != TUX_ESCAPE_MESSAGE || out[i] != '\t')) || out[i] == 0x7f)
			return false;
		if (how == TUX_ESCAPE_HTML && (strchr("<>\"'", out[i]) != NULL || (out[i] == '&' && (last || strchr("alqg#", out[i + 1]) == NULL))))
			return false;
		if (how == TUX_ESCAPE_LABEL && out[i] == '<')
			return false;
		if ((how == TUX_ESCAPE_URI || how == TUX_ESCAPE_COLUMN) && out[i] == ' ')
			return false;
		if (quoted && out[i] == '"')
			return false;
		if (quoted && out[i] == '\\') {
			if (last)
				return false;
			i++;
		}
	}
	return true;
}

/* Each pair of octets, in memory of exactly its size, so that a sanitizer detects reads and writes beyond it. */
static void test_pairs(void **state)
{
	uint8_t *text = malloc(2);

	(void)state;
	assert_non_null(text);
	for (int how = TUX_ESCAPE_LOG; how <= TUX_ESCAPE_MESSAGE; how++)
		for (uint32_t pair = 0; pair < 65536; pair++) {
			uint8_t whole[2 * TUX_MAX_ESCAPED];
			uint32_t taken, bytes;

			text[0] = (uint8_t)(pair >> 8);
			text[1] = (uint8_t)pair;
			bytes = tux_escape((enum tux_escape)how, whole, sizeof(whole), text, 2, &taken);
			if (taken != 2 || !is_clean((enum tux_escape)how, whole, bytes))
				fail_msg("way %d, octets %04x", how, pair);
		}
	free(text);
}

/* With less room, whole escapes only: the start of the whole text. */
static void test_cut_between_escapes(void **state)
{
	static const uint8_t text[] = "\"<\n\xc3\xa9z";
	const uint32_t len = sizeof(text) - 1;

	(void)state;
	for (int how = TUX_ESCAPE_LOG; how <= TUX_ESCAPE_MESSAGE; how++) {
		uint8_t whole[TUX_MAX_ESCAPED * sizeof(text)];
		uint32_t all, taken;
		const uint32_t bytes = tux_escape((enum tux_escape)how, whole, sizeof(whole), text, len, &all);

		for (uint32_t cap = 0; cap <= bytes; cap++) {
			uint8_t *const part = malloc(cap > 0 ? cap : 1);
			uint32_t part_bytes;

			assert_non_null(part);
			part_bytes = tux_escape((enum tux_escape)how, part, cap, text, len, &taken);
			assert_true(part_bytes <= cap && taken <= len && (taken == len) == (cap == bytes));
			assert_memory_equal(part, whole, part_bytes);
			assert_true(is_clean((enum tux_escape)how, part, part_bytes));
			free(part);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_cut_between_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
