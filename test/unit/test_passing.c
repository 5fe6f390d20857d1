/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that a retired engine passes on: to a process without a free descriptor, and of a listener that it does not have. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/http/passing.h"

static int pair[2], listener_fd;
static const bool drain;
static struct tux_listener listener;
static struct tux_engine_config config;
static struct passing passing;

static int setup(void **state)
{
	const bool stays[TUX_MAX_LISTENERS] = { true };

	(void)state;
	listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	listener = (struct tux_listener){ .count = 1 };
	listener.fd[0] = listener_fd;
	config = (struct tux_engine_config){ .listeners = &listener, .listener_count = 1, .passed_fd = pair[0], .pass_fd = pair[1] };
	passing = (struct passing){ .config = NULL };
	passing_prepare(&passing, &config, &drain);
	passing_open(&passing, stays);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(listener_fd) | close(pair[0]) | close(pair[1]);
}

static void pass(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(passing_permits(&passing, 0));
	assert_int_equal(passing_send(&passing, fd, 0), PASSING_DONE);
	close(fd);
}

/* The connection without a descriptor is lost, which the caller must know: the ones after it wait in the queue. */
static void test_no_descriptor_is_no_empty_queue(void **state)
{
	struct rlimit before, none;
	unsigned number = TUX_MAX_LISTENERS;
	int fd = -1, again = -1;
	bool received;

	(void)state;
	pass();
	pass();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	received = passing_receive(&passing, &number, &fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(received);
	assert_int_equal(fd, -1);
	assert_true(passing_receive(&passing, &number, &again));
	assert_true(again >= 0);
	assert_int_equal(number, 0);
	close(again);
	assert_false(passing_receive(&passing, &number, &again));
}

static void test_other_listener_is_told(void **state)
{
	unsigned number = 0;
	int fd = -1;

	(void)state;
	passing.inode[0]++;
	pass();
	passing.inode[0]--;
	assert_true(passing_receive(&passing, &number, &fd));
	assert_int_equal(number, TUX_MAX_LISTENERS);
	assert_true(fd >= 0);
	close(fd);
}

/* Returns the number of open descriptors below 1024. */
static unsigned open_count(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Sends a message of len bytes with so many descriptors. */
static void send_many(size_t len, unsigned count)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(3 * sizeof(int))] = { 0 };
	uint64_t payload[2] = { passing.inode[0], 0 };
	struct iovec iov = { payload, len };
	const struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *const header = CMSG_FIRSTHDR(&message);
	const int fds[3] = { listener_fd, listener_fd, listener_fd };

	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	assert_int_equal(sendmsg(pair[1], &message, MSG_NOSIGNAL), len);
}

/* A process that was broken into cannot exhaust the descriptors of the one that took over. */
static void test_other_descriptors_are_closed(void **state)
{
	const unsigned before = open_count();
	unsigned number;
	int fd;

	(void)state;
	for (unsigned count = 1; count <= 3; count++) {
		send_many(sizeof(uint64_t), count);
		assert_true(passing_receive(&passing, &number, &fd));
		assert_int_equal(number, 0);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(open_count(), before);
		for (size_t wrong = 0; wrong <= 9; wrong += 9) {
			send_many(wrong, count);
			assert_int_equal(passing_receive(&passing, &number, &fd), wrong == 9);
			if (fd >= 0)
				close(fd);
			assert_int_equal(open_count(), before);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_descriptor_is_no_empty_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_listener_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_descriptors_are_closed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
