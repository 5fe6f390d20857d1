/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes: order, patterns, and a table from another program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
	struct tux_route one = { .text = routes->text_len, .argument = routes->count };

	one.exact = *pattern == '=';
	pattern += one.exact;
	one.prefix_len = (uint16_t)(star ? (size_t)(star - pattern) : strlen(pattern));
	one.suffix_len = (uint16_t)(star ? strlen(star + 1) : 0);
	memcpy(table->text + one.text, pattern, one.prefix_len);
	if (star)
		memcpy(table->text + one.text + one.prefix_len, star + 1, one.suffix_len);
	routes->text_len += (uint32_t)one.prefix_len + one.suffix_len;
	assert_true(routes->count < ROUTES_MAX && routes->text_len <= sizeof(table->text));
	table->route[routes->count++] = one;
}

static const uint8_t *compared; /* text of the table that is sorted */

static int compare(const void *one, const void *other)
{
	return tux_route_compare(*(const struct tux_route *)one, *(const struct tux_route *)other, compared);
}

static void settle(struct table *table)
{
	compared = table->text;
	qsort(table->route, table->routes.count, sizeof(table->route[0]), compare);
	for (uint32_t i = 0; i < table->routes.count; i++)
		assert_true(tux_route_link(table->route, i, table->text));
}

static void fill(struct table *table, const char *const *patterns)
{
	memset(table, 0, sizeof(*table));
	table->routes.route = table->route;
	table->routes.text = table->text;
	for (; *patterns; patterns++)
		add(table, *patterns);
	settle(table);
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
	return at < table->routes.count ? (int)table->route[at].argument : -1;
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
	return at < table->routes.count ? (int)table->route[at].argument : -1;
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

/* Returns the route that a path goes to by the definition, not by the order of the table: the best of all that match. */
static int model(const struct table *table, const char *path, bool slash)
{
	const size_t len = strlen(path);
	const struct tux_route *best = NULL;

	for (uint32_t i = 0; i < table->routes.count; i++) {
		const struct tux_route *one = &table->route[i];
		const char *prefix = (const char *)table->text + one->text, *suffix = prefix + one->prefix_len;
		const bool matches = slash ? !one->exact && one->suffix_len == 0 && one->prefix_len == len + 1 && suffix[-1] == '/' &&
		                                     memcmp(prefix, path, len) == 0 :
		                             (one->exact ? one->prefix_len == len : (size_t)one->prefix_len + one->suffix_len <= len) &&
		                                     memcmp(prefix, path, one->prefix_len) == 0 &&
		                                     memcmp(suffix, path + len - one->suffix_len, one->suffix_len) == 0;
		if (matches && (!best || one->prefix_len > best->prefix_len ||
		                (one->prefix_len == best->prefix_len &&
		                 (one->exact > best->exact || (one->exact == best->exact && one->argument < best->argument)))))
			best = one;
	}
	return best ? (int)best->argument : -1;
}

static unsigned seed = 1;

static unsigned pick(unsigned count)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % count;
}

/* Writes a text of up to longest octets of a small alphabet behind a slash. */
static void text_make(char *text, unsigned longest)
{
	static const char octets[] = "/ab.0";
	unsigned len = pick(longest + 1);

	*text++ = '/';
	while (len-- > 0)
		*text++ = octets[pick(sizeof(octets) - 1)];
	*text = '\0';
}

/* Random tables and paths, beside the model. */
static void test_random_tables(void **state)
{
	enum { TABLES = 3000, PATHS = 100 };
	unsigned matched = 0;

	(void)state;
	for (unsigned i = 0; i < TABLES; i++) {
		const unsigned count = pick(ROUTES_MAX) + 1;
		char pattern[ROUTES_MAX][24];
		const char *patterns[ROUTES_MAX + 1];
		struct table table;
		unsigned k;

		for (k = 0; k < count; k++) {
			char prefix[8], suffix[8];

			text_make(prefix, 4);
			text_make(suffix, 2);
			switch (pick(4)) {
			case 0:
				snprintf(pattern[k], sizeof(pattern[k]), "=%s", prefix);
				break;
			case 1:
				snprintf(pattern[k], sizeof(pattern[k]), "%s*%s", prefix, suffix + pick(2));
				break;
			default:
				snprintf(pattern[k], sizeof(pattern[k]), "%s", prefix);
			}
			patterns[k] = pattern[k];
		}
		patterns[count] = NULL;
		fill(&table, patterns);
		for (k = 0; k < PATHS; k++) {
			char path[12];
			int expected;

			text_make(path, 8);
			expected = model(&table, path, false);
			matched += expected >= 0;
			if (found(&table, path) != expected)
				fail_msg("%s: %d, not %d", path, found(&table, path), expected);
			expected = model(&table, path, true);
			if (found_slash(&table, path) != expected)
				fail_msg("%s and a slash: %d, not %d", path, found_slash(&table, path), expected);
		}
	}
	assert_in_range(matched, TABLES * PATHS / 10, TABLES * PATHS - 1);
}

