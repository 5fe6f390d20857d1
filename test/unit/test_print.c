/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts in fixed buffers: the length is that of what is in the buffer, not of what did not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/io/print.h"

static void test_length_is_of_the_buffer(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(print(out, sizeof(out), "%s", "seven.."), 7);
	assert_string_equal(out, "seven..");
	assert_int_equal(print(out, sizeof(out), "%s", "eight..."), 7);
	assert_string_equal(out, "eight..");
	assert_int_equal(print(out, sizeof(out), "%s", "a text that is far too long"), 7);
	assert_string_equal(out, "a text ");
	assert_int_equal(print(out, 1, "%s", "a"), 0);
	assert_string_equal(out, "");
}

static void test_whole_or_nothing(void **state)
{
	char out[8];

	(void)state;
	assert_true(print_whole(out, sizeof(out), "%s", "seven.."));
	assert_string_equal(out, "seven..");
	assert_false(print_whole(out, sizeof(out), "%s", "eight..."));
	assert_string_equal(out, "");
}

/* A text that becomes longer than the piece that is escaped at a time comes out whole. */
static void test_long_text_is_escaped_in_pieces(void **state)
{
	char text[1000], *out = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&out, &len);

	(void)state;
	assert_non_null(file);
	memset(text, '\n', sizeof(text));
	file_put_escaped(file, TUX_ESCAPE_LOG, text, sizeof(text));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(len, 4 * sizeof(text));
	for (size_t at = 0; at < len; at += 4)
		assert_memory_equal(out + at, "\\x0A", 4);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length_is_of_the_buffer),
		cmocka_unit_test(test_whole_or_nothing),
		cmocka_unit_test(test_long_text_is_escaped_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
