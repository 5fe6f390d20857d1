/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of session tickets: the newest one encrypts, three decrypt, and child processes see the keys of their parent. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/tls/tickets.h"

static void test_three_keys_decrypt_and_the_newest_encrypts(void **state)
{
	int fd = -1;
	struct tls_tickets *tickets = tux_tls_tickets_new(&fd);
	struct tls_ticket_key key[TUX_TLS_TICKET_KEYS + 1], found;
	bool newest;

	(void)state;
	assert_non_null(tickets);
	for (unsigned i = 0; i <= TUX_TLS_TICKET_KEYS; i++) {
		tls_tickets_newest(tickets, &key[i]);
		for (unsigned k = 0; k <= i; k++) {
			const bool lives = i - k < TUX_TLS_TICKET_KEYS;

			assert_int_equal(tls_tickets_find(tickets, key[k].name, &found, &newest), lives);
			assert_int_equal(newest, k == i);
			if (lives)
				assert_memory_equal(&found, &key[k], sizeof(found));
			if (k < i)
				assert_memory_not_equal(&key[k], &key[i], sizeof(found));
		}
		assert_true(tux_tls_tickets_rotate(tickets));
	}
}

static void test_unused_key_is_not_found(void **state)
{
	int fd = -1;
	struct tls_tickets *tickets = tux_tls_tickets_new(&fd);
	const uint8_t zeros[16] = { 0 };
	struct tls_ticket_key found;
	bool newest;

	(void)state;
	assert_non_null(tickets);
	assert_false(tls_tickets_find(tickets, zeros, &found, &newest));
}

/* Returns the exit status of a child that looks for a key, and then writes to the keys if asked to. */
static int child(struct tls_tickets *tickets, int fd, const struct tls_ticket_key *key, int go_fd, bool write_keys)
{
	const pid_t pid = fork();
	struct tls_ticket_key found;
	bool newest;
	char octet;
	int status;

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* cmocka's own would report a failure */
		if (!tux_tls_tickets_confine(tickets, fd) || read(go_fd, &octet, 1) != 1 || !tls_tickets_find(tickets, key->name, &found, &newest))
			_exit(1);
		if (write_keys)
			tux_tls_tickets_rotate(tickets);
		_exit(newest ? 2 : 3);
	}
	tux_tls_tickets_rotate(tickets);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void test_server_process_reads_keys_that_the_supervisor_makes(void **state)
{
	int fd = -1;
	struct tls_tickets *tickets = tux_tls_tickets_new(&fd);
	struct tls_ticket_key key;
	int fds[2], status;

	(void)state;
	assert_non_null(tickets);
	assert_true(tux_tls_tickets_share(tickets, true));
	assert_int_equal(pipe(fds), 0);
	tls_tickets_newest(tickets, &key);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(fds[1], "x", 1), 1);
		status = child(tickets, fd, &key, fds[0], i == 1);
		if (i == 0)
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) >= 2);
		else
			assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 1)); /* a sanitizer exits */
	}
}

/* A server process that was broken into tries to write all the same. */
static void test_server_process_gets_no_writable_mapping(void **state)
{
	int fd = -1, status;
	struct tls_tickets *tickets = tux_tls_tickets_new(&fd);
	pid_t pid;

	(void)state;
	assert_non_null(tickets);
	assert_true(tux_tls_tickets_share(tickets, true));
	pid = fork();
	if (pid == 0) {
		const int copy = dup(fd);

		_exit(!tux_tls_tickets_confine(tickets, fd) || fcntl(fd, F_GETFD) >= 0 ||
		      mprotect(tickets, sizeof(*tickets), PROT_READ | PROT_WRITE) == 0 || errno != EACCES ||
		      mmap(NULL, sizeof(*tickets), PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0) != MAP_FAILED || write(copy, "x", 1) >= 0 ||
		      ftruncate(copy, 0) == 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(tux_tls_tickets_rotate(tickets)); /* the supervisor still can */
}

/* The supervisor's write may have been cut short before. */
static void test_key_is_complete_after_an_odd_sequence(void **state)
{
	int fd = -1;
	struct tls_tickets *tickets = tux_tls_tickets_new(&fd);

	(void)state;
	assert_non_null(tickets);
	tickets->sequence |= 1;
	assert_true(tux_tls_tickets_rotate(tickets));
	assert_int_equal(tickets->sequence % 2, 0);
}

static void test_other_children_do_not_have_the_keys(void **state)
{
	int fd = -1;
	struct tls_tickets *tickets = tux_tls_tickets_new(&fd);
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(tickets);
	pid = fork();
	if (pid == 0)
		_exit(tux_tls_tickets_share(tickets, true) ? 0 : 1); /* madvise(2) fails where nothing is mapped */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_keys_decrypt_and_the_newest_encrypts),
		cmocka_unit_test(test_unused_key_is_not_found),
		cmocka_unit_test(test_server_process_reads_keys_that_the_supervisor_makes),
		cmocka_unit_test(test_server_process_gets_no_writable_mapping),
		cmocka_unit_test(test_key_is_complete_after_an_odd_sequence),
		cmocka_unit_test(test_other_children_do_not_have_the_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
