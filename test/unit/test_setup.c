/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set-up of /dev/tux: each number at its limits and beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../kernel/setup.h"

static const struct tux_setup good = {
	.size = sizeof(struct tux_setup), .flags = TUX_SETUP_RECORDS, .event_fd = -1, .max_connections = 1, .max_objects = 1,
	.head_timeout_ms = 1, .send_timeout_ms = 1, .idle_timeout_ms = 1, .host_count = 1, .listener_count = 1,
};

/* A member of a structure, and the values that it takes. */
struct range {
	size_t off;
	size_t size;
	uint64_t min, max;
};

#define RANGE(type, member, min, max) { offsetof(struct type, member), sizeof(((struct type *)0)->member), min, max }

static void number_set(void *at, const struct range *range, uint64_t value)
{
	const uint16_t value16 = (uint16_t)value;
	const uint32_t value32 = (uint32_t)value;

	memcpy((char *)at + range->off, range->size == sizeof(value16) ? (const void *)&value16 : (const void *)&value32, range->size);
}

static void test_setup(void **state)
{
	static const struct range ranges[] = {
		RANGE(tux_setup, flags, 0, 1), RANGE(tux_setup, max_connections, 1, 1 << 24), RANGE(tux_setup, max_objects, 1, 1 << 20),
		RANGE(tux_setup, head_timeout_ms, 1, 86400000), RANGE(tux_setup, send_timeout_ms, 1, 86400000),
		RANGE(tux_setup, idle_timeout_ms, 1, 86400000), RANGE(tux_setup, handover_port, 0, 65535), RANGE(tux_setup, module_count, 0, 256),
		RANGE(tux_setup, size, sizeof(struct tux_setup), sizeof(struct tux_setup)),
	};
	static const struct range of_hosts[] = {
		RANGE(tux_setup, host_count, 1, TUX_MAX_HOSTS), RANGE(tux_setup, name_count, 0, TUX_MAX_HOST_SLOTS),
		RANGE(tux_setup, name_text_len, 0, TUX_MAX_HOST_TEXT), RANGE(tux_setup, listener_count, 1, TUX_MAX_HOST_LISTENERS),
	};

	(void)state;
	assert_true(ktux_setup_valid(&good) && ktux_setup_counts_valid(&good));
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) + sizeof(of_hosts) / sizeof(of_hosts[0]); i++) {
		const bool hosts = i >= sizeof(ranges) / sizeof(ranges[0]);
		const struct range *const range = hosts ? &of_hosts[i - sizeof(ranges) / sizeof(ranges[0])] : &ranges[i];
		const uint64_t values[] = { range->min, range->max, range->min - 1, range->max + 1, UINT32_MAX };

		for (size_t k = 0; k < 5; k++) {
			struct tux_setup setup = good;

			number_set(&setup, range, values[k]);
			assert_int_equal(hosts ? ktux_setup_counts_valid(&setup) : ktux_setup_valid(&setup), k < 2);
		}
	}
}

static void test_host(void **state)
{
	static const struct range ranges[] = {
		RANGE(tux_setup_host, flags, 0, 1), RANGE(tux_setup_host, mode_allowed, 0, 07777), RANGE(tux_setup_host, mode_forbidden, 0, 07777),
		RANGE(tux_setup_host, mode_cgi, 0, 07777), RANGE(tux_setup_host, mode_module, 0, 07777),
		RANGE(tux_setup_host, index_count, 0, 8), RANGE(tux_setup_host, index_len, 0, 8 * 256),
		RANGE(tux_setup_host, route_count, 0, TUX_MAX_ROUTES), RANGE(tux_setup_host, route_text_len, 1, TUX_MAX_ROUTE_TEXT),
		RANGE(tux_setup_host, file_type_count, 0, TUX_MAX_FILE_TYPES),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const uint64_t values[] = { ranges[i].min, ranges[i].max, ranges[i].max + 1, ranges[i].min - 1 };

		for (size_t k = 0; k < 4; k++) {
			struct tux_setup_host host = { .route_count = 1, .route_text_len = 1 };

			number_set(&host, &ranges[i], values[k]);
			assert_int_equal(ktux_setup_host_valid(&host), k < 2);
		}
	}
}

static void test_fields(void **state)
{
	static const struct range ranges[] = {
		RANGE(tux_setup_fields, len, 0, TUX_MAX_FIELD_LINES), RANGE(tux_setup_fields, error_len, 0, TUX_MAX_FIELD_LINES),
		RANGE(tux_setup_fields, omit, 0, TUX_OMISSIONS), RANGE(tux_setup_fields, removed_len, 0, TUX_MAX_FIELD_LINES),
		RANGE(tux_setup_fields, type_count, 0, TUX_MAX_MEDIA_TYPES), RANGE(tux_setup_fields, type_text_len, 0, TUX_MAX_MEDIA_TYPE_TEXT),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct tux_setup_fields fields = { 0 };

		number_set(&fields, &ranges[i], ranges[i].max);
		assert_true(ktux_setup_fields_valid(&fields));
		number_set(&fields, &ranges[i], ranges[i].max + 1);
		assert_false(ktux_setup_fields_valid(&fields));
	}
}

