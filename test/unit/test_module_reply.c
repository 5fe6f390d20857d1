/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/module_reply.h"

static struct tux_octets octets(const char *text)
{
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

static enum tux_reply_check check(const char *name, uint32_t value_len, uint32_t used, uint8_t added)
{
	uint8_t kind;

	return tux_reply_field_check(octets(name), value_len, used, added, &kind);
}

static void test_fields_of_a_request(void **state)
{
	static const uint8_t lines[] = "Host: a\r\nX-One: 1\r\nx-oNE: 2\r\nX-On: 3\r\n\r\n";
	static struct tux_field_lines fields;
	uint8_t refusal = TUX_ACCEPTED;
	uint32_t pos = 0;

	(void)state;
	tux_fields_clear(&fields);
	assert_int_equal(tux_fields_parse(lines, sizeof(lines) - 1, &pos, false, &fields, &refusal), TUX_PARSED);
	assert_int_equal(tux_module_field(lines, &fields, octets("HOST")), 0);
	assert_int_equal(tux_module_field(lines, &fields, octets("X-ONE")), 1);
	assert_int_equal(tux_module_field(lines, &fields, octets("x-on")), 3);
	assert_int_equal(tux_module_field(lines, &fields, octets("x-o")), 4);
	assert_int_equal(tux_module_field(lines, &fields, octets("")), 4);
}

static void test_fields_of_the_server(void **state)
{
	static const char *const names[] = { "Connection", "Content-Length", "Content-Type", "Date", "Keep-Alive", "Server", "Trailer",
		                             "Transfer-Encoding", "UPGRADE" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(check(names[i], 1, 0, 0), TUX_REPLY_INVALID);
}

static void test_fields_of_some_replies(void **state)
{
	static const struct {
		const char *name;
		uint8_t kind;
		bool once;
	} fields[] = {
		{ "Location", TUX_REPLY_FIELD_LOCATION, true },
		{ "ETag", TUX_REPLY_FIELD_ETAG, true },
		{ "Last-Modified", TUX_REPLY_FIELD_LAST_MODIFIED, true },
		{ "Content-Range", TUX_REPLY_FIELD_CONTENT_RANGE, true },
		{ "Accept-Ranges", TUX_REPLY_FIELD_LIST_OF_FILE, false },
		{ "Content-Encoding", TUX_REPLY_FIELD_LIST_OF_FILE, false },
		{ "Set-Cookie", 0, false },
		{ "Locations", 0, false },
		{ "X", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		assert_int_equal(tux_reply_field_kind(octets(fields[i].name)), fields[i].kind);
		assert_int_equal(check(fields[i].name, 1, 0, (uint8_t)~fields[i].kind), TUX_REPLY_VALID);
		assert_int_equal(check(fields[i].name, 1, 0, 0xff), fields[i].once ? TUX_REPLY_INVALID : TUX_REPLY_VALID);
	}
}

static void test_length_of_fields(void **state)
{
	(void)state;
	assert_int_equal(check("X", 10, TUX_MAX_FIELD_LINES - 15, 0), TUX_REPLY_VALID);
	assert_int_equal(check("X", 10, TUX_MAX_FIELD_LINES - 14, 0), TUX_REPLY_LONG);
	assert_int_equal(check("X", UINT32_MAX, TUX_MAX_FIELD_LINES, 0), TUX_REPLY_LONG);
	assert_int_equal(check("X", 0, UINT32_MAX, 0), TUX_REPLY_LONG);
}

static void test_heads(void **state)
{
	char type[TUX_MAX_REPLY_TYPE + 2];

	(void)state;
	memset(type, 'a', sizeof(type) - 1);
	type[sizeof(type) - 1] = '\0';
	assert_false(tux_reply_head_valid(200, octets(type)));
	assert_true(tux_reply_head_valid(200, octets(type + 1)));
	assert_true(tux_reply_head_valid(599, octets("text/plain; charset=utf-8")));
	assert_true(tux_reply_head_valid(200, octets("")));
	assert_false(tux_reply_head_valid(199, octets("")));
	assert_false(tux_reply_head_valid(600, octets("")));
	assert_false(tux_reply_head_valid(200, octets("a\r\nb: c")));
	assert_false(tux_reply_head_valid(200, octets("a\x7f")));
	assert_false(tux_reply_head_valid(200, octets("a\xe4")));
}

static void test_redirects(void **state)
{
	static const uint16_t statuses[] = { 301, 302, 303, 307, 308 };
	char location[TUX_MAX_REPLY_LOCATION + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		assert_true(tux_reply_redirect_valid(statuses[i], octets("/a")));
	for (uint32_t status = 200; status < 400; status++)
		assert_true(tux_reply_redirect_valid(status, octets("/a")) == (status == 301 || status == 302 || status == 303 || status == 307 || status == 308));
	memset(location, 'a', sizeof(location) - 1);
	location[sizeof(location) - 1] = '\0';
	assert_false(tux_reply_redirect_valid(301, octets(location)));
	assert_true(tux_reply_redirect_valid(301, octets(location + 1)));
	for (const char *const *text = (const char *const[]){ "", "/a b", "/a\r\nb: c", "/\xe4", "/\x7f", NULL }; *text != NULL; text++)
		assert_false(tux_reply_redirect_valid(301, octets(*text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_of_a_request), cmocka_unit_test(test_fields_of_the_server), cmocka_unit_test(test_fields_of_some_replies),
		cmocka_unit_test(test_length_of_fields),    cmocka_unit_test(test_heads),                cmocka_unit_test(test_redirects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
