/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buffers that grow: sizes past 32 bits are refused, and no more is removed than is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/io/buffer.h"

static void test_room_past_32_bits_is_refused(void **state)
{
	struct buffer full = { .data = NULL, .len = UINT32_MAX - 10, .cap = UINT32_MAX - 10 };

	(void)state;
	assert_null(buffer_room(&full, 20));
	assert_false(buffer_keep(&full, (const uint8_t *)"twenty bytes of text", 20));
	assert_int_equal(full.len, UINT32_MAX - 10);
	assert_int_equal(full.cap, UINT32_MAX - 10);
}

static void test_keep_and_drop(void **state)
{
	struct buffer some = { .data = NULL };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_true(buffer_keep(&some, (const uint8_t *)"0123456789", 10));
	assert_int_equal(some.len, 10000);
	assert_true(some.cap >= some.len);
	buffer_drop(&some, 9993);
	assert_int_equal(some.len, 7);
	assert_memory_equal(some.data, "3456789", 7);
	buffer_drop(&some, 8);
	assert_int_equal(some.len, 0);
	assert_null(some.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room_past_32_bits_is_refused),
		cmocka_unit_test(test_keep_and_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