static void test_module(void **state)
{
	static const struct range ranges[] = {
		RANGE(tux_setup_module, flags, 0, 3), RANGE(tux_setup_module, timeout_ms, 1, 86400000),
		RANGE(tux_setup_module, value_count, 0, TUX_MAX_SETUP_VALUES), RANGE(tux_setup_module, text_len, 1, TUX_MAX_SETUP_MODULE_TEXT),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const uint64_t values[] = { ranges[i].min, ranges[i].max, ranges[i].max + 1, ranges[i].min - 1 };

		for (size_t k = 0; k < 4; k++) {
			struct tux_setup_module module = { .timeout_ms = 1, .text_len = 1 };

			number_set(&module, &ranges[i], values[k]);
			assert_int_equal(ktux_setup_module_valid(&module), k < 2);
		}
	}
}

static bool module_text_valid(const char *text, uint32_t len, uint32_t count)
{
	return ktux_setup_module_text_valid((const uint8_t *)text, len, count);
}

static void test_module_text(void **state)
{
	char longest[TUX_MAX_SETUP_MODULE_NAME + 2];

	(void)state;
	assert_true(module_text_valid("hello", 6, 1));
	assert_true(module_text_valid("hello\0key\0value", 16, 3));
	assert_true(module_text_valid("hello\0key\0", 11, 3));
	assert_false(module_text_valid("hello\0key\0value", 16, 1));
	assert_false(module_text_valid("hello\0key\0value", 16, 5));
	assert_false(module_text_valid("hello\0key\0value", 15, 3));
	assert_false(module_text_valid("hello", 5, 1));
	assert_false(module_text_valid("hello", 5, 0));
	assert_false(module_text_valid("", 1, 1));
	assert_false(module_text_valid("", 0, 0));
	memset(longest, 'a', sizeof(longest));
	longest[TUX_MAX_SETUP_MODULE_NAME] = '\0';
	assert_true(module_text_valid(longest, TUX_MAX_SETUP_MODULE_NAME + 1, 1));
	longest[TUX_MAX_SETUP_MODULE_NAME] = 'a';
	longest[TUX_MAX_SETUP_MODULE_NAME + 1] = '\0';
	assert_false(module_text_valid(longest, TUX_MAX_SETUP_MODULE_NAME + 2, 1));
}

static bool index_valid(const char *text, uint32_t len, uint32_t count)
{
	return ktux_setup_index_valid((const uint8_t *)text, len, count);
}

static void test_index(void **state)
{
	char longest[TUX_MAX_INDEX_LEN + 2];

	(void)state;
	assert_true(index_valid("", 0, 0));
	assert_true(index_valid("index.html\0index.htm", 21, 2));
	assert_false(index_valid("index.html\0index.htm", 21, 1));
	assert_false(index_valid("index.html\0index.htm", 21, 3));
	assert_false(index_valid("index.html\0index.htm", 20, 2));
	assert_false(index_valid("a/b", 4, 1));
	assert_false(index_valid("", 1, 1));
	assert_false(index_valid("a\0", 3, 2));
	memset(longest, 'a', sizeof(longest));
	longest[TUX_MAX_INDEX_LEN] = '\0';
	assert_true(index_valid(longest, TUX_MAX_INDEX_LEN + 1, 1));
	longest[TUX_MAX_INDEX_LEN] = 'a';
	longest[TUX_MAX_INDEX_LEN + 1] = '\0';
	assert_false(index_valid(longest, TUX_MAX_INDEX_LEN + 2, 1));
}

static void test_sum_of_bytes(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	assert_true(ktux_setup_add(&bytes, 1 << 20, 64) && bytes == TUX_MAX_SETUP);
	assert_true(ktux_setup_add(&bytes, 0, 64));
	assert_false(ktux_setup_add(&bytes, 1, 1));
	bytes = 1;
	assert_false(ktux_setup_add(&bytes, 1 << 20, 64));
	assert_false(ktux_setup_add(&bytes, UINT64_MAX / 64 + 1, 64)); /* the product wraps to 0 */
	assert_int_equal(bytes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_setup), cmocka_unit_test(test_host), cmocka_unit_test(test_fields),
		cmocka_unit_test(test_index), cmocka_unit_test(test_module), cmocka_unit_test(test_module_text),
		cmocka_unit_test(test_sum_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
