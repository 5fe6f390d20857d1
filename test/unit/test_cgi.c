/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests the spawner and its programs from the side of an engine thread, with scripts in a private directory. Skips tests that need
 * root without it.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/backend/spawner_client.h"
#include "../../program/cgi/spawner.h"

enum { DEADLINE_MS = 20000, OUTPUT_MAX = 65536 };

static char root[] = "/tmp/tux-test-cgi-XXXXXX";
static struct tux_spawner process;
static struct spawner thread; /* the engine's side, for the only thread */
static char error[512];

/* A program's input and result. */
struct run {
	uint64_t id;
	int in, out, err; /* the test's ends; -1 = closed */
	char output[OUTPUT_MAX];
	size_t len;
	struct tux_spawn_result result;
	pid_t pid;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void script_write(const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static struct tux_user this_user(void)
{
	return (struct tux_user){ .name = "us", .uid = geteuid(), .gid = getegid() };
}

/* Returns the rule for scripts of the test's directory. */
static struct tux_cgi scripts_of(void)
{
	return (struct tux_cgi){ .name = "scripts", .root = root, .programs = 8, .waiting = 8, .time_ms = DEADLINE_MS };
}

static void start_as(const struct tux_cgi *cgi, unsigned count, unsigned programs, const struct tux_user *user)
{
	if (!tux_spawner_start(&process, cgi, count, programs, 1, user, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(spawner_open(&thread, process.fd[0]));
}

static void start(const struct tux_cgi *cgi, unsigned count, unsigned programs)
{
	const struct tux_user user = this_user();

	start_as(cgi, count, programs, &user);
}

static int started_error(struct run *run, unsigned rule, const char *path, unsigned prefix_len, const char *environment, size_t len)
{
	int in[2], out[2], err[2], result;
	struct spawn_order order = { .rule = rule, .path = (const uint8_t *)path, .path_len = (uint32_t)strlen(path), .prefix_len = prefix_len,
		.environment = (const uint8_t *)environment, .environment_len = (uint32_t)len };

	memset(run, 0, sizeof(*run));
	assert_true(pipe2(in, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(out, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(err, O_CLOEXEC | O_NONBLOCK) == 0);
	order.fd[0] = in[0];
	order.fd[1] = out[1];
	order.fd[2] = err[1];
	result = spawner_start(&thread, &order, &run->id);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	run->in = in[1];
	run->out = out[0];
	run->err = err[0];
	return result;
}

static void started(struct run *run, unsigned rule, const char *path)
{
	assert_int_equal(started_error(run, rule, path, 1, "", 0), 0);
}

static void closed(struct run *run)
{
	if (run->in >= 0)
		close(run->in);
	close(run->out);
	close(run->err);
	run->in = run->out = run->err = -1;
}

/* Reads available output. Returns false at the end. */
static bool output_read(struct run *run)
{
	ssize_t len;

	while ((len = read(run->out, run->output + run->len, OUTPUT_MAX - 1 - run->len)) > 0)
		run->len += (size_t)len;
	run->output[run->len] = '\0';
	return len != 0;
}

/* Returns the next result for one of the count runs, before the deadline. Reads their output meanwhile. */
static struct run *result_await(struct run *const *runs, unsigned count)
{
	const uint64_t until = now_ms() + DEADLINE_MS;
	struct tux_spawn_result result;

	while (now_ms() < until) {
		struct pollfd waits = { .fd = thread.source.fd, .events = POLLIN };
		enum spawner_news news;

		for (unsigned i = 0; i < count; i++)
			if (runs[i]->out >= 0)
				output_read(runs[i]);
		poll(&waits, 1, 10);
		news = spawner_read(&thread, &result);
		assert_int_not_equal(news, SPAWNER_GONE);
		for (unsigned i = 0; news == SPAWNER_RESULT && i < count; i++)
			if (runs[i]->id == result.id) {
				runs[i]->result = result;
				return runs[i];
			}
		assert_int_not_equal(news, SPAWNER_RESULT);
	}
	fail_msg("no result within %d ms", DEADLINE_MS);
	return NULL;
}

/* Waits until the run has ended or failed, and reads the rest of its output. */
static void ended(struct run *run)
{
	const uint64_t until = now_ms() + DEADLINE_MS;

	for (;;) {
		result_await(&run, 1);
		if (run->result.kind != TUX_SPAWN_STARTED)
			break;
		run->pid = run->result.pid;
	}
	while (output_read(run) && now_ms() < until)
		poll(NULL, 0, 1);
	assert_true(now_ms() < until);
}

static void ran(struct run *run, unsigned rule, const char *path)
{
	started(run, rule, path);
	ended(run);
	closed(run);
}

static bool exists(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

static bool gone_soon(pid_t pid)
{
	const uint64_t until = now_ms() + DEADLINE_MS;

	while (exists(pid) && now_ms() < until)
		poll(NULL, 0, 2);
	return !exists(pid);
}

/* Waits until the run has written a line, and reads the number in it. */
static pid_t pid_read(struct run *run)
{
	const uint64_t until = now_ms() + DEADLINE_MS;

	while (!strchr(run->output, '\n') && output_read(run) && now_ms() < until)
		poll(NULL, 0, 1);
	return (pid_t)strtol(run->output, NULL, 10);
}

static int stop(void **state)
{
	(void)state;
	tux_spawner_stop(&process);
	return 0;
}

static int group_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(chmod(root, 0755), 0);
	script_write("hello", "#!/bin/sh\necho hello; echo well >&2; cat\nexit 3\n", 0755);
	script_write("env", "#!/bin/sh\ntr '\\0' '\\n' </proc/$$/environ\n", 0755);
	script_write("place", "#!/bin/sh\npwd; umask; echo $0\n", 0755);
	script_write("limits", "#!/bin/sh\nulimit -c; ulimit -t; ulimit -d; ulimit -f; ulimit -n; nice; "
	             "exec grep -E '^(NoNewPrivs|SigBlk|SigIgn|Cap...|Uid|Groups)' /proc/self/status\n", 0755);
	script_write("sleep", "#!/bin/sh\necho $$\nsleep 1000\n", 0755);
	script_write("alone", "#!/bin/sh\necho $$\nexec sleep 1000\n", 0755);
	script_write("stubborn", "#!/bin/sh\ntrap '' TERM\nsh -c 'echo $$; while :; do sleep 1000; done'\n", 0755);
	script_write("leaves", "#!/bin/sh\nsleep 1000 &\necho $!\n", 0755);
	script_write("daemon", "#!/bin/sh\nsetsid sh -c 'echo $$; exec sleep 1000' &\nsleep 0.2\n", 0755);
	script_write("burn", "#!/bin/sh\nwhile :; do :; done\n", 0755);
	script_write("eat", "#!/bin/sh\nx=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nwhile :; do x=$x$x; done\n", 0755);
	script_write("write", "#!/bin/sh\nexec head -c 100000 /dev/zero >$FILE\n", 0755);
	script_write("true", "#!/bin/sh\nexit 0\n", 0755);
	script_write("plain", "no program\n", 0644);
	script_write("open", "#!/bin/sh\n", 0757);
	script_write("lost", "#!/no/such/interpreter\n", 0755);
	script_write(".hidden", "#!/bin/sh\necho hidden\n", 0755);
	assert_int_equal(mkdirat(AT_FDCWD, strcat(strcpy(error, root), "/sub"), 0755), 0);
	script_write("sub/inner", "#!/bin/sh\npwd\n", 0755);
	assert_int_equal(symlink("/bin/true", strcat(strcpy(error, root), "/out")), 0);
	assert_int_equal(symlink("hello", strcat(strcpy(error, root), "/inside")), 0);
	return 0;
}

static int group_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void test_a_program_runs(void **state)
{
	const struct tux_cgi cgi = scripts_of();
	struct run run;
	char err[64];
	ssize_t len;

	(void)state;
	start(&cgi, 1, 8);
	started(&run, 0, "/hello");
	assert_int_equal(write(run.in, "body", 4), 4);
	close(run.in);
	run.in = -1;
	ended(&run);
	len = read(run.err, err, sizeof(err));
	closed(&run);
	assert_string_equal(run.output, "hello\nbody");
	assert_true(len == 5 && memcmp(err, "well\n", 5) == 0);
	assert_int_equal(run.result.kind, TUX_SPAWN_ENDED);
	assert_int_equal(run.result.end, TUX_SPAWN_BY_ITSELF);
	assert_true(WIFEXITED(run.result.status) && WEXITSTATUS(run.result.status) == 3);
	assert_true(run.pid > 0 && run.result.pid == run.pid && run.result.max_rss_bytes > 100000);
}

static void test_environment_is_exact(void **state)
{
	static const char *const own[] = { "MINE=1 2", "SERVER_NAME=ours", NULL }, *const pass[] = { "TUX_TEST_PASSED", "TUX_TEST_NONE", NULL };
	static const char brought[] = "REQUEST_METHOD=GET\0SERVER_NAME=theirs\0SCRIPT_NAME=/false\0PATH_INFO=/false\0DOCUMENT_ROOT=/srv";
	struct tux_cgi cgi = scripts_of();
	char expected[1024];
	struct run run;

	(void)state;
	setenv("TUX_TEST_PASSED", "through", 1);
	setenv("TUX_TEST_KEPT", "back", 1);
	cgi.environment = own;
	cgi.pass = pass;
	start(&cgi, 1, 8);
	assert_int_equal(started_error(&run, 0, "/cgi-bin/env/a b/c", 9, brought, sizeof(brought)), 0);
	ended(&run);
	closed(&run);
	snprintf(expected, sizeof(expected), "MINE=1 2\nSERVER_NAME=ours\nTUX_TEST_PASSED=through\nPATH=/usr/local/bin:/usr/bin:/bin\n"
	         "REQUEST_METHOD=GET\nDOCUMENT_ROOT=/srv\nSCRIPT_NAME=/cgi-bin/env\nSCRIPT_FILENAME=%s/env\nPATH_INFO=/a b/c\n"
	         "PATH_TRANSLATED=/srv/a b/c\n", root);
	assert_string_equal(run.output, expected);
}

static void test_a_large_environment(void **state)
{
	static char large[100 * 1024];
	const struct tux_cgi cgi = scripts_of();
	struct run run;

	(void)state;
	memset(large, 'x', sizeof(large));
	for (size_t at = 0; at < sizeof(large); at += 1024) {
		memcpy(large + at, "HTTP_X=", 7);
		large[at + 1023] = '\0';
	}
	start(&cgi, 1, 8);
	assert_int_equal(started_error(&run, 0, "/env", 1, large, sizeof(large)), 0);
	while (run.result.kind != TUX_SPAWN_ENDED) {
		struct run *one = &run;

		result_await(&one, 1);
		if (run.len > OUTPUT_MAX / 2)
			run.len = 1; /* only its presence matters */
	}
	closed(&run);
	assert_true(run.len > 0 && WIFEXITED(run.result.status) && WEXITSTATUS(run.result.status) == 0);
}

static void test_descriptors_and_place(void **state)
{
	static const char *const list[] = { "/bin/ls", "/proc/self/fd", NULL };
	const struct tux_cgi cgi[] = { scripts_of(), { .name = "list", .program = list, .programs = 1, .waiting = 1 } };
	char expected[256];
	struct run run;

	(void)state;
	assert_true(dup(0) > 2 && fcntl(0, F_DUPFD, 500) >= 500); /* not inherited by programs */
	start(cgi, 2, 8);
	ran(&run, 1, "/");
	assert_string_equal(run.output, "0\n1\n2\n3\n"); /* 3 is the directory that it reads */
	ran(&run, 0, "/place");
	snprintf(expected, sizeof(expected), "%s\n0022\n%s/place\n", root, root);
	assert_string_equal(run.output, expected);
	ran(&run, 0, "/sub/inner");
	snprintf(expected, sizeof(expected), "%s/sub\n", root);
	assert_string_equal(run.output, expected);
}

static void test_limits_are_set(void **state)
{
	struct tux_cgi cgi = scripts_of();
	char expected[64];
	struct run run;

	(void)state;
	snprintf(expected, sizeof(expected), "0\n7\n307200\n2048\n50\n%d\n", getpriority(PRIO_PROCESS, 0) < 16 ? getpriority(PRIO_PROCESS, 0) + 3 : 19);
	cgi.cpu_s = 7;
	cgi.memory_bytes = 300 << 20;
	cgi.file_bytes = 1 << 20;
	cgi.files = 50;
	cgi.nice = 3;
	signal(SIGUSR1, SIG_IGN); /* not inherited by programs */
	start(&cgi, 1, 8);
	signal(SIGUSR1, SIG_DFL);
	ran(&run, 0, "/limits");
	assert_true(strncmp(run.output, expected, strlen(expected)) == 0);
	assert_non_null(strstr(run.output, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(run.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
	assert_non_null(strstr(run.output, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"));
}

/* The script of a path, and its PATH_INFO (RFC 3875 4.1.5). */
static void test_scripts_and_paths(void **state)
{
	static const struct { const char *path; unsigned prefix_len; uint32_t step; int error; unsigned status; } bad[] = {
		{ "/none", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 }, { "/sub", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 },
		{ "/sub/", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 }, { "/", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 },
		{ "/.hidden", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 }, { "/../hello", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 },
		{ "/sub/../hello", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 }, { "//hello", 1, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 },
		{ "/cgihello", 4, TUX_SPAWN_AT_SCRIPT, ENOENT, 404 }, { "/out", 1, TUX_SPAWN_AT_SCRIPT, EXDEV, 403 },
		{ "/open", 1, TUX_SPAWN_AT_SCRIPT, EPERM, 403 }, { "/plain", 1, TUX_SPAWN_AT_EXEC, EACCES, 403 },
		{ "/lost", 1, TUX_SPAWN_AT_EXEC, ENOENT, 500 },
	};
	static const struct { const char *path; unsigned prefix_len; const char *info, *name; } good[] = {
		{ "/env", 1, "\nPATH_INFO=\n", "\nSCRIPT_NAME=/env\n" }, { "/env/", 1, "\nPATH_INFO=/\n", "\nSCRIPT_NAME=/env\n" },
		{ "/a/env/x", 3, "\nPATH_INFO=/x\n", "\nSCRIPT_NAME=/a/env\n" }, { "/a/env/x", 2, "\nPATH_INFO=/x\n", "\nSCRIPT_NAME=/a/env\n" },
		{ "/env/../x", 1, "\nPATH_INFO=/../x\n", "\nSCRIPT_NAME=/env\n" },
	};
	const struct tux_cgi cgi = scripts_of();
	struct run run;

	(void)state;
	start(&cgi, 1, 8);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(started_error(&run, 0, bad[i].path, bad[i].prefix_len, "", 0), 0);
		ended(&run);
		closed(&run);
		if (run.result.kind != TUX_SPAWN_FAILED || run.result.step != bad[i].step || run.result.error != bad[i].error)
			fail_msg("%s: kind %u step %u %s", bad[i].path, run.result.kind, run.result.step, strerror(run.result.error));
		assert_int_equal(tux_spawn_failure_status(&run.result), bad[i].status);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(started_error(&run, 0, good[i].path, good[i].prefix_len, "", 0), 0);
		ended(&run);
		closed(&run);
		if (!strstr(run.output, good[i].info) || !strstr(run.output, good[i].name))
			fail_msg("%s: %s", good[i].path, run.output);
	}
	started(&run, 0, "/inside");
	close(run.in);
	run.in = -1;
	ended(&run);
	closed(&run);
	assert_string_equal(run.output, "hello\n");
}

/* One program for all paths, and an interpreter for scripts. */
static void test_program_and_interpreter(void **state)
{
	static const char *const echo[] = { "/bin/sh", "-c", "echo $SCRIPT_NAME $PATH_INFO $SCRIPT_FILENAME; pwd; echo $0 $#", "one", "two", NULL };
	static const char *const cat[] = { "/bin/cat", NULL };
	const struct tux_cgi cgi[] = {
		{ .name = "echo", .program = echo, .programs = 1, .waiting = 1 },
		{ .name = "cat", .program = cat, .root = root, .programs = 1, .waiting = 1 },
	};
	struct run run;

	(void)state;
	start(cgi, 2, 8);
	assert_int_equal(started_error(&run, 0, "/git/x/y", 5, "", 0), 0);
	ended(&run);
	closed(&run);
	assert_true(strncmp(run.output, "/git /x/y /bin/sh\n", 18) == 0);
	assert_non_null(strstr(run.output, "\none 1\n"));
	ran(&run, 1, "/plain/more");
	assert_string_equal(run.output, "no program\n");
}

static void test_forbidden_starts(void **state)
{
	const struct tux_cgi cgi = scripts_of();
	struct run run;

	(void)state;
	start(&cgi, 1, 8);
	assert_int_equal(started_error(&run, 0, "/true", 1, "LD_PRELOAD=/tmp/x", 18), 0);
	ended(&run);
	closed(&run);
	assert_true(run.result.kind == TUX_SPAWN_FAILED && run.result.step == TUX_SPAWN_AT_MESSAGE);
	ran(&run, 1, "/true");
	assert_true(run.result.kind == TUX_SPAWN_FAILED && run.result.step == TUX_SPAWN_AT_MESSAGE);
	ran(&run, 0, "/true");
	assert_int_equal(run.result.kind, TUX_SPAWN_ENDED);
	/* An invalid message closes the link. */
	assert_int_equal(send(thread.source.fd, "nonsense", 8, 0), 8);
	assert_true(gone_soon(process.pid) || waitpid(process.pid, NULL, WNOHANG) == process.pid);
}

static void test_kill_takes_the_group(void **state)
{
	const struct tux_cgi cgi = scripts_of();
	struct run run, stubborn;
	uint64_t since;
	pid_t child;

	(void)state;
	start(&cgi, 1, 8);
	started(&run, 0, "/sleep");
	assert_true(pid_read(&run) > 0);
	assert_true(spawner_kill(&thread, run.id));
	ended(&run);
	closed(&run);
	assert_int_equal(run.result.end, TUX_SPAWN_BY_KILL);
	assert_true(WIFSIGNALED(run.result.status) && WTERMSIG(run.result.status) == SIGTERM);
	/* A program that ignores signals, and its child. */
	started(&stubborn, 0, "/stubborn");
	child = pid_read(&stubborn);
	assert_true(child > 0 && exists(child));
	since = now_ms();
	assert_true(spawner_kill(&thread, stubborn.id));
	ended(&stubborn);
	closed(&stubborn);
	assert_true(now_ms() - since >= 1500);
	assert_int_equal(WTERMSIG(stubborn.result.status), SIGKILL);
	assert_true(gone_soon(child));
}

static void test_descendants_are_killed(void **state)
{
	const struct tux_cgi cgi = scripts_of();
	struct run run;
	pid_t child;

	(void)state;
	start(&cgi, 1, 8);
	ran(&run, 0, "/leaves");
	child = pid_read(&run);
	assert_int_equal(run.result.end, TUX_SPAWN_BY_ITSELF);
	assert_true(child > 0 && gone_soon(child));
}

/* Every end of the server kills all programs, also those in another session. */
static void test_the_sockets_close(void **state)
{
	const struct tux_cgi cgi = scripts_of();
	struct run sleeping, stubborn, daemonic;
	pid_t pid[3], spawner;

	(void)state;
	start(&cgi, 1, 8);
	spawner = process.pid;
	started(&sleeping, 0, "/sleep");
	started(&stubborn, 0, "/stubborn");
	started(&daemonic, 0, "/daemon");
	pid[0] = pid_read(&sleeping);
	pid[1] = pid_read(&stubborn);
	pid[2] = pid_read(&daemonic);
	for (unsigned i = 0; i < 3; i++)
		assert_true(pid[i] > 0 && exists(pid[i]));
	tux_spawner_stop(&process);
	assert_false(exists(spawner));
	for (unsigned i = 0; i < 3; i++)
		assert_false(exists(pid[i]));
	closed(&sleeping);
	closed(&stubborn);
	closed(&daemonic);
}

/* Programs then end too. Their own descendants are unknown to any process. */
static void test_the_spawner_is_killed(void **state)
{
	const struct tux_cgi cgi = scripts_of();
	struct tux_spawn_result result;
	struct run run;
	struct run *one = &run;
	pid_t pid;

	(void)state;
	start(&cgi, 1, 8);
	started(&run, 0, "/alone");
	pid = pid_read(&run);
	assert_true(exists(pid));
	result_await(&one, 1);
	assert_int_equal(run.result.kind, TUX_SPAWN_STARTED);
	assert_int_equal(kill(process.pid, SIGKILL), 0);
	assert_int_equal(waitpid(process.pid, NULL, 0), process.pid);
	assert_true(gone_soon(pid));
	assert_int_equal(spawner_read(&thread, &result), SPAWNER_GONE);
	closed(&run);
}

/* After its time limit the engine grants more_ms more, times times; then nothing, or it does not respond. */
static void time_ends(struct tux_cgi cgi, uint32_t more_ms, unsigned times, bool answers, uint64_t expected_ms)
{
	struct run run, *one = &run;
	uint64_t since;

	start(&cgi, 1, 8);
	since = now_ms();
	started(&run, 0, "/sleep");
	do {
		result_await(&one, 1);
		if (run.result.kind == TUX_SPAWN_DUE && (times > 0 || answers))
			assert_true(spawner_time(&thread, run.id, times > 0 ? more_ms : 0));
		times -= run.result.kind == TUX_SPAWN_DUE && times > 0;
	} while (run.result.kind == TUX_SPAWN_STARTED || run.result.kind == TUX_SPAWN_DUE);
	closed(&run);
	assert_true(now_ms() - since >= expected_ms);
	assert_int_equal(run.result.kind, TUX_SPAWN_ENDED);
	assert_int_equal(run.result.end, TUX_SPAWN_BY_TIME);
	assert_int_equal(WTERMSIG(run.result.status), SIGTERM);
}

static void test_time_limit(void **state)
{
	struct tux_cgi cgi = scripts_of();

	(void)state;
	cgi.time_ms = 300;
	time_ends(cgi, 0, 0, true, 300);
}

static void test_time_limit_is_extended(void **state)
{
	struct tux_cgi cgi = scripts_of();

	(void)state;
	cgi.time_ms = 200;
	time_ends(cgi, 150, 2, true, 500);
}

static void test_total_time_limit(void **state)
{
	struct tux_cgi cgi = scripts_of();

	(void)state;
	cgi.time_ms = 200;
	cgi.total_ms = 500;
	time_ends(cgi, 100000, 1, true, 500);
}

static void test_unanswered_due_ends_the_program(void **state)
{
	struct tux_cgi cgi = scripts_of();

	(void)state;
	cgi.time_ms = 200;
	cgi.total_ms = 500;
	time_ends(cgi, 0, 0, false, 500);
}

static void test_limits_are_hit(void **state)
{
	static const char *own[2] = { NULL, NULL };
	struct tux_cgi cgi = scripts_of();
	struct run run;
	char file[128];

	(void)state;
	snprintf(file, sizeof(file), "FILE=%s/written", root);
	own[0] = file;
	cgi.environment = own;
	cgi.cpu_s = 1;
	cgi.memory_bytes = 64 << 20;
	cgi.file_bytes = 4096;
	cgi.time_ms = 100000; /* a second of CPU time may take long */
	start(&cgi, 1, 8);
	ran(&run, 0, "/burn");
	assert_true(WIFSIGNALED(run.result.status) && WTERMSIG(run.result.status) == SIGXCPU);
	assert_true(run.result.cpu_us > 0); /* the kernel checks the limit in ticks, whose number varies on a busy machine */
	ran(&run, 0, "/eat");
	assert_true(!WIFEXITED(run.result.status) || WEXITSTATUS(run.result.status) != 0);
	assert_true(run.result.max_rss_bytes < 100 << 20);
	ran(&run, 0, "/write");
	assert_true(WIFSIGNALED(run.result.status) && WTERMSIG(run.result.status) == SIGXFSZ);
}

/* Two run, two wait, the next is refused. Waiting programs start in turn or are cancelled. */
static void test_program_limits(void **state)
{
	struct tux_cgi cgi = scripts_of();
	static struct run run[5];
	struct run *all[5] = { &run[0], &run[1], &run[2], &run[3], &run[4] };

	(void)state;
	cgi.programs = 2;
	cgi.waiting = 2;
	start(&cgi, 1, 8);
	for (unsigned i = 0; i < 5; i++)
		started(&run[i], 0, "/sleep");
	for (unsigned i = 0; i < 3; i++) /* two start, one fails */
		result_await(all, 5);
	assert_int_equal(run[0].result.kind, TUX_SPAWN_STARTED);
	assert_int_equal(run[1].result.kind, TUX_SPAWN_STARTED);
	assert_true(run[4].result.kind == TUX_SPAWN_FAILED && run[4].result.step == TUX_SPAWN_AT_LIMIT);
	assert_int_equal(tux_spawn_failure_status(&run[4].result), 503);
	assert_true(spawner_kill(&thread, run[2].id));
	assert_ptr_equal(result_await(all, 5), &run[2]);
	assert_int_equal(run[2].result.step, TUX_SPAWN_AT_KILL);
	assert_true(spawner_kill(&thread, run[0].id));
	assert_ptr_equal(result_await(all, 5), &run[0]);
	assert_int_equal(run[0].result.kind, TUX_SPAWN_ENDED);
	assert_ptr_equal(result_await(all, 5), &run[3]);
	assert_int_equal(run[3].result.kind, TUX_SPAWN_STARTED);
	for (unsigned i = 0; i < 5; i++)
		closed(&run[i]);
}

static void test_count_in_all(void **state)
{
	const struct tux_cgi cgi[] = { scripts_of(), scripts_of() };
	static struct run run[3];
	struct run *all[3] = { &run[0], &run[1], &run[2] };

	(void)state;
	start(cgi, 2, 2);
	started(&run[0], 0, "/sleep");
	started(&run[1], 1, "/sleep");
	started(&run[2], 1, "/true");
	result_await(all, 3);
	result_await(all, 3);
	poll(NULL, 0, 100);
	assert_int_equal(run[2].result.kind, 0);
	assert_true(spawner_kill(&thread, run[0].id));
	result_await(all, 3);
	assert_ptr_equal(result_await(all, 3), &run[2]);
	for (unsigned i = 0; i < 3; i++)
		closed(&run[i]);
}

/* A thread that reads no results: no result is lost, and the spawner does not block. */
static void test_results_are_kept(void **state)
{
	enum { RUNS = 200 };
	struct tux_cgi cgi = scripts_of();
	static struct run run[RUNS];
	unsigned ends = 0, sent = 0;
	const uint64_t until = now_ms() + 2 * DEADLINE_MS;
	int small = 4096;

	(void)state;
	cgi.programs = 4;
	cgi.waiting = RUNS;
	start(&cgi, 1, 8);
	assert_int_equal(setsockopt(thread.source.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (; sent < RUNS; sent++) {
		started(&run[sent], 0, sent % 2 ? "/none" : "/true");
		closed(&run[sent]);
	}
	poll(NULL, 0, 500);
	while (ends < RUNS && now_ms() < until) {
		struct tux_spawn_result result;

		switch (spawner_read(&thread, &result)) {
		case SPAWNER_NOTHING:
			poll(NULL, 0, 1);
			break;
		case SPAWNER_RESULT:
			ends += result.kind != TUX_SPAWN_STARTED;
			break;
		case SPAWNER_GONE:
			fail();
		}
	}
	assert_int_equal(ends, RUNS);
}

/* As root: the server and the rule have different unprivileged users, and neither can become root again. */
static void test_users(void **state)
{
	static const char *const id[] = { "/bin/sh", "-c", "id -u; id -G; grep -E '^(CapPrm|CapBnd)' /proc/self/status; sleep 0.2", NULL };
	struct tux_cgi cgi[] = {
		{ .name = "theirs", .program = id, .user = "nobody", .programs = 1, .waiting = 4, .time_ms = DEADLINE_MS, .processes = 100 },
		{ .name = "ours", .program = id, .programs = 1, .waiting = 4, .time_ms = DEADLINE_MS },
	};
	const struct passwd *entry;
	struct tux_user server;
	unsigned nobody;
	char note[128], expected[64], status[4096] = "", path[64];
	struct run run;
	FILE *file;

	(void)state;
	if (geteuid() != 0)
		skip();
	entry = getpwnam("nobody");
	assert_non_null(entry);
	nobody = entry->pw_uid;
	assert_true(tux_privileges_user(NULL, &server, note, sizeof(note), error, sizeof(error)));
	assert_true(server.change && server.uid != 0 && server.uid != nobody);
	start_as(cgi, 2, 4, &server);
	snprintf(path, sizeof(path), "/proc/%d/status", process.pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fread(status, 1, sizeof(status) - 1, file) > 0);
	fclose(file);
	snprintf(expected, sizeof(expected), "Uid:\t%u\t%u\t%u\t%u\n", server.uid, server.uid, server.uid, server.uid);
	assert_non_null(strstr(status, expected));
	/* CAP_KILL, CAP_SETGID, CAP_SETUID */
	assert_non_null(strstr(status, "CapPrm:\t00000000000000e0\nCapEff:\t00000000000000e0\nCapBnd:\t0000000000000000\n"));
	ran(&run, 0, "/");
	snprintf(expected, sizeof(expected), "%u\n%u\n", nobody, entry->pw_gid);
	assert_true(strncmp(run.output, expected, strlen(expected)) == 0);
	assert_non_null(strstr(run.output, "CapPrm:\t0000000000000000\n"));
	ran(&run, 1, "/");
	snprintf(expected, sizeof(expected), "%u\n", server.uid);
	assert_true(strncmp(run.output, expected, strlen(expected)) == 0);
	assert_non_null(strstr(run.output, "CapPrm:\t0000000000000000\n"));
	/* It can kill a program of another user. */
	started(&run, 0, "/");
	assert_true(pid_read(&run) == (pid_t)nobody);
	assert_true(spawner_kill(&thread, run.id));
	ended(&run);
	closed(&run);
	assert_true(WIFSIGNALED(run.result.status) && WTERMSIG(run.result.status) == SIGTERM);
}

static void test_chroot(void **state)
{
	static const char *const program[] = { "/here", NULL };
	struct tux_cgi cgi = { .name = "jailed", .program = program, .chroot = root, .programs = 1, .waiting = 1 };
	struct run run;

	(void)state;
	if (geteuid() != 0) {
		const struct tux_user user = this_user();

		assert_false(tux_spawner_start(&process, &cgi, 1, 4, 1, &user, error, sizeof(error)));
		assert_non_null(strstr(error, "only root"));
		skip();
	}
	script_write("here", "#!/bin/sh\n", 0755);
	start(&cgi, 1, 4);
	ran(&run, 0, "/");
	/* The script was found, but its interpreter is outside the root directory. */
	assert_true(run.result.kind == TUX_SPAWN_FAILED && run.result.step == TUX_SPAWN_AT_EXEC && run.result.error == ENOENT);
}

static void test_errors_at_the_start(void **state)
{
	static const char *const relative[] = { "bin/true", NULL };
	const struct tux_user user = this_user();
	const struct { struct tux_cgi cgi; const char *words; } cases[] = {
		{ { .name = "a", .root = root, .user = "tux-no-such-user", .programs = 1 }, "cgi a: there is no user \"tux-no-such-user\"" },
		{ { .name = "b", .program = relative, .programs = 1 }, "cgi b: program \"bin/true\"" },
		{ { .name = "c", .root = "scripts", .programs = 1 }, "cgi c: it needs a root" },
		{ { .name = "d", .programs = 1 }, "cgi d: it needs a root" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(tux_spawner_start(&process, &cases[i].cgi, 1, 4, 1, &user, error, sizeof(error)));
		if (!strstr(error, cases[i].words))
			fail_msg("%s", error);
	}
}

/*
 * Prints the cost of a start without asserting it: from the request to the result of an empty program. TUX_TEST_STARTS=1000 sets
 * the number.
 */
static void test_cost_of_a_start(void **state)
{
	static const char *const nothing[] = { "/bin/true", NULL };
	const struct tux_cgi cgi = { .name = "true", .program = nothing, .programs = 4, .waiting = 4 };
	const char *const wish = getenv("TUX_TEST_STARTS");
	const int starts = wish ? atoi(wish) : 50;
	struct timespec from, to;
	static struct run run;

	(void)state;
	start(&cgi, 1, 4);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < starts; i++) {
		started(&run, 0, "/");
		while (spawner_read(&thread, &run.result) != SPAWNER_RESULT || run.result.kind == TUX_SPAWN_STARTED) {
			struct pollfd waits = { .fd = thread.source.fd, .events = POLLIN };

			poll(&waits, 1, DEADLINE_MS);
		}
		closed(&run);
		assert_int_equal(run.result.status, 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_message("%d starts of /bin/true, one by one: %.0f us each\n", starts,
	              ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / starts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_program_runs, stop),
		cmocka_unit_test_teardown(test_environment_is_exact, stop),
		cmocka_unit_test_teardown(test_a_large_environment, stop),
		cmocka_unit_test_teardown(test_descriptors_and_place, stop),
		cmocka_unit_test_teardown(test_limits_are_set, stop),
		cmocka_unit_test_teardown(test_scripts_and_paths, stop),
		cmocka_unit_test_teardown(test_program_and_interpreter, stop),
		cmocka_unit_test_teardown(test_forbidden_starts, stop),
		cmocka_unit_test_teardown(test_kill_takes_the_group, stop),
		cmocka_unit_test_teardown(test_descendants_are_killed, stop),
		cmocka_unit_test_teardown(test_the_sockets_close, stop),
		cmocka_unit_test_teardown(test_the_spawner_is_killed, stop),
		cmocka_unit_test_teardown(test_time_limit, stop),
		cmocka_unit_test_teardown(test_time_limit_is_extended, stop),
		cmocka_unit_test_teardown(test_total_time_limit, stop),
		cmocka_unit_test_teardown(test_unanswered_due_ends_the_program, stop),
		cmocka_unit_test_teardown(test_limits_are_hit, stop),
		cmocka_unit_test_teardown(test_program_limits, stop),
		cmocka_unit_test_teardown(test_count_in_all, stop),
		cmocka_unit_test_teardown(test_results_are_kept, stop),
		cmocka_unit_test_teardown(test_users, stop),
		cmocka_unit_test_teardown(test_chroot, stop),
		cmocka_unit_test_teardown(test_errors_at_the_start, stop),
		cmocka_unit_test_teardown(test_cost_of_a_start, stop),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
