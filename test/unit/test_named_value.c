/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/named_value.h"

typedef uint32_t (*writing)(uint8_t *out, uint32_t cap, struct tux_text name, struct tux_octets value);

static const writing both[] = { tux_named_field, tux_named_variable };

static struct tux_octets octets(const char *text)
{
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

static void test_writes_a_field(void **state)
{
	static const char line[] = "X-Name: CN=a\tb \xc3\xa4\r\n";
	uint8_t out[32];

	(void)state;
	assert_int_equal(tux_named_field(out, sizeof(out), TUX_TEXT("X-Name"), octets("CN=a\tb \xc3\xa4")), sizeof(line) - 1);
	assert_memory_equal(out, line, sizeof(line) - 1);
	assert_int_equal(tux_named_field(out, sizeof(out), TUX_TEXT("X"), octets("")), 5);
	assert_memory_equal(out, "X: \r\n", 5);
}

static void test_writes_a_variable(void **state)
{
	static const char variable[] = "SSL_NAME=a=b c";
	uint8_t out[32];

	(void)state;
	assert_int_equal(tux_named_variable(out, sizeof(out), TUX_TEXT("SSL_NAME"), octets("a=b c")), sizeof(variable));
	assert_memory_equal(out, variable, sizeof(variable));
	assert_int_equal(tux_named_variable(out, sizeof(out), TUX_TEXT("X"), octets("")), 3);
	assert_memory_equal(out, "X=", 3);
}

static void test_needs_room(void **state)
{
	uint8_t out[32];

	(void)state;
	for (uint32_t cap = 0; cap < 8; cap++)
		assert_int_equal(tux_named_field(out, cap, TUX_TEXT("Ab"), octets("cd")), 0);
	assert_int_equal(tux_named_field(out, 8, TUX_TEXT("Ab"), octets("cd")), 8);
	for (uint32_t cap = 0; cap < 6; cap++)
		assert_int_equal(tux_named_variable(out, cap, TUX_TEXT("Ab"), octets("cd")), 0);
	assert_int_equal(tux_named_variable(out, 6, TUX_TEXT("Ab"), octets("cd")), 6);
}

/* A value with NUL would end a variable, and begin another one; one with a line feed would begin another field. */
static void test_refuses_every_octet_that_ends_a_value(void **state)
{
	uint8_t out[32];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned octet = 0; octet < 256; octet++) {
			const uint8_t text[3] = { 'a', (uint8_t)octet, 'b' };
			const int good = octet == '\t' || (octet >= 0x20 && octet != 0x7f);

			assert_int_equal(both[i](out, sizeof(out), TUX_TEXT("X"), (struct tux_octets){ text, 3 }) > 0, good);
			assert_int_equal(both[i](out, sizeof(out), TUX_TEXT("X"), (struct tux_octets){ text + 1, 2 }) > 0, good);
			assert_int_equal(both[i](out, sizeof(out), TUX_TEXT("X"), (struct tux_octets){ text, 2 }) > 0, good);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_a_field),
		cmocka_unit_test(test_writes_a_variable),
		cmocka_unit_test(test_needs_room),
		cmocka_unit_test(test_refuses_every_octet_that_ends_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
