/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that control groups permit, and the caches that follow it. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../program/server/memory.h"

static const uint64_t GB = UINT64_C(1) << 30;
static char root[] = "/tmp/tux-test-memory-XXXXXX";

/* Writes a file beneath the root, and makes its directories. */
static void make(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *slash = path + sizeof(root); (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	(void)state;
	memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void test_machine_without_control_groups(void **state)
{
	(void)state;
	assert_true(tux_memory_bytes(root, 8 * GB) == 8 * GB);
}

static void test_group_above_is_the_limit(void **state)
{
	(void)state;
	make("/proc/self/cgroup", "0::/system.slice/tux.service\n");
	make("/sys/fs/cgroup/system.slice/tux.service/memory.max", "max\n");
	assert_true(tux_memory_bytes(root, 8 * GB) == 8 * GB);
	make("/sys/fs/cgroup/system.slice/memory.high", "3221225472\n");
	assert_true(tux_memory_bytes(root, 8 * GB) == 3 * GB);
	make("/sys/fs/cgroup/system.slice/tux.service/memory.max", "1073741824\n");
	assert_true(tux_memory_bytes(root, 8 * GB) == GB);
	assert_true(tux_memory_bytes(root, GB / 2) == GB / 2);
}

static void test_root_of_a_container(void **state)
{
	(void)state;
	make("/proc/self/cgroup", "0::/\n");
	make("/sys/fs/cgroup/memory.max", "2147483648\n");
	assert_true(tux_memory_bytes(root, 8 * GB) == 2 * GB);
}

static void test_version_one(void **state)
{
	(void)state;
	make("/proc/self/cgroup", "12:cpu,cpuacct:/\n5:memory:/docker/1\n0::/\n");
	make("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4294967296\n");
	assert_true(tux_memory_bytes(root, 8 * GB) == 4 * GB);
}

static void test_share(void **state)
{
	struct tux_engine_config config = { .threads = 2, .cache_bytes = UINT64_MAX };

	(void)state;
	tux_memory_share(&config, 4 * GB);
	assert_int_equal(config.cache_entries, 32768);
	assert_int_equal(config.cache_files, 32768);
	assert_true(config.cache_bytes == GB / 4);
	config = (struct tux_engine_config){ .threads = 64, .cache_bytes = UINT64_MAX };
	tux_memory_share(&config, GB / 8);
	assert_int_equal(config.cache_entries, 4096);
	assert_true(config.cache_bytes == GB / 64);
	config = (struct tux_engine_config){ .threads = 1, .cache_entries = 100000, .cache_bytes = 0 };
	tux_memory_share(&config, 4 * GB);
	assert_int_equal(config.cache_entries, 100000);
	assert_int_equal(config.cache_files, 65536);
	assert_true(config.cache_bytes == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_machine_without_control_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_above_is_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_of_a_container, setup, teardown),
		cmocka_unit_test_setup_teardown(test_version_one, setup, teardown),
		cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
