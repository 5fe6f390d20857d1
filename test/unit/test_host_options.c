/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of hosts: names, pages, rules about fields; and routes, which keep their settings at any position. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../program/settings/host.h"

static char error[256];

static void test_names(void **state)
{
	static const char *const good[] = { "example.org", "*.example.org", "localhost", "192.0.2.1", "[::1]", "a_b.c-d", "xn--bcher-kva.example" };
	static const char *const bad[] = { "", ".", "a..b", ".a", "*", "*.", "*a.b", "a.*.b", "a:80", "[::1", "[]", "[x]", "a b", "a/b", "\xc3\xa4",
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.org" };
	struct tux_host_settings host = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(tux_host_name_add(&host, good[i], error, sizeof(error)));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tux_host_name_add(&host, bad[i], error, sizeof(error)));
	assert_true(tux_host_name_add(&host, "WWW.Example.Org.", error, sizeof(error)));
	assert_string_equal(host.name[host.name_count - 1], "www.example.org");
	assert_int_equal(host.name_count, sizeof(good) / sizeof(good[0]) + 1);
	tux_host_free(&host, NULL);
}

static void test_pages(void **state)
{
	static const char *const bad[] = { "x", "/", "/a/", "/a//b", "/a/./b", "/../a", "/%41", "" };
	struct tux_host_settings host = { 0 };
	unsigned status;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(tux_host_page_add(&host, 404, bad[i], error, sizeof(error)));
	assert_false(tux_host_page_add(&host, 399, "/a", error, sizeof(error)));
	assert_false(tux_host_page_add(&host, 600, "/a", error, sizeof(error)));
	for (status = 400; tux_host_page_add(&host, status, "/a", error, sizeof(error)); status++)
		;
	assert_int_equal(host.page_count, TUX_MAX_ERROR_PAGES - 1); /* one place remains for 404 */
	assert_false(tux_host_page_add(&host, 400, "/a", error, sizeof(error)));
	assert_non_null(strstr(error, "already"));
	tux_host_free(&host, NULL);
}

static void test_types(void **state)
{
	static const char *const wrong[] = { "", "TUX/CGI", "TUX/CGI=", "TUX/CGI=a,", "TUX/CGI=,a", "tux/CGI=a", "TUX/x=a", "TUX/CGI=.a", "TUX/CGI=a/b",
		                             "TUX/CGI=a b", "TUX/CGI=fifteen-bytes-x", "TUX/module=pl" };
	static const char *const extensions[] = { "cgi", "pl", "tux", "php" };
	struct tux_host_settings top = { 0 }, host = { 0 };
	unsigned i;

	(void)state;
	assert_true(tux_host_type_add(&top, "TUX/CGI=cgi,PL") && tux_host_type_add(&top, "TUX/module=tux"));
	assert_false(tux_host_redirects(&top));
	assert_true(tux_host_type_add(&top, "TUX/redirect=php") && tux_host_redirects(&top) && tux_host_has_programs(&top));
	for (i = 0; i < 4; i++)
		assert_string_equal((const char *)top.type[i].extension, extensions[i]);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		host.type_count = 0;
		assert_true(tux_host_type_add(&host, "TUX/CGI=pl"));
		assert_false(tux_host_type_add(&host, wrong[i]));
	}
	tux_host_free(&top, NULL);
	tux_host_free(&host, NULL);
	assert_false(tux_host_has_programs(&host) || tux_host_has_modules(&host));
	host.values.mode_cgi = 0100;
	assert_true(tux_host_has_programs(&host)); /* by mode */
}

static void test_meet(void **state)
{
	const struct tux_host_settings top = { .listen = (const char *[]){ "80" }, .listen_count = 1 }, none = { 0 };
	const struct tux_host_settings unsaid = { 0 }, both = { .listen = (const char *[]){ "81", "80" }, .listen_count = 2 };
	const struct tux_host_settings other = { .listen = (const char *[]){ "81" }, .listen_count = 1 };

	(void)state;
	assert_true(tux_hosts_meet(&unsaid, &unsaid, &top));
	assert_true(tux_hosts_meet(&unsaid, &both, &top));
	assert_true(tux_hosts_meet(&both, &other, &top));
	assert_false(tux_hosts_meet(&unsaid, &other, &top));
	assert_true(tux_hosts_meet(&unsaid, &other, &none)); /* a host without listeners is on all */
}

static void add(struct tux_field_rules *rules, enum tux_field_rule_kind kind, const char *text)
{
	assert_true(tux_field_rules_add(rules, kind, text, error, sizeof(error)));
}

