/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of the engine and the spawner: complete, truncated and mutated ones, and a full socket. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/backend/spawner_client.h"

enum { MESSAGE_MAX = sizeof(struct tux_spawn_start) + TUX_SPAWN_MAX_TEXT + 1 };

static const uint8_t environment[] = "REQUEST_METHOD=GET\0QUERY_STRING=\0HTTP_HOST=a b=c";
static const char path[] = "/cgi-bin/hello/more";

static struct spawn_order order_make(int fd)
{
	return (struct spawn_order){
		.rule = 3, .path = (const uint8_t *)path, .path_len = sizeof(path) - 1, .prefix_len = 9, .environment = environment,
		.environment_len = sizeof(environment), .fd = { fd, fd, fd },
	};
}

/* Makes a socket pair and opens the engine's end. Returns the other end. */
static int pair_make(struct spawner *spawner)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(spawner_open(spawner, pair[0]));
	return pair[1];
}

/* Receives one message. Closes and counts its descriptors. */
static size_t message_take(int fd, uint8_t *out, unsigned *fds, ino_t *inode)
{
	char control[CMSG_SPACE(sizeof(int) * 8)];
	struct iovec iov = { out, MESSAGE_MAX };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	const ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	assert_true(len > 0);
	*fds = 0;
	if (header)
		*fds = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	for (unsigned i = 0; i < *fds; i++) {
		struct stat status;
		int one;

		memcpy(&one, CMSG_DATA(header) + i * sizeof(int), sizeof(one));
		assert_int_equal(fstat(one, &status), 0);
		*inode = status.st_ino;
		close(one);
	}
	return (size_t)len;
}

static void test_start_arrives_whole(void **state)
{
	static struct tux_spawn_request request;
	static uint8_t message[MESSAGE_MAX];
	struct spawner spawner;
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC), other = pair_make(&spawner);
	struct spawn_order order = order_make(null);
	struct stat status;
	unsigned fds;
	ino_t inode = 0;
	uint64_t id;

	(void)state;
	fstat(null, &status);
	for (uint64_t i = 1; i <= 2; i++) {
		size_t len;

		assert_int_equal(spawner_start(&spawner, &order, &id), 0);
		assert_int_equal(id, i);
		len = message_take(other, message, &fds, &inode);
		assert_int_equal(fds, TUX_SPAWN_STREAMS);
		assert_true(inode == status.st_ino);
		assert_true(tux_spawn_start_read(message, len, &request));
		assert_int_equal(request.start.id, i);
		assert_int_equal(request.start.rule, 3);
		assert_int_equal(request.start.prefix_len, 9);
		assert_string_equal(request.path, path);
		assert_int_equal(request.strings, 3);
		assert_string_equal(request.string[0], "REQUEST_METHOD=GET");
		assert_string_equal(request.string[1], "QUERY_STRING=");
		assert_string_equal(request.string[2], "HTTP_HOST=a b=c");
		assert_true(tux_spawn_environment_allowed(&request));
	}
	close(null);
	close(other);
	assert_int_equal(spawner_start(&spawner, &order, &id), EPIPE);
	close(spawner.source.fd);
}

/* Reads a message in memory of exactly its size, so that a sanitizer detects reads beyond it. */
static bool read_exactly(const uint8_t *message, size_t len)
{
	static struct tux_spawn_request request;
	uint8_t *const copy = malloc(len ? len : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, message, len);
	good = tux_spawn_start_read(copy, len, &request);
	if (good) {
		const char *const first = (const char *)copy + sizeof(request.start), *const behind = (const char *)copy + len;

		assert_int_equal(strlen(request.path), request.start.path_len);
		assert_true(request.path == first && *request.path == '/' && request.start.prefix_len <= request.start.path_len);
		for (unsigned i = 0; i < request.strings; i++)
			assert_true(request.string[i] > first && request.string[i] + strlen(request.string[i]) < behind &&
			            strchr(request.string[i], '=') > request.string[i]);
	}
	free(copy);
	return good;
}

