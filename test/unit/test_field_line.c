/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/field_line.h"

static struct tux_octets octets(const char *text)
{
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

static void test_writes_a_line(void **state)
{
	static const char line[] = "X-One: a\tb c\r\n";
	uint8_t out[32];

	(void)state;
	assert_int_equal(tux_field_line(out, sizeof(out), octets("X-One"), octets("a\tb c")), sizeof(line) - 1);
	assert_memory_equal(out, line, sizeof(line) - 1);
	assert_int_equal(tux_field_line(out, 5, octets("X"), octets("")), 5);
	assert_memory_equal(out, "X: \r\n", 5);
}

static void test_needs_room(void **state)
{
	uint8_t out[32];

	(void)state;
	for (uint32_t cap = 0; cap < 8; cap++)
		assert_int_equal(tux_field_line(out, cap, octets("Ab"), octets("cd")), 0);
	assert_int_equal(tux_field_line(out, 8, octets("Ab"), octets("cd")), 8);
	assert_int_equal(tux_field_line(out, 8, octets("Ab"), octets("cde")), 0);
}

static void test_refuses_every_other_octet(void **state)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	uint8_t out[32];

	(void)state;
	assert_int_equal(tux_field_line(out, sizeof(out), octets(""), octets("x")), 0);
	for (unsigned octet = 0; octet < 256; octet++) {
		const uint8_t text[3] = { 'a', (uint8_t)octet, 'b' };
		const struct tux_octets three = { text, 3 };
		const int in_name = octet != 0 && strchr(token, (int)octet) != NULL, in_value = octet == '\t' || (octet >= 0x20 && octet <= 0x7e);

		assert_int_equal(tux_field_line(out, sizeof(out), three, octets("x")) > 0, in_name);
		assert_int_equal(tux_field_line(out, sizeof(out), octets("x"), three) > 0, in_value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_a_line),
		cmocka_unit_test(test_needs_room),
		cmocka_unit_test(test_refuses_every_other_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
