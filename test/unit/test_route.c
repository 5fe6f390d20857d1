/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes: order, patterns, and a table from another program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "route.h"

enum { ROUTES_MAX = 16 };

struct table {
	struct tux_route route[ROUTES_MAX];
	uint8_t text[512];
	struct tux_routes routes;
};

/* Adds PREFIX, PREFIX*SUFFIX or =PATH; argument is its number. */
static void add(struct table *table, const char *pattern)
{
	struct tux_routes *routes = &table->routes;
	const char *const star = strchr(pattern, '*');
	struct tux_route one = { .text = routes->text_len, .argument = (uint16_t)routes->count };

	one.exact = *pattern == '=';
	pattern += one.exact;
	one.prefix_len = (uint16_t)(star ? (size_t)(star - pattern) : strlen(pattern));
	one.suffix_len = (uint16_t)(star ? strlen(star + 1) : 0);
	memcpy(table->text + one.text, pattern, one.prefix_len);
	if (star)
		memcpy(table->text + one.text + one.prefix_len, star + 1, one.suffix_len);
	routes->text_len += (uint32_t)one.prefix_len + one.suffix_len;
	assert_true(routes->count < ROUTES_MAX && routes->text_len <= sizeof(table->text));
	tux_routes_insert(table->route, routes->count++, one);
}

static void fill(struct table *table, const char *const *patterns)
{
	memset(table, 0, sizeof(*table));
	table->routes.route = table->route;
	table->routes.text = table->text;
	for (; *patterns; patterns++)
		add(table, *patterns);
	assert_true(tux_routes_valid(&table->routes));
}

/* Returns the number of the pattern that a path in memory of exactly its size matches; -1 = none. */
static int found(const struct table *table, const char *path)
{
	const size_t len = strlen(path);
	uint8_t *copy = malloc(len ? len : 1);
	uint32_t at;

	assert_non_null(copy);
	memcpy(copy, path, len);
	at = tux_route_find(&table->routes, copy, (uint32_t)len);
	free(copy);
	assert_true(at <= table->routes.count);
	return at < table->routes.count ? table->route[at].argument : -1;
}

#define TABLE(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_none(void **state)
{
	struct table table;

	(void)state;
	fill(&table, TABLE(NULL));
	assert_int_equal(found(&table, "/"), -1);
}

static void test_patterns(void **state)
{
	struct table table;

	(void)state;
	fill(&table, TABLE("/app/", "=/one", "/cgi/*.sh", "/*.php", "=/"));
	assert_int_equal(found(&table, "/app/"), 0);
	assert_int_equal(found(&table, "/app/x/y"), 0);
	assert_int_equal(found(&table, "/app"), -1);
	assert_int_equal(found(&table, "/ap"), -1);
	assert_int_equal(found(&table, "/apq/"), -1);
	assert_int_equal(found(&table, "/one"), 1);
	assert_int_equal(found(&table, "/one/"), -1);
	assert_int_equal(found(&table, "/on"), -1);
	assert_int_equal(found(&table, "/cgi/a.sh"), 2);
	assert_int_equal(found(&table, "/cgi/.sh"), 2);
	assert_int_equal(found(&table, "/cgi/a.shx"), -1);
	assert_int_equal(found(&table, "/cgi/a.php"), 3);
	assert_int_equal(found(&table, "/x.php"), 3);
	assert_int_equal(found(&table, "/.php"), 3);
	assert_int_equal(found(&table, "/x.ph"), -1);
	assert_int_equal(found(&table, ".php"), -1);
	assert_int_equal(found(&table, "/"), 4);
	assert_int_equal(found(&table, ""), -1);
}

/* A prefix and a suffix do not overlap. */
static void test_no_overlap(void **state)
{
	struct table table;

	(void)state;
	fill(&table, TABLE("/aba*aba"));
	assert_int_equal(found(&table, "/aba"), -1);
	assert_int_equal(found(&table, "/ababa"), -1);
	assert_int_equal(found(&table, "/abaaba"), 0);
}

static void test_order(void **state)
{
	struct table table;

	(void)state;
	fill(&table, TABLE("/", "/a/", "/a/b/", "=/a/", "/a/*.x", "/a/", "/*.x"));
	assert_int_equal(found(&table, "/a/b/c.x"), 2);
	assert_int_equal(found(&table, "/a/"), 3);
	assert_int_equal(found(&table, "/a/c.x"), 1); /* an equally long prefix that was inserted earlier */
	assert_int_equal(found(&table, "/c.x"), 0);
	fill(&table, TABLE("/*.x", "/", "/a/*.x", "/a/"));
	assert_int_equal(found(&table, "/a/c.x"), 2);
	assert_int_equal(found(&table, "/a/c"), 3);
	assert_int_equal(found(&table, "/c.x"), 0);
	assert_int_equal(found(&table, "/c"), 1);
}

/* Every table that points out of itself is refused. */
/* Returns the number of the pattern that is the path and a slash; -1 = none. The path is in memory of exactly its size. */
static int found_slash(const struct table *table, const char *path)
{
	const size_t len = strlen(path);
	uint8_t *copy = malloc(len ? len : 1);
	uint32_t at;

	assert_non_null(copy);
	memcpy(copy, path, len);
	at = tux_route_find_slash(&table->routes, copy, (uint32_t)len);
	free(copy);
	return at < table->routes.count ? table->route[at].argument : -1;
}

static void test_slash(void **state)
{
	static const char *const patterns[] = { "/app/", "/", "/exact", "=/whole/", "/suffix/*.php", "/appx", NULL };
	struct table table;

	(void)state;
	fill(&table, patterns);
	assert_int_equal(found_slash(&table, "/app"), 0);
	assert_int_equal(found_slash(&table, ""), 1);
	assert_int_equal(found_slash(&table, "/app/"), -1);
	assert_int_equal(found_slash(&table, "/ap"), -1);
	assert_int_equal(found_slash(&table, "/apq"), -1);
	assert_int_equal(found_slash(&table, "/exac"), -1);
	assert_int_equal(found_slash(&table, "/whole"), -1);
	assert_int_equal(found_slash(&table, "/suffix"), -1);
}

static void test_valid(void **state)
{
	static const struct tux_route wrong[] = {
		{ .text = 5, .prefix_len = 1 },
		{ .text = 4, .prefix_len = 1, .suffix_len = 1 },
		{ .text = UINT32_MAX, .prefix_len = 1 },
		{ .text = UINT32_MAX - 1, .prefix_len = 3 },
		{ .text = 0, .prefix_len = UINT16_MAX, .suffix_len = UINT16_MAX },
		{ .text = 6 },
		{ .handler = TUX_HANDLERS },
		{ .exact = 2 },
		{ .exact = 1, .prefix_len = 1, .suffix_len = 1 },
	};
	struct table table;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fill(&table, TABLE("/", "/a/b"));
		assert_int_equal(table.routes.text_len, 5);
		table.route[1] = wrong[i];
		assert_false(tux_routes_valid(&table.routes));
	}
	fill(&table, TABLE("/"));
	table.routes.text_len = TUX_MAX_ROUTE_TEXT + 1;
	assert_false(tux_routes_valid(&table.routes));
	table.routes.text_len = TUX_MAX_ROUTE_TEXT;
	assert_true(tux_routes_valid(&table.routes));
	table.routes.count = TUX_MAX_ROUTES + 1;
	assert_false(tux_routes_valid(&table.routes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none), cmocka_unit_test(test_patterns), cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_order), cmocka_unit_test(test_slash), cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
