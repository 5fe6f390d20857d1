/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pieces of a message as records of TLS: every byte once and in order, and no record that could be longer is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/tls/records.h"

enum { MOST = 5 * TLS_RECORD_BYTES };

static uint8_t text[MOST], room[TLS_RECORD_BYTES];

/* Compares the records of a message of pieces of these lengths with the lengths that they should have. */
static void assert_records(const size_t *pieces, size_t count, const size_t *lens, size_t expected)
{
	struct iovec iov[8];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
	struct tls_place place = { &message, 0, 0 };
	size_t at = 0, records = 0;

	for (size_t i = 0; i < count; at += pieces[i++])
		iov[i] = (struct iovec){ text + at, pieces[i] };
	assert_int_equal(tls_message_bytes(&message, MOST), at);
	assert_int_equal(tls_message_bytes(&message, 7), at < 7 ? at : 7);
	for (at = 0; tls_place_find(&place); records++) {
		size_t len;
		const uint8_t *plain = tls_place_record(&place, room, &len);

		assert_true(records < expected);
		assert_int_equal(len, lens[records]);
		assert_memory_equal(plain, text + at, len);
		at += len;
	}
	assert_int_equal(records, expected);
}

#define RECORDS(pieces, lens) assert_records(pieces, sizeof(pieces) / sizeof((pieces)[0]), lens, sizeof(lens) / sizeof((lens)[0]))

static void test_small_pieces_are_one_record(void **state)
{
	const size_t pieces[] = { 0, 200, 0, 1000, 0 }, lens[] = { 1200 };

	(void)state;
	RECORDS(pieces, lens);
}

static void test_no_bytes_are_no_record(void **state)
{
	const size_t pieces[] = { 0, 0 };

	(void)state;
	assert_records(pieces, 2, NULL, 0);
	assert_records(pieces, 0, NULL, 0);
}

static void test_long_pieces_are_full_records(void **state)
{
	const size_t exact[] = { 2 * TLS_RECORD_BYTES }, full[] = { TLS_RECORD_BYTES, TLS_RECORD_BYTES };
	const size_t longer[] = { TLS_RECORD_BYTES + 1 }, rest[] = { TLS_RECORD_BYTES, 1 };

	(void)state;
	RECORDS(exact, full);
	RECORDS(longer, rest);
}

static void test_record_takes_from_the_next_piece(void **state)
{
	const size_t pieces[] = { 300, 2 * TLS_RECORD_BYTES, 10 };
	const size_t lens[] = { TLS_RECORD_BYTES, TLS_RECORD_BYTES, 310 };

	(void)state;
	RECORDS(pieces, lens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_pieces_are_one_record),
		cmocka_unit_test(test_no_bytes_are_no_record),
		cmocka_unit_test(test_long_pieces_are_full_records),
		cmocka_unit_test(test_record_takes_from_the_next_piece),
	};

	for (size_t i = 0; i < MOST; i++)
		text[i] = (uint8_t)(i % 251);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
