/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "media_type.h"

/* Returns the type of a name in memory of exactly its size, so that sanitizers detect a read beyond it. */
static struct tux_text type_of(const char *name, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	struct tux_text type;

	assert_non_null(copy);
	copy[0] = '.';
	memcpy(copy + 1, name, len);
	type = tux_media_type(copy + 1, (uint32_t)len);
	free(copy);
	assert_int_equal(type.len, strlen(type.at));
	return type;
}

static void type_is(const char *name, const char *expected)
{
	assert_string_equal(type_of(name, strlen(name)).at, expected);
}

static const struct {
	const char *extension;
	const char *type;
} web[] = {
	{ "js", "text/javascript; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "json", "application/json" },
	{ "map", "application/json" },
	{ "webmanifest", "application/manifest+json" },
	{ "wasm", "application/wasm" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "webp", "image/webp" },
	{ "avif", "image/avif" },
	{ "svg", "image/svg+xml" },
	{ "mp4", "video/mp4" },
	{ "webm", "video/webm" },
	{ "ogg", "audio/ogg" },
	{ "mp3", "audio/mpeg" },
};

/* RFC 9110 8.3: types that browsers rely on, in upper and lower case. */
static void test_web(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(web) / sizeof(web[0]); i++) {
		char name[32] = "a.b/c.";
		size_t at;

		for (at = 0; web[i].extension[at] != '\0'; at++)
			name[6 + at] = web[i].extension[at];
		type_is(name, web[i].type);
		for (at = 6; name[at] != '\0'; at++)
			name[at] = (char)toupper((unsigned char)name[at]);
		type_is(name, web[i].type);
	}
}

/* Only the last extension of the last segment counts. */
static void test_name(void **state)
{
	(void)state;
	type_is("html", "application/octet-stream");
	type_is("a.html/b", "application/octet-stream");
	type_is("a.html/", "application/octet-stream");
	type_is("a.html.", "application/octet-stream");
	type_is("a.html.css", "text/css; charset=utf-8");
	type_is("a.htmlx", "application/octet-stream");
	type_is("a.ht", "application/octet-stream");
	type_is("a.html ", "application/octet-stream");
}

/* Every extension of one and two octets: a type and a subtype, and a charset only for text. */
static void test_all_short(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < 256; first++) {
		for (unsigned int second = 0; second < 256; second++) {
			const char name[] = { 'a', '.', (char)first, (char)second };

			for (size_t len = 3; len <= sizeof(name); len++) {
				const char *text = type_of(name, len).at;

				assert_non_null(strchr(text, '/'));
				assert_int_equal(strstr(text, "; charset=utf-8") != NULL, strncmp(text, "text/", 5) == 0);
			}
		}
	}
}

static void test_text_by_convention(void **state)
{
	static const char *const names[] = { "README", "dir/LICENSE", "Makefile", "nginx.conf", "a.ini", "main.go", "lib.rs", "go.mod" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		type_is(names[i], "text/plain; charset=utf-8");
	type_is("README/file", "application/octet-stream");
	type_is("README.unknown", "application/octet-stream");
	type_is("html", "application/octet-stream"); /* an extension is not a name */
	assert_true(tux_media_type_known((const uint8_t *)"a.html", 6));
	assert_false(tux_media_type_known((const uint8_t *)"john.doe", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_web),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_all_short),
		cmocka_unit_test(test_text_by_convention),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
