/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache while it grows, evicts and shrinks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/config.h"
#include "../../engine/files/cache.h"

static const struct tux_host host, other;

static uint32_t key_of(char key[32], int number)
{
	return (uint32_t)snprintf(key, 32, "/many/%05d", number);
}

static void insert(struct cache *cache, const struct tux_host *of, int number, uint64_t bytes)
{
	char key[32];
	const uint32_t len = key_of(key, number);
	struct object *object = object_new(of, (const uint8_t *)key, len, OBJECT_FILE);

	assert_non_null(object);
	object->memory_bytes = bytes;
	cache_insert(cache, object);
	object_put(object);
}

static struct object *find(struct cache *cache, int number)
{
	char key[32];
	const uint32_t len = key_of(key, number);

	return cache_find(cache, &host, (const uint8_t *)key, len);
}

static void test_finds_all_while_it_grows(void **state)
{
	struct cache cache = { .count = 0 };

	(void)state;
	assert_true(cache_open(&cache, 1 << 20, 16, UINT64_MAX, 42));
	for (int i = 0; i < 5000; i++) {
		insert(&cache, &host, i, 0);
		insert(&cache, &other, i, 0);
		assert_true(cache.buckets + cache.split <= 2 * cache.count + 128);
		for (int k = i; k >= 0; k -= 97)
			assert_non_null(find(&cache, k));
	}
	assert_int_equal(cache.count, 10000);
	assert_true(cache.count <= cache.buckets + cache.split);
	for (int i = 0; i < 5000; i++) {
		struct object *object = find(&cache, i);

		assert_non_null(object);
		assert_ptr_equal(object->host, &host);
		cache_drop(&cache, object);
		assert_null(find(&cache, i));
	}
	assert_int_equal(cache.count, 5000);
	cache_free(&cache);
}

static void test_evicts_the_least_recently_used(void **state)
{
	struct cache cache = { .count = 0 };

	(void)state;
	assert_true(cache_open(&cache, 100, 16, UINT64_MAX, 42));
	for (int i = 0; i < 300; i++) {
		insert(&cache, &host, i, 0);
		assert_non_null(find(&cache, 0)); /* used each time */
	}
	assert_int_equal(cache.count, 100);
	assert_null(find(&cache, 1));
	assert_non_null(find(&cache, 299));
	cache_free(&cache);
}

static void test_bytes_are_limited(void **state)
{
	struct cache cache = { .count = 0 };

	(void)state;
	assert_true(cache_open(&cache, 1000, 16, 10000, 42));
	for (int i = 0; i < 100; i++)
		insert(&cache, &host, i, 1000);
	assert_int_equal(cache.count, 10);
	assert_int_equal(cache.bytes, 10000);
	cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_all_while_it_grows),
		cmocka_unit_test(test_evicts_the_least_recently_used),
		cmocka_unit_test(test_bytes_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
