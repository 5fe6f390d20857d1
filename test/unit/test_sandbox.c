/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sandbox from within: a child enters it and tries forbidden and required actions. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/backend/spawner_client.h"
#include "../../program/confine/sandbox.h"

enum { SKIPPED = 77 };

static char root[] = "/tmp/tux-test-sandbox-root-XXXXXX", logs[] = "/tmp/tux-test-sandbox-log-XXXXXX";
static int root_fd = -1;
static int spawner_fd[2]; /* opened before the sandbox, as by a program that starts others */

static int group_setup(void **state)
{
	int fd;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_non_null(mkdtemp(logs));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, spawner_fd), 0);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = openat(root_fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int group_teardown(void **state)
{
	char path[sizeof(logs) + 8];

	(void)state;
	unlinkat(root_fd, "file", 0);
	close(root_fd);
	snprintf(path, sizeof(path), "%s/log", logs);
	unlink(path);
	return rmdir(root) | rmdir(logs);
}

/* Runs check in a child inside the sandbox. check returns 0 on success, or the failing line. */
static struct tux_sandbox_sockets sockets; /* permitted to a child */

static int ring_try(void)
{
	struct io_uring_params params = { 0 };

	errno = 0;
	return (int)syscall(SYS_io_uring_setup, 1, &params);
}

/* A thread that exists before the filter, and reports the result of its attempt after it. */
static pthread_barrier_t filter_set;
static int ring_errno;

static void *early_run(void *arg)
{
	pthread_barrier_wait(&filter_set);
	ring_errno = ring_try() < 0 ? errno : 0;
	return arg;
}

static pthread_t early;

static void in_sandbox(int (*check)(void), const char *needs)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const char *const directories[] = { logs };
		const struct tux_sandbox sandbox = { &root_fd, 1, directories, 1, .body_directory_fd = -1 };
		char summary[128], error[256];

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    !tux_sandbox_files(&sandbox, summary, sizeof(summary), error, sizeof(error)))
			_exit(1);
		if (strncmp(summary, "no ", 3) == 0 && strcmp(needs, "landlock") == 0)
			_exit(SKIPPED);
		if (pthread_barrier_init(&filter_set, NULL, 2) != 0 || pthread_create(&early, NULL, early_run, NULL) != 0)
			_exit(1);
		if (!tux_sandbox_calls(&sockets, summary, sizeof(summary), error, sizeof(error)))
			_exit(1);
		if (strncmp(summary, "no ", 3) == 0 && strcmp(needs, "seccomp") == 0)
			_exit(SKIPPED);
		_exit(check() ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Reports a failure from the child. */
static int expect(bool true_is_well, const char *what)
{
	if (!true_is_well)
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return true_is_well ? 0 : 1;
}

static int check_files(void)
{
	char path[sizeof(logs) + 8];
	int faults = 0;

	snprintf(path, sizeof(path), "%s/log", logs);
	faults += expect(openat(root_fd, "file", O_RDONLY | O_CLOEXEC) >= 0, "reading a served file");
	faults += expect(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) >= 0, "making the log");
	faults += expect(openat(root_fd, "file", O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES, "no writing below the root");
	faults += expect(openat(root_fd, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644) < 0 && errno == EACCES, "no new file");
	faults += expect(unlinkat(root_fd, "file", 0) < 0 && errno == EACCES, "no removing");
	faults += expect(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES, "no reading elsewhere");
	faults += expect(open("/tmp/tux-test-other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES,
	                 "no writing elsewhere");
	faults += expect(open(path, O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES, "no reading of the log");
	return faults;
}

static void *thread_run(void *arg)
{
	return arg;
}

static int check_calls(void)
{
	void *memory;
	char name[] = "true", *const argv[] = { name, NULL };
	const struct rlimit limit = { 1, 1 };
	pthread_t thread;
	int faults = 0;

	faults += expect(pthread_create(&thread, NULL, thread_run, NULL) == 0 && pthread_join(thread, NULL) == 0, "threads");
	faults += expect(fork() < 0 && errno == EPERM, "no processes");
	faults += expect(execv("/bin/true", argv) < 0 && errno == EPERM, "no programs");
	faults += expect(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM, "no sockets");
	faults += expect(setrlimit(RLIMIT_CORE, &limit) < 0 && errno == EPERM, "no new limits");
	faults += expect(chmod("/tmp", 0) < 0 && errno == EPERM, "no modes");
	faults += expect(setuid(0) < 0 && errno == EPERM, "no other user");
	faults += expect(pthread_kill(pthread_self(), 0) == 0, "a signal to an own thread");
	faults += expect(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == EPERM, "no signal to another process");
	faults += expect(fcntl(root_fd, F_SETOWN, getppid()) < 0 && errno == EPERM, "no other owner of a descriptor");
	faults += expect(syscall(SYS_fcntl, root_fd, F_SETSIG | 1ul << 32, SIGKILL) < 0 && errno == EPERM, "no signal of a descriptor");
	faults += expect(fcntl(spawner_fd[0], F_GETFL) >= 0 && fcntl(spawner_fd[0], F_DUPFD_CLOEXEC, 0) >= 0, "other commands of fcntl()");
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	faults += expect(memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ) == 0, "memory");
	faults += expect(mprotect(memory, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EPERM, "no code of what was data");
	faults += expect(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EPERM,
	                 "no code that can be written");
	return faults;
}

/* All steps by which the engine starts a CGI program: pipes, passing their ends, a response. */
static int check_spawner(void)
{
	static const uint8_t path[] = "/x";
	const struct tux_spawn_result told = { .kind = TUX_SPAWN_STARTED, .id = 1, .pid = 2 };
	struct spawn_order order = { .path = path, .path_len = 2 };
	struct tux_spawn_result result;
	struct spawner spawner;
	uint64_t id = 0;
	int faults = 0, pair[2] = { -1, -1 }, i;

	faults += expect(spawner_open(&spawner, spawner_fd[0]), "opening the socket to the spawner");
	faults += expect(pipe2(pair, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe");
	for (i = 0; i < TUX_SPAWN_STREAMS; i++)
		order.fd[i] = pair[1];
	errno = spawner_start(&spawner, &order, &id);
	faults += expect(errno == 0 && id == 1, "passing descriptors");
	faults += expect(spawner_kill(&spawner, id), "an order");
	faults += expect(send(spawner_fd[1], &told, sizeof(told), 0) == (ssize_t)sizeof(told), "an answer");
	faults += expect(spawner_read(&spawner, &result) == SPAWNER_RESULT, "reading it");
	return faults;
}

/* io_uring would bypass the filter: no thread can create a ring or change an existing one. */
static int check_rings(void)
{
	int faults = 0;

	faults += expect(ring_try() < 0 && errno == EPERM, "no new ring");
	faults += expect(syscall(SYS_io_uring_register, root_fd, 0, NULL, 0) < 0 && errno == EPERM, "no registration");
	pthread_barrier_wait(&filter_set);
	pthread_join(early, NULL);
	errno = ring_errno;
	faults += expect(ring_errno == EPERM, "no new ring in a thread that was there before");
	return faults;
}

/* TCP upstream servers only: no Unix socket, which could reach services of this machine. */
static int check_tcp_only(void)
{
	int faults = 0;

	faults += expect(socket(AF_INET, SOCK_STREAM, 0) >= 0, "a TCP socket");
	faults += expect(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM, "no Unix socket");
	faults += expect(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM, "no UDP socket");
	return faults;
}

static int check_unix_only(void)
{
	int faults = 0;

	faults += expect(socket(AF_UNIX, SOCK_STREAM, 0) >= 0, "a Unix socket");
	faults += expect(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM, "no TCP socket");
	faults += expect(socket(AF_INET6, SOCK_STREAM, 0) < 0 && errno == EPERM, "no TCP socket over IPv6");
	return faults;
}

static void test_rings(void **state)
{
	(void)state;
	in_sandbox(check_rings, "seccomp");
}

static void test_sockets(void **state)
{
	(void)state;
	sockets = (struct tux_sandbox_sockets){ .tcp = true };
	in_sandbox(check_tcp_only, "seccomp");
	sockets = (struct tux_sandbox_sockets){ .unix_stream = true };
	in_sandbox(check_unix_only, "seccomp");
	sockets = (struct tux_sandbox_sockets){ false, false };
}

static void test_files(void **state)
{
	(void)state;
	in_sandbox(check_files, "landlock");
}

static void test_calls(void **state)
{
	(void)state;
	in_sandbox(check_calls, "seccomp");
}

static void test_spawner(void **state)
{
	(void)state;
	in_sandbox(check_spawner, "seccomp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_spawner),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
