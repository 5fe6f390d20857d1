/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts: names, listeners, and a table from another program. Every short host is compared with a model without sorting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "host.h"

enum { HOSTS_MAX = 32, SLOTS = 2 * HOSTS_MAX, LISTENERS = 3 };

struct table {
	struct tux_host_name host[SLOTS];
	uint8_t text[1024];
	uint32_t fallback[LISTENERS];
	struct tux_host_names names;
	unsigned count;
	const char *name[HOSTS_MAX]; /* name of each host, in the order of insertion */
	uint64_t listeners[HOSTS_MAX];
};

static void clear(struct table *table)
{
	memset(table, 0, sizeof(*table));
	table->fallback[0] = 100;
	table->fallback[1] = 101;
	table->fallback[2] = 102;
	table->names = (struct tux_host_names){ table->host, table->text, table->fallback, SLOTS, 0, LISTENERS };
}

/* Adds a name, which may start with a star. Its host is its number. */
static void add(struct table *table, const char *name, uint64_t listeners)
{
	struct tux_host_names *names = &table->names;
	const char *const text = name + (*name == '*');
	const struct tux_host_name one = { .listeners = listeners, .text = names->text_len, .len = (uint32_t)strlen(text), .host = table->count };

	assert_true(table->count < HOSTS_MAX && names->text_len + one.len <= sizeof(table->text));
	memcpy(table->text + one.text, text, one.len);
	names->text_len += one.len;
	table->name[table->count] = name;
	table->listeners[table->count++] = listeners;
	assert_true(tux_host_names_insert(table->host, SLOTS, table->text, one));
}

static void fill(struct table *table, const char *const *names)
{
	clear(table);
	for (; *names; names++)
		add(table, *names, 7);
	assert_true(tux_host_names_valid(&table->names, 103));
}

/* Returns the number of the host of a name, which lies in memory of exactly its size. */
static int found(const struct table *table, uint32_t listener, const char *name)
{
	const size_t len = strlen(name);
	uint8_t *copy = malloc(len ? len : 1);
	uint32_t host;

	assert_non_null(copy);
	memcpy(copy, name, len);
	host = tux_host_find(&table->names, listener, copy, (struct tux_span){ 0, (uint32_t)len });
	free(copy);
	return (int)host;
}

#define TABLE(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_names(void **state)
{
	struct table table;

	(void)state;
	fill(&table, TABLE("example.org", "*.example.org", "*.b.example.org", "a.b.example.org", "[::1]", "192.0.2.1", "*.org", "localhost"));
	assert_int_equal(found(&table, 0, "example.org"), 0);
	assert_int_equal(found(&table, 0, "EXAMPLE.org:8080"), 0);
	assert_int_equal(found(&table, 0, "example.org."), 0);
	assert_int_equal(found(&table, 0, "example.org.:80"), 0);
	assert_int_equal(found(&table, 0, "example.org.."), 100);
	assert_int_equal(found(&table, 0, "www.Example.Org"), 1);
	assert_int_equal(found(&table, 0, "x.y.example.org:1"), 1);
	assert_int_equal(found(&table, 0, "x.b.example.org"), 2);
	assert_int_equal(found(&table, 0, "a.b.example.org"), 3);
	assert_int_equal(found(&table, 0, "b.example.org"), 1);
	assert_int_equal(found(&table, 0, "notexample.org"), 6);
	assert_int_equal(found(&table, 0, "org"), 100);
	assert_int_equal(found(&table, 0, ".org"), 100); /* the star matches at least one octet */
	assert_int_equal(found(&table, 0, "example.com"), 100);
	assert_int_equal(found(&table, 0, "[::1]"), 4);
	assert_int_equal(found(&table, 0, "[::1]:80"), 4);
	assert_int_equal(found(&table, 0, "[::2]:80"), 100);
	assert_int_equal(found(&table, 0, "192.0.2.1:80"), 5);
	assert_int_equal(found(&table, 0, "localhost:8080"), 7);
	assert_int_equal(found(&table, 0, ""), 100);
	assert_int_equal(found(&table, 1, ":80"), 101);
	assert_int_equal(found(&table, 2, "."), 102);
	assert_int_equal(found(&table, 2, "["), 102);
}

