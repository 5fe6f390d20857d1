/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets, on ports that the kernel chooses. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/io/listener.h"

static struct tux_listener listeners[4];
static char error[256], url[160];

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void test_one_a_thread(void **state)
{
	char again[64];
	unsigned port;

	(void)state;
	assert_int_equal(tux_listener_open("127.0.0.1:0", 3, listeners, 4, error, sizeof(error)), 1);
	assert_int_equal(listeners[0].count, 3);
	for (unsigned i = 0; i < 3; i++) {
		int fd = listeners[0].fd[i];

		assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
		assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	tux_listener_url(&listeners[0], url, sizeof(url));
	assert_int_equal(sscanf(url, "http://127.0.0.1:%u/", &port), 1);
	assert_true(port > 0);
	/* SO_REUSEPORT alone would permit a second server. */
	snprintf(again, sizeof(again), "127.0.0.1:%u", port);
	assert_int_equal(tux_listener_open(again, 3, &listeners[1], 3, error, sizeof(error)), -1);
	assert_non_null(strstr(error, again));
	assert_non_null(strstr(error, "in use"));
	tux_listener_close(&listeners[0]);
	assert_int_equal(listeners[0].count, 0);
	assert_int_equal(tux_listener_open(again, 1, listeners, 4, error, sizeof(error)), 1);
	tux_listener_close(&listeners[0]);
}

static void test_all_addresses(void **state)
{
	static const char *const specs[] = { "0", ":0", "*:0", "0.0.0.0:0" };

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(tux_listener_open(specs[i], 2, listeners, 4, error, sizeof(error)), 1);
		if (option(listeners[0].fd[0], SOL_SOCKET, SO_DOMAIN) == AF_INET6)
			assert_int_equal(option(listeners[0].fd[0], IPPROTO_IPV6, IPV6_V6ONLY), 0);
		tux_listener_close(&listeners[0]);
	}
}

static void test_faults(void **state)
{
	static const char *const specs[] = { "", "x", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
	                                     "[127.0.0.1]:80", "[::1]", "[::1:80", "1 2", "unix:", "80x", "127.0.0.1: 80" };
	char path[130] = "unix:/";

	(void)state;
	memset(path + 6, 'a', sizeof(path) - 7);
	assert_int_equal(tux_listener_open(path, 1, listeners, 4, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "107 bytes"));
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(tux_listener_open(specs[i], 1, listeners, 4, error, sizeof(error)), -1);
		assert_non_null(strstr(error, "cannot listen on"));
		assert_non_null(strstr(error, specs[i]));
	}
}

static void test_unix(void **state)
{
	char directory[] = "/tmp/tux-test-listener-XXXXXX", path[64], spec[80];
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/s", directory);
	snprintf(spec, sizeof(spec), "unix:%s", path);
	assert_int_equal(tux_listener_open(spec, 4, listeners, 4, error, sizeof(error)), 1);
	assert_int_equal(listeners[0].count, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	tux_listener_url(&listeners[0], url, sizeof(url));
	assert_string_equal(url, spec);
	assert_int_equal(tux_listener_open(spec, 4, &listeners[1], 3, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "another server"));
	tux_listener_close(&listeners[0]);
	/* The socket is stale now. */
	assert_int_equal(tux_listener_open(spec, 4, listeners, 4, error, sizeof(error)), 1);
	tux_listener_close(&listeners[0]);
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(tux_listener_open(spec, 4, listeners, 4, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "not a socket"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void test_adopt(void **state)
{
	int pair[2], fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_false(tux_listener_adopt(fd, &listeners[0], error, sizeof(error)));
	assert_int_equal(listen(fd, 1), 0);
	assert_true(tux_listener_adopt(fd, &listeners[0], error, sizeof(error)));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	tux_listener_close(&listeners[0]);
	assert_false(tux_listener_adopt(fd, &listeners[0], error, sizeof(error)));
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_false(tux_listener_adopt(pair[0], &listeners[0], error, sizeof(error)));
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_a_thread), cmocka_unit_test(test_all_addresses), cmocka_unit_test(test_faults),
		cmocka_unit_test(test_unix),         cmocka_unit_test(test_adopt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
