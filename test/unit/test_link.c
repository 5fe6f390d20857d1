/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links with absolute targets, in a temporary directory that has two names. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#include "../../engine/files/link.h"

static char place[] = "/tmp/tux-test-link-XXXXXX";
static char path[64], alias[64];
static struct tux_host host = { .root_fd = -1, .path = path, .alias = alias };

/* Makes a link beneath the root. %s in target is the parent directory of the root. */
static void make_link(const char *target, const char *name)
{
	char text[256];
	const char *rest = strncmp(target, "%s", 2) == 0 ? target + 2 : NULL;

	snprintf(text, sizeof(text), "%s%s", rest ? place : "", rest ? rest : target);
	assert_int_equal(symlinkat(text, host.root_fd, name), 0);
}

static void make_file(int directory, const char *name)
{
	const int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static int group_setup(void **state)
{
	char name[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/root", place);
	snprintf(alias, sizeof(alias), "%s/./current//", place);
	snprintf(name, sizeof(name), "%s/current", place);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(symlink("root", name), 0);
	fd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	make_file(fd, "secret");
	assert_int_equal(mkdirat(fd, "root2", 0755), 0);
	make_file(fd, "root2/secret");
	close(fd);
	host.root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(host.root_fd >= 0);
	make_file(host.root_fd, "file");
	assert_int_equal(mkdirat(host.root_fd, "sub", 0755), 0);
	make_file(host.root_fd, "sub/inner");
	return 0;
}

static int group_teardown(void **state)
{
	char command[128];

	(void)state;
	close(host.root_fd);
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command);
}

/* Checks that a name leads to the same file as another name without links. */
static void assert_leads(const struct tux_host *where, const char *name, const char *expected)
{
	const int fd = link_open(where, name, O_PATH);
	struct stat is, should;

	if (fd < 0)
		fail_msg("%s: %s", name, strerror(errno));
	assert_int_equal(fstat(fd, &is), 0);
	assert_int_equal(fstatat(where->root_fd, expected, &should, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(is.st_ino, should.st_ino);
	assert_int_equal(is.st_dev, should.st_dev);
	close(fd);
}

static void assert_refused(const char *name, int error)
{
	const int fd = link_open(&host, name, O_PATH);

	if (fd >= 0)
		fail_msg("%s was opened", name);
	if (errno != error)
		fail_msg("%s: %s, not %s", name, strerror(errno), strerror(error));
}

static void test_targets(void **state)
{
	static const struct {
		const char *target, *behind, *expected;
		int error;
	} cases[] = {
		{ "%s/root/file", "", "file", 0 },
		{ "%s/current/file", "", "file", 0 },
		{ "%s//root/.//sub/./inner", "", "sub/inner", 0 },
		{ "%s/root", "", ".", 0 },
		{ "%s/current/", "/sub/inner", "sub/inner", 0 },
		{ "%s/root/sub", "/../file", "file", 0 },
		{ "%s/root/sub", "/inner", "sub/inner", 0 },
		{ "%s/root/sub/.", "/./inner", "sub/inner", 0 },
		{ "sub/inner", "", "sub/inner", 0 },
		{ "%s/root2/secret", "", NULL, EXDEV },
		{ "%s/roo", "", NULL, EXDEV },
		{ "%s", "", NULL, EXDEV },
		{ "%s/secret", "", NULL, EXDEV },
		{ "%s/root/../secret", "", NULL, EXDEV },
		{ "%s/root/sub/../../secret", "", NULL, EXDEV },
		{ "%s/root/..", "/root/file", NULL, EXDEV },
		{ "../secret", "", NULL, EXDEV },
		{ "/", "", NULL, EXDEV },
		{ "/..", "", NULL, EXDEV },
		{ "%s/root/file/", "", NULL, ENOTDIR },
		{ "%s/root/file/../file", "", NULL, ENOTDIR },
		{ "%s/root/file", "/x", NULL, ENOTDIR },
		{ "%s/root/missing", "", NULL, ENOENT },
		{ "%s/root/missing/../file", "", NULL, ENOENT },
		{ "%s/root/link", "", NULL, ELOOP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[64];

		make_link(cases[i].target, "link");
		snprintf(name, sizeof(name), "link%s", cases[i].behind);
		if (cases[i].expected)
			assert_leads(&host, name, cases[i].expected);
		else
			assert_refused(name, cases[i].error);
		unlinkat(host.root_fd, "link", 0);
	}
}

static void test_limits(void **state)
{
	char name[PATH_MAX + 64];
	int i;

	(void)state;
	make_link("%s/root/file", "n0");
	for (i = 1; i <= 40; i++) {
		char target[64];

		snprintf(target, sizeof(target), "%%s/root/n%d", i - 1);
		snprintf(name, sizeof(name), "n%d", i);
		make_link(target, name);
	}
	assert_leads(&host, "n39", "file");
	assert_refused("n40", ELOOP);
	for (i = 0; i + 1 < (int)sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'x';
	name[i] = '\0';
	assert_refused(name, ENAMETOOLONG);
}

static void test_long_way(void **state)
{
	char target[PATH_MAX];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		len += (size_t)snprintf(target + len, sizeof(target) - len, "sub/../");
	assert_int_equal(symlinkat(target, host.root_fd, "long"), 0);
	assert_leads(&host, "long/long/file", "file");
	assert_refused("long/long/long/file", ELOOP);
}

static void test_without_names(void **state)
{
	const struct tux_host unnamed = { .root_fd = host.root_fd };
	const struct tux_host whole = { .root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .path = "/" };
	char name[128], file[128];

	(void)state;
	make_link("%s/root/file", "absolute");
	make_link("file", "relative");
	assert_int_equal(link_open(&unnamed, "absolute", O_PATH), -1);
	assert_int_equal(errno, EXDEV);
	assert_leads(&unnamed, "relative", "file");
	snprintf(name, sizeof(name), "%s/absolute", path + 1);
	snprintf(file, sizeof(file), "%s/file", path + 1);
	assert_leads(&whole, name, file); /* the root is /, so each absolute link is inside */
	close(whole.root_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_way),
		cmocka_unit_test(test_without_names),
	};

	return cmocka_run_group_tests_name("link", tests, group_setup, group_teardown);
}