static void test_fields(void **state)
{
	struct tux_field_rules top = { 0 }, host = { 0 }, route = { 0 };
	const struct tux_field_rules *const lists[] = { &top, &host, &route };
	struct tux_fields fields;

	(void)state;
	add(&top, TUX_FIELD_ADD, "X-A: 1");
	add(&top, TUX_FIELD_ADD, "x-a:2");
	add(&top, TUX_FIELD_SET, "Cache-Control: private");
	add(&host, TUX_FIELD_SET, "Server: \t a b");
	add(&host, TUX_FIELD_ADD, "X-B: 1");
	add(&route, TUX_FIELD_SET, "X-A: 3");
	add(&route, TUX_FIELD_REMOVE, "X-B");
	add(&route, TUX_FIELD_REMOVE, "etag");
	assert_true(tux_fields_make(&fields, lists, 1, NULL, NULL, error, sizeof(error)));
	assert_string_equal(fields.lines.at, "X-A: 1\r\nx-a: 2\r\nCache-Control: private\r\n");
	assert_string_equal(fields.cached.at, fields.lines.at);
	assert_int_equal(fields.omit, 0);
	tux_fields_free(&fields);
	assert_true(tux_fields_make(&fields, lists, 3, "max-age=1", NULL, error, sizeof(error)));
	assert_string_equal(fields.lines.at, "Cache-Control: private\r\nServer: a b\r\nX-A: 3\r\n");
	assert_string_equal(fields.cached.at, "Server: a b\r\nX-A: 3\r\nCache-Control: max-age=1\r\n");
	assert_int_equal(fields.cached.len, strlen(fields.cached.at));
	assert_int_equal(fields.omit, TUX_OMIT_SERVER | TUX_OMIT_ETAG);
	assert_int_equal(fields.removed_count, 5);
	assert_string_equal(fields.removed[0].at, "cache-control");
	assert_int_equal(fields.removed[1].len, 6);
	tux_fields_free(&fields);
	tux_field_rules_free(&top);
	tux_field_rules_free(&host);
	tux_field_rules_free(&route);
}

/* As many fields as fit into a response, and not a byte more. */
static void test_too_many_fields(void **state)
{
	struct tux_field_rules rules = { 0 };
	const struct tux_field_rules *const lists[] = { &rules };
	char line[TUX_MAX_FIELD_LINES];
	struct tux_fields fields;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "A: ", 3);
	line[sizeof(line) - 2] = '\0'; /* CRLF replaces it */
	add(&rules, TUX_FIELD_ADD, line);
	assert_true(tux_fields_make(&fields, lists, 1, NULL, NULL, error, sizeof(error)));
	assert_int_equal(fields.lines.len, TUX_MAX_FIELD_LINES);
	tux_fields_free(&fields);
	assert_false(tux_fields_make(&fields, lists, 1, "no-cache", NULL, error, sizeof(error)));
	while (tux_field_rules_add(&rules, TUX_FIELD_ADD, "B: 1", error, sizeof(error)))
		;
	assert_int_equal(rules.count, TUX_MAX_FIELD_RULES);
	assert_false(tux_fields_make(&fields, lists, 1, NULL, NULL, error, sizeof(error)));
	tux_field_rules_free(&rules);
}

/* The table sorts routes. Their settings move with them. */
static void test_routes_keep_their_fields(void **state)
{
	static const char *const said[] = { "1", "2", "3", "4", "5", "6", "7", "8" };
	struct tux_route_table table = { 0 };
	char pattern[8][16];
	uint32_t i;

	(void)state;
	for (i = 0; i < 8; i++) {
		snprintf(pattern[i], sizeof(pattern[i]), "/%.*s", (int)(i * 5 % 8), "abcdefgh");
		assert_true(tux_routes_add(&table, pattern[i], TUX_HANDLER_STATIC, i, error, sizeof(error)));
		tux_routes_last_fields(&table, (struct tux_route_fields){ .cache_control = said[i] });
	}
	assert_true(tux_routes_settle(&table, error, sizeof(error)));
	for (i = 0; i < 8; i++) {
		assert_int_equal(table.route[i].prefix_len, i + 1);
		assert_string_equal(table.fields[i].cache_control, said[table.route[i].argument]);
	}
	tux_routes_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_pages), cmocka_unit_test(test_types), cmocka_unit_test(test_meet),
		cmocka_unit_test(test_fields), cmocka_unit_test(test_too_many_fields), cmocka_unit_test(test_routes_keep_their_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
