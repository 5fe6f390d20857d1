/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads that a worker tries itself, without a loader thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/files/load.h"

enum { MANY = 5000, ROOM = 64 };

static char root[] = "/tmp/tux-load-XXXXXX";
static int root_fd = -1;

static void name_of(char name[ROOM], int number)
{
	snprintf(name, ROOM, "many/a-name-of-this-length-%05d", number);
}

static void put_file(const char *name)
{
	const int fd = openat(root_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static int set_up(void **state)
{
	char name[ROOM];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || mkdirat(root_fd, "few", 0755) != 0 || mkdirat(root_fd, "many", 0755) != 0)
		return -1;
	put_file("few/file");
	for (int i = 0; i < MANY; i++) {
		name_of(name, i);
		put_file(name);
	}
	return 0;
}

static int tear_down(void **state)
{
	char name[ROOM];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		name_of(name, i);
		unlinkat(root_fd, name, 0);
	}
	unlinkat(root_fd, "few/file", 0);
	unlinkat(root_fd, "few", AT_REMOVEDIR);
	unlinkat(root_fd, "many", AT_REMOVEDIR);
	close(root_fd);
	return rmdir(root);
}

/* Loads a directory, which is to be watched if inotify_fd is not -1. Returns the result of load_run(). */
static bool loads(const char *path, int inotify_fd, bool may_block)
{
	static const struct tux_engine_config config;
	static const struct tux_fields fields;
	const struct tux_host host = { .root_fd = root_fd, .browse = true, .fields = &fields };
	struct load load = {
		.config = &config,
		.host = &host,
		.key = (const uint8_t *)path,
		.key_len = (uint32_t)strlen(path),
		.may_block = may_block,
		.inotify_fd = inotify_fd,
		.watch_count = 1,
		.watch = { { .path_len = (uint32_t)strlen(path), .wd = -1 } },
	};
	const bool done = load_run(&load);

	if (done) {
		assert_non_null(load.object);
		assert_int_equal(load.object->kind, OBJECT_LISTABLE);
		assert_int_equal(load.watch[0].wd >= 0, inotify_fd >= 0);
		object_put(load.object);
	}
	return done;
}

static void test_large_directory_is_watched_by_a_loader(void **state)
{
	const int inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct stat st;

	(void)state;
	assert_true(inotify_fd >= 0);
	if (!loads("/few/", -1, false) || fstatat(root_fd, "many", &st, 0) != 0 || st.st_size <= 65536) {
		close(inotify_fd);
		skip(); /* a kernel without RESOLVE_CACHED, or a file system whose directories have no size */
	}
	assert_true(loads("/few/", inotify_fd, false));
	assert_true(loads("/many/", -1, false));
	assert_false(loads("/many/", inotify_fd, false));
	assert_true(loads("/many/", inotify_fd, true));
	close(inotify_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_directory_is_watched_by_a_loader),
	};

	return cmocka_run_group_tests_name("load", tests, set_up, tear_down);
}
