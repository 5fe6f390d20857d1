/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TUX_CHECK_REQUESTS 1 /* like the engine of a test build */
#include "../../core/negotiate.h"
#include "../../engine/files/siblings.h"

enum { BR = 1 << TUX_CODING_BR, ZSTD = 1 << TUX_CODING_ZSTD, GZIP = 1 << TUX_CODING_GZIP };

static bool add(struct siblings *siblings, const char *name)
{
	return siblings_add(siblings, name, strlen(name));
}

static unsigned of(const struct siblings *siblings, const char *name)
{
	return siblings_of(siblings, name, strlen(name));
}

static void test_names(void **state)
{
	struct siblings siblings = { .key = { 1 } };

	(void)state;
	assert_int_equal(of(&siblings, "a.txt"), 0);
	assert_true(add(&siblings, "a.txt.gz"));
	assert_true(add(&siblings, "a.txt.br"));
	assert_true(add(&siblings, "b.txt.zst"));
	assert_true(add(&siblings, "c.txt"));
	assert_true(add(&siblings, ".gz"));
	assert_true(add(&siblings, "gz"));
	assert_int_equal(of(&siblings, "a.txt"), GZIP | BR);
	assert_int_equal(of(&siblings, "b.txt"), ZSTD);
	assert_int_equal(of(&siblings, "c.txt"), 0);
	assert_int_equal(siblings.count, 2);
	siblings_clear(&siblings);
	assert_int_equal(of(&siblings, "a.txt"), 0);
}

/* Some file systems ignore the case of names. */
static void test_case_is_ignored(void **state)
{
	struct siblings siblings = { .key = { 2 } };

	(void)state;
	assert_true(add(&siblings, "A.TXT.Gz"));
	assert_int_equal(of(&siblings, "a.txt"), GZIP);
	siblings_clear(&siblings);
}

/* The path of a request may be longer than any name; nothing is known of it. */
static void test_long_name(void **state)
{
	struct siblings siblings = { .key = { 3 } };
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(siblings_of(&siblings, name, sizeof(name)), BR | ZSTD | GZIP);
}

static void test_limit(void **state)
{
	struct siblings siblings = { .key = { 4 } };
	char name[32];

	(void)state;
	for (int i = 0; i < SIBLINGS_MAX; i++) {
		snprintf(name, sizeof(name), "%d.gz", i);
		assert_true(add(&siblings, name));
		assert_true(add(&siblings, name));
	}
	for (int i = 0; i < SIBLINGS_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(of(&siblings, name), GZIP);
	}
	assert_false(add(&siblings, "one-more.gz"));
	siblings_clear(&siblings);
}

static void test_merge(void **state)
{
	struct siblings siblings = { .key = { 5 } }, more = { .key = { 5 } };

	(void)state;
	assert_true(siblings_merge(&siblings, &more));
	assert_true(add(&siblings, "a.gz") && add(&more, "a.br") && add(&more, "b.gz"));
	assert_true(siblings_merge(&siblings, &more));
	assert_int_equal(of(&siblings, "a"), GZIP | BR);
	assert_int_equal(of(&siblings, "b"), GZIP);
	siblings_clear(&siblings);
	siblings_clear(&more);
}

static void test_read(void **state)
{
	struct siblings siblings = { .key = { 6 } };
	char root[] = "/tmp/tux-test-siblings-XXXXXX", name[32];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(root));
	fd = open(root, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), i < 20 ? "%d.br" : "%d", i);
		close(openat(fd, name, O_CREAT | O_WRONLY, 0644));
	}
	assert_int_equal(symlinkat("nowhere", fd, "link.gz"), 0);
	assert_true(siblings_read(&siblings, fd));
	assert_int_equal(siblings.count, 21);
	assert_int_equal(of(&siblings, "19"), BR);
	assert_int_equal(of(&siblings, "20"), 0);
	assert_int_equal(of(&siblings, "link"), GZIP);
	siblings_clear(&siblings);
	for (int i = 0; i < SIBLINGS_MAX_NAMES; i++) {
		snprintf(name, sizeof(name), "more%d", i);
		assert_int_equal(symlinkat("x", fd, name), 0);
	}
	assert_false(siblings_read(&siblings, fd));
	siblings_clear(&siblings);
	for (int i = 0; i < SIBLINGS_MAX_NAMES; i++) {
		snprintf(name, sizeof(name), "more%d", i);
		unlinkat(fd, name, 0);
		snprintf(name, sizeof(name), i < 20 ? "%d.br" : "%d", i);
		unlinkat(fd, name, 0);
	}
	unlinkat(fd, "link.gz", 0);
	close(fd);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_case_is_ignored), cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_merge), cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