static void test_cut_and_mutated(void **state)
{
	static uint8_t message[MESSAGE_MAX], changed[MESSAGE_MAX];
	struct spawner spawner;
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC), other = pair_make(&spawner);
	const struct spawn_order order = order_make(null);
	unsigned fds, refused = 0;
	ino_t inode;
	uint64_t id;
	size_t len;

	(void)state;
	assert_int_equal(spawner_start(&spawner, &order, &id), 0);
	len = message_take(other, message, &fds, &inode);
	assert_true(read_exactly(message, len));
	for (size_t i = 0; i < len; i++)
		assert_false(read_exactly(message, i));
	message[len] = '\0';
	assert_false(read_exactly(message, len + 1));
	srand(1);
	for (size_t i = 0; i < len * 256 + 20000; i++) {
		memcpy(changed, message, len);
		if (i < len * 256)
			changed[i / 256] = (uint8_t)i;
		else
			for (int k = 0; k < 3; k++)
				changed[(size_t)rand() % len] = (uint8_t)rand();
		refused += !read_exactly(changed, len);
	}
	assert_true(refused > 5000);
	close(null);
	close(other);
	close(spawner.source.fd);
}

/* True if a handmade START is accepted: a path, followed by strings. */
static bool accepted(const char *text, size_t text_len, uint32_t path_len, uint32_t prefix_len)
{
	static uint8_t message[MESSAGE_MAX];
	const struct tux_spawn_start start = {
		.kind = TUX_SPAWN_START, .path_len = path_len, .prefix_len = prefix_len, .text_len = (uint32_t)text_len,
	};

	memcpy(message, &start, sizeof(start));
	memcpy(message + sizeof(start), text, text_len);
	return read_exactly(message, sizeof(start) + text_len);
}

static void test_rules_of_start(void **state)
{
	static char many[TUX_SPAWN_MAX_TEXT + 1];
	uint32_t at;

	(void)state;
	assert_true(accepted("/a\0A=b", 7, 2, 0));
	assert_true(accepted("/", 2, 1, 1));
	assert_false(accepted("/a\0A=b", 6, 2, 0));    /* missing end */
	assert_false(accepted("/a\0A=b\0", 8, 2, 0));  /* an empty string */
	assert_false(accepted("/a\0=b", 6, 2, 0));     /* missing name */
	assert_false(accepted("/a\0Ab", 6, 2, 0));     /* missing value */
	assert_false(accepted("a/\0A=b", 7, 2, 0));
	assert_false(accepted("/a\0A=b", 7, 3, 0));    /* a NUL in the path */
	assert_false(accepted("/a\0A=b", 7, 1, 0));
	assert_false(accepted("/a\0A=b", 7, 2, 3));
	assert_false(accepted("/a", 2, 2, 0));         /* without its NUL */
	assert_false(accepted("", 1, 0, 0));
	many[0] = '/';
	many[1] = '\0';
	for (at = 2; at < 2 + 4 * TUX_SPAWN_MAX_STRINGS; at += 4)
		memcpy(many + at, "A=b", 4);
	assert_true(accepted(many, at, 1, 0));
	memcpy(many + at, "A=b", 4);
	assert_false(accepted(many, at + 4, 1, 0));
}

static void test_environment_of_requests_alone(void **state)
{
	static const char *const good[] = { "HTTP_ACCEPT=", "HTTP_PROXY_AUTHORIZATION=x", "SERVER_NAME=a", "CONTENT_LENGTH=1", "QUERY_STRING=" };
	static const char *const bad[] = { "LD_PRELOAD=/tmp/x", "PATH=/tmp", "BASH_ENV=/tmp/x", "HTTP_PROXY=http://x", "CONTENT_LENGTHS=1", "QUERY_STRIN=",
		"GIT_SSH=x", "PERL5OPT=x" };
	static struct tux_spawn_request request;

	(void)state;
	request.strings = 1;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		request.string[0] = (char *)(uintptr_t)good[i];
		assert_true(tux_spawn_environment_allowed(&request));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		request.string[0] = (char *)(uintptr_t)bad[i];
		assert_false(tux_spawn_environment_allowed(&request));
	}
}