static void test_listeners(void **state)
{
	struct table table;

	(void)state;
	clear(&table);
	add(&table, "a", 1);
	add(&table, "a", 2);
	add(&table, "*.a", 2);
	add(&table, "b.a", 1);
	assert_true(tux_host_names_valid(&table.names, 103));
	assert_int_equal(found(&table, 0, "a"), 0);
	assert_int_equal(found(&table, 1, "a"), 1);
	assert_int_equal(found(&table, 2, "a"), 102);
	assert_int_equal(found(&table, 0, "b.a"), 3);
	assert_int_equal(found(&table, 1, "b.a"), 2); /* the whole name belongs to another listener */
	assert_int_equal(found(&table, 0, "c.a"), 100);
}

static void test_long(void **state)
{
	char name[TUX_MAX_HOST_NAME + 2];
	struct table table;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + TUX_MAX_HOST_NAME - 2, ".a", 3);
	fill(&table, TABLE("*.a"));
	assert_int_equal(found(&table, 0, name), 0);
	memcpy(name + TUX_MAX_HOST_NAME - 2, "x.a", 4);
	assert_int_equal(found(&table, 0, name), 100);
}

/* Returns the expected host, by comparing each name. */
static int model(const struct table *table, uint32_t listener, const char *asked)
{
	char name[16];
	size_t best = 0;
	int host = table->fallback[listener];
	char *end;
	uint32_t i;

	strcpy(name, asked);
	end = name[0] == '[' ? strchr(name, ']') : strchr(name, ':');
	if (end)
		end[name[0] == '['] = '\0';
	if (name[0] && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	for (i = 0; i < table->count; i++) {
		const char *const one = table->name[i];
		const size_t len = strlen(one), own = strlen(name);

		if (!(table->listeners[i] >> listener & 1))
			continue;
		if (*one != '*' && strcasecmp(one, name) == 0)
			return (int)i;
		if (*one == '*' && len > best && own > len - 1 && strcasecmp(name + own - (len - 1), one + 1) == 0) {
			best = len;
			host = (int)i;
		}
	}
	return host;
}

static void test_every_short_host(void **state)
{
	static const char octets[] = "aBb.:[]";
	enum { OCTETS = sizeof(octets) - 1, LONGEST = 6 };
	struct table table;
	unsigned tried = 0;
	int len;

	(void)state;
	clear(&table);
	add(&table, "a", 1), add(&table, "b", 7), add(&table, "a", 2), add(&table, "ab", 5), add(&table, "*.a", 3), add(&table, "*.b", 6);
	add(&table, "a.b", 1), add(&table, "a.a", 4), add(&table, "*.a.b", 7), add(&table, "*.b.b", 2), add(&table, "*.a.b.b", 7);
	add(&table, "[a]", 7), add(&table, "[b.a]", 3), add(&table, "bb", 7), add(&table, "b.b.b", 5), add(&table, "aa.bb", 7);
	assert_true(tux_host_names_valid(&table.names, 103));
	for (len = 0; len <= LONGEST; len++) {
		unsigned number, count = 1;
		int i;

		for (i = 0; i < len; i++)
			count *= OCTETS;
		for (number = 0; number < count; number++) {
			unsigned rest = number;
			char host[LONGEST + 1];
			uint32_t listener;

			for (i = 0; i < len; i++, rest /= OCTETS)
				host[i] = octets[rest % OCTETS];
			host[len] = '\0';
			for (listener = 0; listener < LISTENERS; listener++, tried++)
				if (found(&table, listener, host) != model(&table, listener, host))
					fail_msg("%s at %u: %d, not %d", host, listener, found(&table, listener, host), model(&table, listener, host));
		}
	}
	assert_true(tried > 400000);
}

/* Returns the slot of a name of the table. */
static struct tux_host_name *slot_of(struct table *table, unsigned host)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (table->host[i].len > 0 && table->host[i].host == host)
			return &table->host[i];
	fail();
	return NULL;
}

