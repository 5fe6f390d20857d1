/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of open files leaves room for what a server has open besides connections and cached files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../program/server/rlimit.h"

enum { LIMIT = 4096, THREADS = 16, HOSTS = 100 };

/* Returns the descriptors that are left in a process that cannot raise its limit. */
static unsigned left(void)
{
	const struct rlimit limit = { LIMIT, LIMIT };
	struct tux_engine_config config = { .threads = THREADS, .max_connections = 1000000, .cache_files = 100000 };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0))
		return 0;
	tux_limits_raise(&config, HOSTS, stderr);
	return LIMIT - config.max_connections - config.cache_files * THREADS;
}

static void test_room_for_the_sockets_to_the_process_of_keys(void **state)
{
	int fd[2];
	unsigned found = 0;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	if (fork() == 0) {
		found = left();
		_exit(write(fd[1], &found, sizeof(found)) != sizeof(found));
	}
	assert_int_equal(read(fd[0], &found, sizeof(found)), sizeof(found));
	wait(NULL);
	/* 64 of the process and of each thread, one for each listener of a thread; then a socket a thread, and two */
	assert_true(found >= 64 + HOSTS + THREADS * (64 + TUX_MAX_LISTENERS) + THREADS + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room_for_the_sockets_to_the_process_of_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
