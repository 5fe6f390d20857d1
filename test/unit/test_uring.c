/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring of the io_uring loop refuses operations that the loop does not use, for any writer. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../engine/io/uring.c"

static bool connects;

static bool owner_connects(void *owner)
{
	(void)owner;
	return connects;
}

static const struct loop_events events = { .connects = owner_connects };

/* Opens a loop. Returns NULL if this kernel does not permit io_uring. */
static struct loop *open_loop(bool with_connect)
{
	connects = with_connect;
	return loop_uring.open(&events, NULL);
}

/* Returns the result of one operation. */
static int result_of(struct loop *loop, struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	int result;

	io_uring_sqe_set_data64(sqe, OP_NONE);
	assert_int_equal(io_uring_submit(&loop->ring), 1);
	assert_int_equal(io_uring_wait_cqe(&loop->ring, &cqe), 0);
	result = cqe->res;
	io_uring_cqe_seen(&loop->ring, cqe);
	return result;
}

static void test_unlisted_operations_are_refused(void **state)
{
	struct loop *loop = open_loop(true);
	struct io_uring_sqe *sqe;

	(void)state;
	if (loop == NULL)
		skip();
	for (int op = 0; op < IORING_OP_LAST; op++) {
		static const uint8_t listed[] = { IORING_OP_NOP,      IORING_OP_READ,   IORING_OP_WRITEV, IORING_OP_RECV,
		                                  IORING_OP_SEND,     IORING_OP_SENDMSG, IORING_OP_SEND_ZC, IORING_OP_POLL_ADD,
		                                  IORING_OP_ACCEPT,   IORING_OP_CLOSE,  IORING_OP_ASYNC_CANCEL, IORING_OP_CONNECT,
		                                  IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE };
		const bool is_listed = memchr(listed, op, sizeof(listed)) != NULL;

		sqe = next_sqe(loop);
		io_uring_prep_rw(op, sqe, -1, NULL, 0, 0);
		if (is_listed)
			assert_int_not_equal(result_of(loop, sqe), -EACCES);
		else
			assert_int_equal(result_of(loop, sqe), -EACCES);
	}
	/* A flag that the loop does not use: work in a kernel thread. */
	sqe = next_sqe(loop);
	io_uring_prep_nop(sqe);
	sqe->flags |= IOSQE_ASYNC;
	assert_int_equal(result_of(loop, sqe), -EACCES);
	loop_uring.free(loop);
}

static void test_connect_is_refused_without_upstreams(void **state)
{
	struct loop *loop = open_loop(false);
	struct io_uring_sqe *sqe;

	(void)state;
	if (loop == NULL)
		skip();
	sqe = next_sqe(loop);
	io_uring_prep_connect(sqe, -1, NULL, 0);
	assert_int_equal(result_of(loop, sqe), -EACCES);
	loop_uring.free(loop);
}

static void test_registrations_are_refused(void **state)
{
	struct loop *loop = open_loop(true);
	struct iovec iov = { (void *)(uintptr_t)&events, sizeof(events) };

	(void)state;
	if (loop == NULL)
		skip();
	assert_int_equal(io_uring_register_buffers(&loop->ring, &iov, 1), -EACCES);
	assert_int_equal(io_uring_register_files(&loop->ring, (const int[]){ 0 }, 1), -EACCES);
	loop_uring.free(loop);
}

/* A task registers at most 16 ring descriptors: a closed ring frees its place. */
static void test_ring_that_ends_is_unregistered(void **state)
{
	struct io_uring ring;

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct loop *loop = open_loop(true);

		if (loop == NULL)
			skip();
		loop_uring.free(loop);
	}
	assert_int_equal(io_uring_queue_init(4, &ring, 0), 0);
	assert_int_equal(io_uring_register_ring_fd(&ring), 1);
	io_uring_queue_exit(&ring);
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A wait ends at its limit, also if a longer or a shorter one is in progress from a wait before. */
static void test_waits_end_at_their_limits(void **state)
{
	const int other[] = { 3600000, FAR_MS };
	struct loop *loop = open_loop(false);

	(void)state;
	if (loop == NULL)
		skip();
	for (int i = 0; i < 2; i++) {
		const uint64_t end = clock_ms() + FAR_MS + 50;

		limit_waits(loop, other[i]);
		while (clock_ms() < end) {
			loop_uring.wait(loop, (int)(end - clock_ms()));
			loop_uring.handle(loop);
		}
		assert_true(loop->limit_ms == 0 || loop->limit_ms >= end - 50);
	}
	loop_uring.free(loop);
}

/* Waits before the same or a later end share one operation of the ring. */
static void test_far_limit_is_submitted_once(void **state)
{
	struct loop *loop = open_loop(false);

	(void)state;
	if (loop == NULL)
		skip();
	limit_waits(loop, 3000000);
	assert_int_equal(io_uring_sq_ready(&loop->ring), 1);
	limit_waits(loop, 3600000);
	limit_waits(loop, 3000000);
	assert_int_equal(io_uring_sq_ready(&loop->ring), 1);
	limit_waits(loop, 60000);
	assert_int_equal(io_uring_sq_ready(&loop->ring), 2);
	loop_uring.free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlisted_operations_are_refused),
		cmocka_unit_test(test_connect_is_refused_without_upstreams),
		cmocka_unit_test(test_registrations_are_refused),
		cmocka_unit_test(test_ring_that_ends_is_unregistered),
		cmocka_unit_test(test_waits_end_at_their_limits),
		cmocka_unit_test(test_far_limit_is_submitted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