/* Every table that points out of itself or is out of order is refused. */
static void test_valid(void **state)
{
	static const struct tux_route wrong[] = {
		{ .text = 5, .prefix_len = 1 },
		{ .text = 4, .prefix_len = 1, .suffix_len = 1 },
		{ .text = UINT32_MAX, .prefix_len = 1 },
		{ .text = UINT32_MAX - 1, .prefix_len = 3 },
		{ .text = 0, .prefix_len = UINT16_MAX, .suffix_len = UINT16_MAX },
		{ .text = 6 },
		{ .text = 1, .prefix_len = 4, .handler = TUX_HANDLERS },
		{ .text = 1, .prefix_len = 4, .exact = 2 },
		{ .text = 1, .prefix_len = 3, .exact = 1, .suffix_len = 1 },
	};
	struct table table;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fill(&table, TABLE("/", "/a/b"));
		assert_int_equal(table.routes.text_len, 5);
		table.route[1] = wrong[i];
		table.route[1].next = table.route[1].depth = 1;
		assert_false(tux_routes_valid(&table.routes));
		table.route[1].depth = 2;
		assert_false(tux_routes_valid(&table.routes));
	}
	fill(&table, TABLE("/", "/a/b"));
	table.route[1].next = 2; /* to itself */
	assert_false(tux_routes_valid(&table.routes));
	table.route[1].next = 0;
	table.route[1].depth = 1;
	assert_false(tux_routes_valid(&table.routes)); /* passes over "/" */
	fill(&table, TABLE("/a", "/b"));
	table.route[1] = table.route[0];
	table.route[0] = (struct tux_route){ .text = 2, .prefix_len = 2, .depth = 1 };
	assert_false(tux_routes_valid(&table.routes)); /* out of order */
	fill(&table, TABLE("/"));
	table.route[0].depth = 0;
	assert_false(tux_routes_valid(&table.routes));
	fill(&table, TABLE("/"));
	table.routes.text_len = TUX_MAX_ROUTE_TEXT + 1;
	assert_false(tux_routes_valid(&table.routes));
	table.routes.text_len = TUX_MAX_ROUTE_TEXT;
	assert_true(tux_routes_valid(&table.routes));
	table.routes.count = TUX_MAX_ROUTES + 1;
	assert_false(tux_routes_valid(&table.routes));
}

/* A path is never compared with more routes than the limit. */
static void test_depth(void **state)
{
	static struct tux_route route[TUX_MAX_ROUTE_DEPTH + 1];
	static uint8_t text[TUX_MAX_ROUTE_DEPTH + 1];
	struct tux_routes routes = { route, text, TUX_MAX_ROUTE_DEPTH, sizeof(text) };

	(void)state;
	memset(text, '/', sizeof(text));
	for (uint32_t i = 0; i <= TUX_MAX_ROUTE_DEPTH; i++) {
		route[i] = (struct tux_route){ .prefix_len = (uint16_t)(i + 1) };
		assert_int_equal(tux_route_link(route, i, text), i < TUX_MAX_ROUTE_DEPTH);
	}
	assert_true(tux_routes_valid(&routes));
	route[TUX_MAX_ROUTE_DEPTH].next = TUX_MAX_ROUTE_DEPTH;
	route[TUX_MAX_ROUTE_DEPTH].depth = TUX_MAX_ROUTE_DEPTH + 1;
	routes.count++;
	assert_false(tux_routes_valid(&routes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none), cmocka_unit_test(test_patterns), cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_order), cmocka_unit_test(test_slash), cmocka_unit_test(test_random_tables), cmocka_unit_test(test_valid),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