/* Every table that points out of itself or hides a name is refused. */
static void test_valid(void **state)
{
	static const struct tux_host_name wrong[] = {
		{ .text = 3, .len = 1 },
		{ .text = 2, .len = 2 },
		{ .text = UINT32_MAX, .len = 1 },
		{ .text = 0, .len = TUX_MAX_HOST_NAME + 1 },
		{ .text = 0, .len = 4 },
		{ .text = 4, .len = 0 },
		{ .text = 2, .len = 1, .host = 103 },
	};
	struct table table;
	struct tux_host_name *slot, *empty = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fill(&table, TABLE("a", "bb"));
		slot = slot_of(&table, 1);
		*slot = (struct tux_host_name){ .text = wrong[i].text, .len = wrong[i].len, .host = wrong[i].host, .hash = slot->hash };
		assert_false(tux_host_names_valid(&table.names, 103));
	}
	fill(&table, TABLE("a", "bb"));
	slot = slot_of(&table, 1);
	slot->host = 102;
	assert_true(tux_host_names_valid(&table.names, 103));
	slot->hash++;
	assert_false(tux_host_names_valid(&table.names, 103));
	slot->hash--;
	slot->text--; /* another name than the hash says */
	assert_false(tux_host_names_valid(&table.names, 103));
	fill(&table, TABLE("a"));
	slot = slot_of(&table, 0);
	for (i = 0; i < SLOTS; i++)
		if (&table.host[i] != slot + 1)
			empty = &table.host[i] == slot ? empty : &table.host[i];
	*empty = *slot; /* a search ends at an empty slot before it */
	assert_false(tux_host_names_valid(&table.names, 103));
	fill(&table, TABLE("a"));
	assert_false(tux_host_names_valid(&table.names, 102)); /* a fallback is not a host */
	table.names.count = TUX_MAX_HOST_SLOTS + 1;
	assert_false(tux_host_names_valid(&table.names, 103));
	table.names.count = SLOTS;
	table.names.text_len = TUX_MAX_HOST_TEXT + 1;
	assert_false(tux_host_names_valid(&table.names, 103));
	table.names.text_len = 1;
	table.names.listener_count = TUX_MAX_HOST_LISTENERS + 1;
	assert_false(tux_host_names_valid(&table.names, 103));
}

/* A table without slots has no name. A full one takes no more, and every search in it ends. */
static void test_full(void **state)
{
	static const uint8_t text[] = "a";
	const uint32_t fallback = 7;
	static struct tux_host_name host[TUX_MAX_HOST_PROBES + 1];
	struct tux_host_names names = { host, text, &fallback, 0, 1, 1 };
	const struct tux_host_name one = { .listeners = 2, .len = 1 };
	uint32_t i;

	(void)state;
	assert_int_equal(tux_host_find(&names, 0, text, (struct tux_span){ 0, 1 }), 7);
	for (names.count = 1; names.count <= TUX_MAX_HOST_PROBES + 1; names.count++) {
		memset(host, 0, sizeof(host));
		for (i = 0; i < names.count && i < TUX_MAX_HOST_PROBES; i++)
			assert_true(tux_host_names_insert(host, names.count, text, one));
		assert_false(tux_host_names_insert(host, names.count, text, one));
		assert_true(tux_host_names_valid(&names, 8));
		assert_int_equal(tux_host_find(&names, 0, text, (struct tux_span){ 0, 1 }), 7);
	}
}

enum { MANY = 50000, NAME_ROOM = 40 };

/* Writes a name of the table of test_many(). Every third is a suffix. */
static uint32_t name_print(char *name, unsigned number)
{
	static const char *const forms[] = { "www%u.example.org", "%u.de", ".shop-%u.example.net" };

	return (uint32_t)snprintf(name, NAME_ROOM, forms[number % 3], number / 3);
}

/* A table of many names fits into twice as many slots, and each name leads to its host. */
static void test_many(void **state)
{
	struct tux_host_name *host = calloc(2 * MANY, sizeof(*host));
	uint8_t *text = malloc(MANY * NAME_ROOM);
	const uint32_t fallback = MANY;
	struct tux_host_names names = { host, text, &fallback, 2 * MANY, 0, 1 };
	struct tux_host_name one = { .listeners = 1 };
	char name[NAME_ROOM + 8];

	(void)state;
	assert_true(host && text);
	for (one.host = 0; one.host < MANY; one.host++) {
		one.text = names.text_len;
		one.len = name_print(name, one.host);
		memcpy(text + one.text, name, one.len);
		names.text_len += one.len;
		assert_true(tux_host_names_insert(host, names.count, text, one));
	}
	assert_true(tux_host_names_valid(&names, MANY + 1));
	for (uint32_t i = 0; i < MANY; i++) {
		name[0] = 'x';
		const uint32_t len = name_print(name + 1, i);
		const bool suffix = name[1] == '.';

		assert_int_equal(tux_host_find(&names, 0, (const uint8_t *)name + !suffix, (struct tux_span){ 0, len + suffix }), i);
		assert_int_equal(tux_host_find(&names, 0, (const uint8_t *)name + suffix, (struct tux_span){ 0, len + !suffix }), MANY);
	}
	free(host);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_listeners), cmocka_unit_test(test_long),
		cmocka_unit_test(test_every_short_host), cmocka_unit_test(test_valid), cmocka_unit_test(test_full), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