static void test_limits_of_start(void **state)
{
	static uint8_t large[TUX_SPAWN_MAX_TEXT];
	static uint8_t message[MESSAGE_MAX];
	static struct tux_spawn_request request;
	struct spawner spawner;
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC), other = pair_make(&spawner);
	struct spawn_order order = order_make(null);
	unsigned fds;
	ino_t inode;
	uint64_t id;

	(void)state;
	memset(large, 'x', sizeof(large));
	memcpy(large, "HTTP_A=", 7);
	order.environment = large;
	order.environment_len = (uint32_t)(sizeof(large) - sizeof(path));
	large[order.environment_len - 1] = '\0';
	assert_int_equal(spawner_start(&spawner, &order, &id), 0);
	assert_true(tux_spawn_start_read(message, message_take(other, message, &fds, &inode), &request));
	order.environment_len++;
	assert_int_equal(spawner_start(&spawner, &order, &id), EMSGSIZE);
	assert_int_equal(id, 0);
	order.environment_len = 10;
	assert_int_equal(spawner_start(&spawner, &order, &id), EINVAL);
	order.path_len = TUX_MAX_TARGET + 1;
	assert_int_equal(spawner_start(&spawner, &order, &id), EMSGSIZE);
	close(null);
	close(other);
	close(spawner.source.fd);
}

/* A spawner that does not read: it refuses starts before kills. */
static void test_a_full_socket(void **state)
{
	struct spawner spawner;
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC), other = pair_make(&spawner);
	const struct spawn_order order = order_make(null);
	unsigned started = 0, kills = 0;
	uint64_t id;
	int error;

	(void)state;
	while ((error = spawner_start(&spawner, &order, &id)) == 0)
		assert_true(++started < 100000);
	assert_int_equal(error, EAGAIN);
	assert_true(started > 10);
	while (kills < started && spawner_kill(&spawner, kills + 1))
		kills++;
	assert_true(kills > 10 && kills >= started / 2);
	close(null);
	close(other);
	close(spawner.source.fd);
}

/* Kill and time orders have the same size and differ by their kind. */
static void test_short_orders(void **state)
{
	struct spawner spawner;
	const int other = pair_make(&spawner);
	struct tux_spawn_kill kill_order;
	struct tux_spawn_time time_order;
	uint8_t message[sizeof(time_order) + 2];

	(void)state;
	assert_true(spawner_time(&spawner, 7, 250) && spawner_kill(&spawner, 8));
	assert_int_equal(recv(other, message, sizeof(message), 0), sizeof(time_order));
	assert_true(tux_spawn_time_read(message, sizeof(time_order), &time_order) && !tux_spawn_kill_read(message, sizeof(time_order), &kill_order));
	assert_int_equal(time_order.id, 7);
	assert_int_equal(time_order.more_ms, 250);
	for (size_t len = 0; len <= sizeof(message); len++)
		assert_int_equal(tux_spawn_time_read(message, len, &time_order), len == sizeof(time_order));
	assert_int_equal(recv(other, message, sizeof(message), 0), sizeof(kill_order));
	assert_true(tux_spawn_kill_read(message, sizeof(kill_order), &kill_order) && !tux_spawn_time_read(message, sizeof(kill_order), &time_order));
	assert_int_equal(kill_order.id, 8);
	close(other);
	assert_false(spawner_time(&spawner, 7, 0));
	close(spawner.source.fd);
}

