/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/request_write.h"

static struct tux_octets octets(const char *text)
{
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

/* Returns the bytes written in a room of cap bytes. */
static uint32_t written(uint32_t cap, const char *method, const char *target, const char *host, const char *lines, char out[128])
{
	return tux_request_write((uint8_t *)out, cap, octets(method), octets(target), octets(host), octets(lines));
}

static void test_writes_a_head(void **state)
{
	static const char whole[] = "POST /a?b=%20c HTTP/1.1\r\nHost: a.example:80\r\nX-One: 1\r\nX-Two: 2\r\n\r\n", bare[] = "GET / HTTP/1.1\r\n\r\n";
	const uint32_t len = sizeof(whole) - 1;
	char out[128];

	(void)state;
	assert_int_equal(written(sizeof(out), "POST", "/a?b=%20c", "a.example:80", "X-One: 1\r\nX-Two: 2\r\n", out), len);
	assert_memory_equal(out, whole, len);
	assert_int_equal(written(sizeof(out), "GET", "/", "", "", out), sizeof(bare) - 1);
	assert_memory_equal(out, bare, sizeof(bare) - 1);
	for (uint32_t cap = 0; cap < len; cap++)
		assert_int_equal(written(cap, "POST", "/a?b=%20c", "a.example:80", "X-One: 1\r\nX-Two: 2\r\n", out), 0);
	assert_int_equal(written(len, "POST", "/a?b=%20c", "a.example:80", "X-One: 1\r\nX-Two: 2\r\n", out), len);
}

static void test_no_text_begins_a_line(void **state)
{
	static const char *const lines[] = { "X: 1", "X: 1\r\n\r\n", "\r\n", "X: 1\n", "X: 1\r\r\n", "X: \x01\r\n" };
	char out[128];

	(void)state;
	for (int octet = 0; octet < 256; octet++) {
		const char text[] = { '/', (char)octet, 'x', '\0' };
		const bool ends = octet <= ' ' || octet == 0x7f;

		if (octet == 0)
			continue;
		assert_true(!ends || written(sizeof(out), "GET", text, "", "", out) == 0);
		assert_true((!ends && octet != '/') || written(sizeof(out), text, "/", "", "", out) == 0);
		assert_true(!strchr("\r\n", octet) || written(sizeof(out), "GET", "/", text, "", out) == 0);
	}
	assert_int_equal(written(sizeof(out), "", "/", "", "", out), 0);
	assert_int_equal(written(sizeof(out), "GET", "", "", "", out), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(written(sizeof(out), "GET", "/", "a", lines[i], out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_a_head),
		cmocka_unit_test(test_no_text_begins_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
