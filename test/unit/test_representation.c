/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "etag.h"
#include "media_type.h"

static void type_is(const char *name, const char *expected)
{
	struct tux_text type = tux_media_type((const uint8_t *)name, (uint32_t)strlen(name));

	assert_string_equal(type.at, expected);
	assert_int_equal(type.len, strlen(expected));
}

/* RFC 9110 8.3 */
static void test_types(void **state)
{
	(void)state;
	type_is("a/index.html", "text/html; charset=utf-8");
	type_is("PHOTO.JPEG", "image/jpeg");
	type_is("app.js", "text/javascript; charset=utf-8");
	type_is("m.mjs", "text/javascript; charset=utf-8");
	type_is("x.wasm", "application/wasm");
	type_is("f.woff2", "font/woff2");
	type_is("p.svg", "image/svg+xml");
	type_is("v.webm", "video/webm");
	type_is("v.mp4", "video/mp4");
	type_is("d.json", "application/json");
	type_is("a.tar.gz", "application/gzip");
	type_is("README", "text/plain; charset=utf-8");
	type_is("a.b/README", "text/plain; charset=utf-8");
	type_is("a.b/name", "application/octet-stream");
	type_is("a.", "application/octet-stream");
	type_is("", "application/octet-stream");
	type_is("a.no-such-extension-anywhere", "application/octet-stream");
}

static const uint8_t key[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* The test vectors of SipHash's authors: input i is the octets 0 to i - 1, with the key 00..0f. */
static void test_siphash(void **state)
{
	static const uint64_t vectors[16] = {
		0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
		0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
		0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	};

	(void)state;
	for (size_t len = 0; len < 16; len++) {
		uint8_t *data = malloc(len);

		assert_true(data != NULL || len == 0);
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)i;
		assert_true(tux_etag_content(key, data, len) == vectors[len]);
		free(data);
	}
}

static void tag(struct tux_file_identity identity, enum tux_coding coding, char out[TUX_MAX_ETAG + 1])
{
	uint32_t len = tux_etag_format(key, &identity, coding, false, (uint8_t *)out);

	assert_in_range(len, 3, TUX_MAX_ETAG);
	out[len] = '\0';
	assert_int_equal(out[0], '"');
	assert_int_equal(out[len - 1], '"');
}

/* RFC 9110 8.8.3: any difference between two versions changes the tag, and so do codings. */
static void test_tags(void **state)
{
	struct tux_file_identity base = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct tux_file_identity other[8];
	char first[TUX_MAX_ETAG + 1];
	char second[TUX_MAX_ETAG + 1];
	uint8_t weak[TUX_MAX_ETAG];

	(void)state;
	tag(base, TUX_CODING_IDENTITY, first);
	tag(base, TUX_CODING_GZIP, second);
	assert_string_not_equal(first, second);
	for (int i = 0; i < 8; i++)
		other[i] = base;
	other[0].device++;
	other[1].inode++;
	other[2].size++;
	other[3].mtime_s++;
	other[4].ctime_s++;
	other[5].mtime_ns++;
	other[6].ctime_ns++;
	other[7].content++;
	for (int i = 0; i < 8; i++) {
		tag(other[i], TUX_CODING_IDENTITY, second);
		assert_string_not_equal(first, second);
	}
	assert_int_equal(tux_etag_format(key, &base, TUX_CODING_IDENTITY, true, weak), 20);
	assert_memory_equal(weak, "W/\"", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
