/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handler of a file, by its name and its mode bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file_handler.h"

static const struct tux_file_type types[] = {
	{ "cgi", TUX_FILE_HANDLER_CGI }, { "pl", TUX_FILE_HANDLER_CGI }, { "tux", TUX_FILE_HANDLER_MODULE }, { "php", TUX_FILE_HANDLER_REDIRECT },
	{ "fourteen-bytes", TUX_FILE_HANDLER_CGI },
};

/* Selects for a name in memory of exactly its size. */
static enum tux_file_handler select_with(const struct tux_file_handlers *selection, const char *name, uint32_t mode)
{
	const size_t len = strlen(name);
	uint8_t *copy = malloc(len ? len : 1);
	enum tux_file_handler selected;

	assert_non_null(copy);
	memcpy(copy, name, len);
	selected = tux_file_handler_of(selection, copy, (uint32_t)len, mode);
	free(copy);
	return selected;
}

static void test_extensions(void **state)
{
	static const struct {
		const char *name;
		enum tux_file_handler selects;
	} cases[] = {
		{ "a.cgi", TUX_FILE_HANDLER_CGI }, { "a/b.CgI", TUX_FILE_HANDLER_CGI }, { "a.pl", TUX_FILE_HANDLER_CGI }, { "a.tux", TUX_FILE_HANDLER_MODULE },
		{ "a.b.php", TUX_FILE_HANDLER_REDIRECT }, { ".cgi", TUX_FILE_HANDLER_CGI }, { "a.fourteen-bytes", TUX_FILE_HANDLER_CGI },
		{ "a.cgi.txt", TUX_FILE_HANDLER_FILE }, { "a.cg", TUX_FILE_HANDLER_FILE }, { "a.cgix", TUX_FILE_HANDLER_FILE }, { "cgi", TUX_FILE_HANDLER_FILE },
		{ "a.cgi/b", TUX_FILE_HANDLER_FILE }, { "a.", TUX_FILE_HANDLER_FILE }, { "", TUX_FILE_HANDLER_FILE }, { ".", TUX_FILE_HANDLER_FILE },
		{ "a.fourteen-bytesx", TUX_FILE_HANDLER_FILE }, { "a.cgi/", TUX_FILE_HANDLER_FILE }, { "a.c\xe7i", TUX_FILE_HANDLER_FILE },
	};
	const struct tux_file_handlers selection = { types, 5, 0, 0 }, none = { NULL, 0, 0, 0 };
	size_t i;

	(void)state;
	assert_true(tux_file_handlers_valid(&selection) && tux_file_handlers_any(&selection));
	assert_true(tux_file_handlers_valid(&none) && !tux_file_handlers_any(&none));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(select_with(&selection, cases[i].name, 0100644), cases[i].selects);
		assert_int_equal(select_with(&none, cases[i].name, 0107777), TUX_FILE_HANDLER_FILE);
	}
}

static void test_mode_bits(void **state)
{
	const struct tux_file_handlers selection = { types, 5, 0111, 04000 };

	(void)state;
	assert_true(tux_file_handlers_any(&(struct tux_file_handlers){ NULL, 0, 1, 0 }) && tux_file_handlers_any(&(struct tux_file_handlers){ NULL, 0, 0, 1 }));
	assert_int_equal(select_with(&selection, "a", 0100644), TUX_FILE_HANDLER_FILE);
	assert_int_equal(select_with(&selection, "a", 0100645), TUX_FILE_HANDLER_CGI);
	assert_int_equal(select_with(&selection, "a", 0104644), TUX_FILE_HANDLER_MODULE);
	assert_int_equal(select_with(&selection, "a", 0104755), TUX_FILE_HANDLER_MODULE);
	assert_int_equal(select_with(&selection, "a.cgi", 0104755), TUX_FILE_HANDLER_CGI); /* extension before bits */
	assert_int_equal(select_with(&selection, "a.php", 0104755), TUX_FILE_HANDLER_REDIRECT);
}

static void test_invalid_table_is_refused(void **state)
{
	struct tux_file_type one = { "cgi", TUX_FILE_HANDLER_CGI };
	struct tux_file_handlers selection = { &one, 1, 0, 0 };

	(void)state;
	assert_true(tux_file_handlers_valid(&selection));
	one.selects = TUX_FILE_HANDLER_FILE;
	assert_false(tux_file_handlers_valid(&selection));
	one.selects = TUX_SELECTIONS;
	assert_false(tux_file_handlers_valid(&selection));
	one.selects = TUX_FILE_HANDLER_MODULE;
	one.extension[TUX_MAX_EXTENSION] = 'x';
	assert_false(tux_file_handlers_valid(&selection));
	selection.count = TUX_MAX_FILE_TYPES + 1;
	assert_false(tux_file_handlers_valid(&selection));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_mode_bits),
		cmocka_unit_test(test_invalid_table_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