static void test_results(void **state)
{
	const struct tux_spawn_result good = { .kind = TUX_SPAWN_ENDED, .id = 7, .pid = 9, .status = 256, .cpu_us = 11, .max_rss_bytes = 12 };
	struct tux_spawn_result result;
	uint8_t message[sizeof(result) + 8] = { 0 };
	struct spawner spawner;
	const int other = pair_make(&spawner);

	(void)state;
	assert_int_equal(spawner_read(&spawner, &result), SPAWNER_NOTHING);
	assert_int_equal(send(other, &good, sizeof(good), 0), sizeof(good));
	assert_int_equal(spawner_read(&spawner, &result), SPAWNER_RESULT);
	assert_memory_equal(&result, &good, sizeof(good));
	memcpy(message, &good, sizeof(good));
	for (size_t len = 0; len < sizeof(message); len++)
		assert_int_equal(tux_spawn_result_read(message, len, &result), len == sizeof(good));
	for (uint32_t kind = 0; kind < TUX_SPAWN_ENDED + 2; kind++)
		for (uint32_t step = 0; step < TUX_SPAWN_STEPS + 2; step++) {
			result = (struct tux_spawn_result){ .kind = kind, .step = step };
			memcpy(message, &result, sizeof(result));
			assert_int_equal(tux_spawn_result_read(message, sizeof(result), &result),
			                 (kind == TUX_SPAWN_FAILED && step > 0 && step < TUX_SPAWN_STEPS) ||
			                 ((kind == TUX_SPAWN_STARTED || kind == TUX_SPAWN_DUE || kind == TUX_SPAWN_ENDED) && step == 0));
		}
	/* A message that is too long comes from an unknown sender. */
	assert_int_equal(send(other, message, sizeof(message), 0), sizeof(message));
	assert_int_equal(spawner_read(&spawner, &result), SPAWNER_GONE);
	assert_int_equal(spawner_read(&spawner, &result), SPAWNER_GONE);
	close(other);
}

static void test_the_end(void **state)
{
	struct tux_spawn_result result;
	struct spawner spawner;
	const int other = pair_make(&spawner), fd = spawner.source.fd;
	const struct spawn_order order = order_make(0);
	uint64_t id;

	(void)state;
	close(other);
	assert_int_equal(spawner_read(&spawner, &result), SPAWNER_GONE);
	assert_int_equal(spawner_start(&spawner, &order, &id), EPIPE);
	assert_false(spawner_kill(&spawner, 1));
	close(fd);
	assert_true(spawner_open(&spawner, -1));
	assert_int_equal(spawner_start(&spawner, &order, &id), EPIPE);
}

static void test_status_of_failures(void **state)
{
	static const struct { uint32_t step; int error; unsigned status; } cases[] = {
		{ TUX_SPAWN_AT_SCRIPT, ENOENT, 404 }, { TUX_SPAWN_AT_SCRIPT, EPERM, 403 }, { TUX_SPAWN_AT_SCRIPT, EXDEV, 403 },
		{ TUX_SPAWN_AT_EXEC, EACCES, 403 }, { TUX_SPAWN_AT_EXEC, ENOENT, 500 }, { TUX_SPAWN_AT_EXEC, ENOEXEC, 500 },
		{ TUX_SPAWN_AT_EXEC, EAGAIN, 503 }, { TUX_SPAWN_AT_LIMIT, EAGAIN, 503 }, { TUX_SPAWN_AT_FORK, ENOMEM, 503 },
		{ TUX_SPAWN_AT_USER, EPERM, 500 }, { TUX_SPAWN_AT_ROOT, ENOENT, 500 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tux_spawn_result result = { .kind = TUX_SPAWN_FAILED, .step = cases[i].step, .error = cases[i].error };

		assert_int_equal(tux_spawn_failure_status(&result), cases[i].status);
	}
	for (uint32_t step = 0; step <= TUX_SPAWN_STEPS; step++)
		assert_non_null(tux_spawn_step_text(step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_arrives_whole),
		cmocka_unit_test(test_cut_and_mutated),
		cmocka_unit_test(test_rules_of_start),
		cmocka_unit_test(test_environment_of_requests_alone),
		cmocka_unit_test(test_limits_of_start),
		cmocka_unit_test(test_a_full_socket),
		cmocka_unit_test(test_short_orders),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_status_of_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
