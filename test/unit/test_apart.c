/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work in a process of its own: its result, its sentence, its limit of CPU time, its end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../program/confine/apart.h"

enum kind { SUCCEEDS, FAILS, IS_SILENT, LOOPS, CRASHES };

static int work(void *owner, char *error, size_t error_size)
{
	const enum kind *const kind = owner;
	volatile unsigned rounds = 0;

	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return TUX_APART_FAILED;
	if (*kind == FAILS)
		snprintf(error, error_size, "%*s", (int)error_size - 1, "end");
	while (*kind == LOOPS)
		rounds++;
	if (*kind == CRASHES)
		raise(SIGKILL);
	return *kind == SUCCEEDS ? TUX_APART_DONE : TUX_APART_FAILED;
}

/* Runs the work. Returns its status. */
static int run(enum kind kind, char error[TUX_APART_TEXT])
{
	struct tux_apart apart;
	int status;

	assert_true(tux_apart_start(&apart, "test", 1, work, &kind));
	assert_true(apart.pid > 0);
	status = tux_apart_await(&apart, error, TUX_APART_TEXT);
	assert_int_equal(apart.pid, 0);
	return status;
}

static void test_result_and_sentence(void **state)
{
	char error[TUX_APART_TEXT];

	(void)state;
	assert_int_equal(run(SUCCEEDS, error), TUX_APART_DONE);
	assert_int_equal(run(FAILS, error), TUX_APART_FAILED);
	assert_int_equal(strlen(error), sizeof(error) - 1);
	assert_string_equal(error + sizeof(error) - 4, "end");
	assert_int_equal(run(IS_SILENT, error), TUX_APART_FAILED);
	assert_string_equal(error, "the process \"test\" has ended (1)");
	assert_int_equal(run(CRASHES, error), TUX_APART_FAILED);
	assert_string_equal(error, "the process \"test\" was ended by signal 9 (Killed)");
}

static void test_limit_of_cpu_time(void **state)
{
	char error[TUX_APART_TEXT];

	(void)state;
	assert_int_equal(run(LOOPS, error), TUX_APART_FAILED);
	assert_string_equal(error, "the process \"test\" has reached its limit of CPU time");
}

static void test_process_is_not_awaited(void **state)
{
	enum kind kind = LOOPS;
	char error[TUX_APART_TEXT];
	struct tux_apart apart;
	int status;

	(void)state;
	assert_true(tux_apart_start(&apart, "test", 0, work, &kind));
	assert_false(tux_apart_ended(&apart, &status, error, sizeof(error)));
	assert_int_equal(kill(apart.pid, SIGKILL), 0);
	assert_int_equal(tux_apart_await(&apart, error, sizeof(error)), TUX_APART_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result_and_sentence),
		cmocka_unit_test(test_limit_of_cpu_time),
		cmocka_unit_test(test_process_is_not_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
