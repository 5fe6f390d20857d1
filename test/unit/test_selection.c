/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What answers for a file, by its name and its mode bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "selection.h"

static const struct tux_file_type types[] = {
	{ "cgi", TUX_SELECTED_CGI }, { "pl", TUX_SELECTED_CGI }, { "tux", TUX_SELECTED_MODULE }, { "php", TUX_SELECTED_REDIRECT },
	{ "fourteen-bytes", TUX_SELECTED_CGI },
};

/* The name in memory of exactly its size. */
static enum tux_selected select_with(const struct tux_selection *selection, const char *name, uint32_t mode)
{
	const size_t len = strlen(name);
	uint8_t *copy = malloc(len ? len : 1);
	enum tux_selected selected;

	assert_non_null(copy);
	memcpy(copy, name, len);
	selected = tux_select(selection, copy, (uint32_t)len, mode);
	free(copy);
	return selected;
}

static void test_extensions(void **state)
{
	static const struct {
		const char *name;
		enum tux_selected selects;
	} cases[] = {
		{ "a.cgi", TUX_SELECTED_CGI }, { "a/b.CgI", TUX_SELECTED_CGI }, { "a.pl", TUX_SELECTED_CGI }, { "a.tux", TUX_SELECTED_MODULE },
		{ "a.b.php", TUX_SELECTED_REDIRECT }, { ".cgi", TUX_SELECTED_CGI }, { "a.fourteen-bytes", TUX_SELECTED_CGI },
		{ "a.cgi.txt", TUX_SELECTED_FILE }, { "a.cg", TUX_SELECTED_FILE }, { "a.cgix", TUX_SELECTED_FILE }, { "cgi", TUX_SELECTED_FILE },
		{ "a.cgi/b", TUX_SELECTED_FILE }, { "a.", TUX_SELECTED_FILE }, { "", TUX_SELECTED_FILE }, { ".", TUX_SELECTED_FILE },
		{ "a.fourteen-bytesx", TUX_SELECTED_FILE }, { "a.cgi/", TUX_SELECTED_FILE }, { "a.c\xe7i", TUX_SELECTED_FILE },
	};
	const struct tux_selection selection = { types, 5, 0, 0 }, none = { NULL, 0, 0, 0 };
	size_t i;

	(void)state;
	assert_true(tux_selection_valid(&selection) && tux_selection_any(&selection));
	assert_true(tux_selection_valid(&none) && !tux_selection_any(&none));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(select_with(&selection, cases[i].name, 0100644), cases[i].selects);
		assert_int_equal(select_with(&none, cases[i].name, 0107777), TUX_SELECTED_FILE);
	}
}

static void test_mode_bits(void **state)
{
	const struct tux_selection selection = { types, 5, 0111, 04000 };

	(void)state;
	assert_true(tux_selection_any(&(struct tux_selection){ NULL, 0, 1, 0 }) && tux_selection_any(&(struct tux_selection){ NULL, 0, 0, 1 }));
	assert_int_equal(select_with(&selection, "a", 0100644), TUX_SELECTED_FILE);
	assert_int_equal(select_with(&selection, "a", 0100645), TUX_SELECTED_CGI);
	assert_int_equal(select_with(&selection, "a", 0104644), TUX_SELECTED_MODULE);
	assert_int_equal(select_with(&selection, "a", 0104755), TUX_SELECTED_MODULE);
	assert_int_equal(select_with(&selection, "a.cgi", 0104755), TUX_SELECTED_CGI); /* the extension goes before the bits */
	assert_int_equal(select_with(&selection, "a.php", 0104755), TUX_SELECTED_REDIRECT);
}

static void test_what_comes_from_elsewhere(void **state)
{
	struct tux_file_type one = { "cgi", TUX_SELECTED_CGI };
	struct tux_selection selection = { &one, 1, 0, 0 };

	(void)state;
	assert_true(tux_selection_valid(&selection));
	one.selects = TUX_SELECTED_FILE;
	assert_false(tux_selection_valid(&selection));
	one.selects = TUX_SELECTIONS;
	assert_false(tux_selection_valid(&selection));
	one.selects = TUX_SELECTED_MODULE;
	one.extension[TUX_MAX_EXTENSION] = 'x';
	assert_false(tux_selection_valid(&selection));
	selection.count = TUX_MAX_FILE_TYPES + 1;
	assert_false(tux_selection_valid(&selection));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_mode_bits),
		cmocka_unit_test(test_what_comes_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
