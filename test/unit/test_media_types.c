/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "media_types.h"

static const char text[] = "application/x-a text/x-b";
static const struct tux_media_type_text a = { 0, 15 }, b = { 16, 8 };

static void type_is(const struct tux_media_types *types, const char *name, const char *type, enum tux_coding coding)
{
	const size_t len = strlen(name);
	uint8_t *copy = malloc(len + 1); /* of exactly that size, so that sanitizers detect a read beyond it */
	struct tux_media media;

	assert_non_null(copy);
	memcpy(copy, name, len);
	media = tux_media_types_find(types, copy, (uint32_t)len);
	assert_int_equal(media.type.len, strlen(type));
	assert_memory_equal(media.type.at, type, media.type.len);
	assert_int_equal(media.coding, coding);
	free(copy);
}

static void test_table_goes_before_the_builtin_types(void **state)
{
	const struct tux_media_type_of of[] = { { "xa", a }, { "html", b }, { "svgz", a } };
	const struct tux_media_types types = { .of = of, .text = text, .count = 3, .text_len = sizeof(text) - 1 };

	(void)state;
	assert_true(tux_media_types_valid(&types));
	type_is(&types, "dir.xa/file.XA", "application/x-a", TUX_CODING_IDENTITY);
	type_is(&types, "file.html", "text/x-b", TUX_CODING_IDENTITY);
	type_is(&types, "file.css", "text/css; charset=utf-8", TUX_CODING_IDENTITY);
	type_is(&types, "file.x", "application/octet-stream", TUX_CODING_IDENTITY);
	type_is(&types, "file.xab", "application/octet-stream", TUX_CODING_IDENTITY);
	type_is(&types, "dir.xa/file", "application/octet-stream", TUX_CODING_IDENTITY);
	type_is(&types, "file.", "application/octet-stream", TUX_CODING_IDENTITY);
	type_is(&types, "", "application/octet-stream", TUX_CODING_IDENTITY);
	type_is(&types, "image.svgz", "application/x-a", TUX_CODING_IDENTITY);
}

static void test_svgz_is_gzip(void **state)
{
	const struct tux_media_types none = { .count = 0 };

	(void)state;
	assert_true(tux_media_types_valid(&none));
	type_is(&none, "a/image.SvgZ", "image/svg+xml", TUX_CODING_GZIP);
	type_is(&none, "image.svg", "image/svg+xml", TUX_CODING_IDENTITY);
	type_is(&none, "svgz", "application/octet-stream", TUX_CODING_IDENTITY);
}

static void test_fallback_and_every(void **state)
{
	const struct tux_media_type_of of[] = { { "xa", a } };
	struct tux_media_types types = { .of = of, .text = text, .count = 1, .text_len = sizeof(text) - 1, .fallback = b };

	(void)state;
	type_is(&types, "unknown.name", "text/x-b", TUX_CODING_IDENTITY);
	type_is(&types, "name", "text/x-b", TUX_CODING_IDENTITY);
	type_is(&types, "README", "text/plain; charset=utf-8", TUX_CODING_IDENTITY);
	type_is(&types, "a.xa", "application/x-a", TUX_CODING_IDENTITY);
	types.every = b;
	type_is(&types, "a.xa", "text/x-b", TUX_CODING_IDENTITY);
	type_is(&types, "image.svgz", "text/x-b", TUX_CODING_IDENTITY);
}

static void test_tables_that_are_refused(void **state)
{
	static const char control[] = "a/b\r\n";
	struct tux_media_type_of of[1] = { { "x", { 0, 15 } } };
	struct tux_media_types types = { .of = of, .text = text, .count = 1, .text_len = 15 };

	(void)state;
	assert_true(tux_media_types_valid(&types));
	types.text_len = 14;
	assert_false(tux_media_types_valid(&types));
	types.text_len = sizeof(text) - 1;
	of[0].type.off = sizeof(text) - 15;
	assert_false(tux_media_types_valid(&types));
	of[0].type = a;
	types.every = (struct tux_media_type_text){ 1, TUX_MAX_MEDIA_TYPE + 1 };
	assert_false(tux_media_types_valid(&types));
	types.every = (struct tux_media_type_text){ 0, 0 };
	types.fallback = (struct tux_media_type_text){ UINT16_MAX, 1 };
	assert_false(tux_media_types_valid(&types));
	types = (struct tux_media_types){ .text = control, .text_len = 5 };
	assert_false(tux_media_types_valid(&types));
	types = (struct tux_media_types){ .count = TUX_MAX_MEDIA_TYPES + 1 };
	assert_false(tux_media_types_valid(&types));
	types = (struct tux_media_types){ .text_len = TUX_MAX_MEDIA_TYPE_TEXT + 1 };
	assert_false(tux_media_types_valid(&types));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_goes_before_the_builtin_types),
		cmocka_unit_test(test_svgz_is_gzip),
		cmocka_unit_test(test_fallback_and_every),
		cmocka_unit_test(test_tables_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
