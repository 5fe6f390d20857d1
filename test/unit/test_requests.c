/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The free list of requests: requests come back, and test builds end for a request that was parsed or routed twice. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/request.h"

static void test_request_is_used_again(void **state)
{
	struct requests requests = { .spare = NULL };
	struct thread thread = { .requests = &requests };
	struct request *req = request_get(&thread);

	(void)state;
	assert_non_null(req);
	request_without_head(req);
	assert_true(request_path_room(req, 2 * REQUEST_PATH_BYTES));
	memset(req->path, 'a', 2 * REQUEST_PATH_BYTES);
	req->id = 1;
	request_put(req);
	assert_int_equal(requests.spare_count, 1);
	assert_ptr_equal(request_get(&thread), req);
	assert_int_equal(requests.spare_count, 0);
	assert_ptr_equal(req->path, req->short_path);
	assert_int_equal(req->id, 0);
	request_put(req);
	requests_free(&requests);
}

static void test_kept_head_survives_its_buffer(void **state)
{
	struct requests requests = { .spare = NULL };
	struct thread thread = { .requests = &requests };
	struct request *req = request_get(&thread);
	uint8_t received[] = "GET / HTTP/1.1";

	(void)state;
	req->bytes = received;
	req->bytes_len = sizeof(received);
	assert_true(request_keep(req));
	memset(received, 0, sizeof(received));
	assert_string_equal((const char *)req->bytes, "GET / HTTP/1.1");
	request_put(req);
	requests_free(&requests);
}

/* Returns the signal that ends a process that puts back a request with these counts; 0: it ends normally. */
static int signal_of(uint8_t parsed, uint8_t routed, uint8_t internal_redirects)
{
	const struct rlimit no_core = { 0, 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct requests requests = { .spare = NULL };
		struct thread thread = { .requests = &requests };
		struct request *req = request_get(&thread);

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		req->parsed = parsed;
		req->routed = routed;
		req->internal_redirects = internal_redirects;
		request_put(req);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_work_done_twice_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(signal_of(1, 1, 0), 0);
	assert_int_equal(signal_of(2, 1, 0), SIGABRT);
	assert_int_equal(signal_of(1, 2, 0), SIGABRT);
	assert_int_equal(signal_of(2, 2, 1), 0);
	assert_int_equal(signal_of(3, 2, 1), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_is_used_again),
		cmocka_unit_test(test_kept_head_survives_its_buffer),
		cmocka_unit_test(test_work_done_twice_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
