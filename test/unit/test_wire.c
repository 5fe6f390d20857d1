/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rings of isolated modules: records that wrap around, a full ring, and positions and lengths of a hostile other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/isolated/wire.h"

static struct wire_ring *ring;
static uint8_t buf[WIRE_RECORD];

static int make(void **state)
{
	(void)state;
	ring = aligned_alloc(64, sizeof(*ring));
	memset(ring, 0, sizeof(*ring));
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(ring);
	return 0;
}

static void test_records_in_order_around_the_end(void **state)
{
	struct wire_end writer = { .ring = ring }, reader = { .ring = ring };
	uint8_t bytes[1000];
	struct wire_record record;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		const uint32_t len = i * 7 % (uint32_t)sizeof(bytes);
		const struct wire_part part[] = { { bytes, len / 2 }, { bytes + len / 2, len - len / 2 } };

		for (uint32_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)(i + k);
		record = (struct wire_record){ .kind = WIRE_DATA, .slot = i, .generation = 3 };
		assert_true(wire_write(&writer, &record, part, 2));
		memset(&record, 0, sizeof(record));
		assert_true(wire_waits(&reader));
		assert_int_equal(wire_read(&reader, &record, buf), WIRE_READ);
		assert_int_equal(record.len, len);
		assert_int_equal(record.slot, i);
		assert_memory_equal(buf, bytes, len);
	}
	assert_int_equal(wire_read(&reader, &record, buf), WIRE_NOTHING);
}

static void test_full_ring_refuses_and_takes_again(void **state)
{
	struct wire_end writer = { .ring = ring }, reader = { .ring = ring };
	const struct wire_part part = { buf, WIRE_PIECE };
	struct wire_record record = { .kind = WIRE_DATA };
	unsigned count = 0;

	(void)state;
	while (wire_write(&writer, &record, &part, 1))
		count++;
	assert_int_equal(count, WIRE_RING / (WIRE_PIECE + sizeof(record)));
	assert_false(wire_fits(&writer, WIRE_PIECE));
	wire_want_room(&writer);
	assert_int_equal(wire_read(&reader, &record, buf), WIRE_READ);
	assert_true(wire_wakes_writer(&reader));
	assert_false(wire_wakes_writer(&reader));
	assert_true(wire_write(&writer, &record, &part, 1));
}

static void test_record_that_is_too_long_is_refused(void **state)
{
	struct wire_end writer = { .ring = ring };
	const struct wire_part part[] = { { buf, WIRE_RECORD }, { buf, 1 }, { buf, UINT32_MAX } };
	struct wire_record record = { .kind = WIRE_DATA };

	(void)state;
	assert_false(wire_write(&writer, &record, part, 2));
	assert_false(wire_write(&writer, &record, part, 3));
	assert_int_equal(writer.at, 0);
	assert_true(wire_write(&writer, &record, part, 1));
}

static void test_hostile_positions_are_broken_or_full(void **state)
{
	static const uint64_t heads[] = { 1, 15, WIRE_RING + 1, UINT64_MAX, UINT64_MAX - WIRE_RING };
	struct wire_record record = { .kind = WIRE_DATA };

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct wire_end reader = { .ring = ring }, writer = { .ring = ring };

		ring->head = heads[i];
		assert_int_equal(wire_read(&reader, &record, buf), WIRE_BROKEN);
		ring->head = 0;
		ring->tail = heads[i];
		assert_false(wire_fits(&writer, 0)); /* a tail after the head */
		assert_false(wire_reader_is_sane(&writer));
		ring->tail = 0;
		assert_true(wire_reader_is_sane(&writer));
		writer.at = WIRE_RING;
		assert_true(wire_reader_is_sane(&writer));
		writer.at = WIRE_RING + 8; /* the tail has moved back */
		assert_false(wire_reader_is_sane(&writer));
	}
}

static void test_hostile_length_is_broken(void **state)
{
	static const uint32_t lengths[] = { 17, WIRE_RECORD, WIRE_RECORD + 1, UINT32_MAX, UINT32_MAX - 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct wire_end reader = { .ring = ring };
		struct wire_record record = { .len = lengths[i] };

		memcpy(ring->bytes, &record, sizeof(record));
		ring->head = sizeof(record) + 16;
		assert_int_equal(wire_read(&reader, &record, buf), WIRE_BROKEN);
	}
}

static void test_lengths_in_a_reply(void **state)
{
	const uint32_t fixed = sizeof(struct wire_reply);
	struct wire_reply reply = { .result = WIRE_BYTES, .type_len = 10, .fields_len = 20, .body_len = 30 };

	(void)state;
	assert_true(wire_reply_valid(&reply, fixed + 60));
	assert_false(wire_reply_valid(&reply, fixed + 61));
	assert_false(wire_reply_valid(&reply, fixed + 59));
	reply.body_len = UINT32_MAX - 29; /* the sum in 32 bits would be 0 */
	assert_false(wire_reply_valid(&reply, fixed));
	reply = (struct wire_reply){ .result = WIRE_TUNNEL + 1 };
	assert_false(wire_reply_valid(&reply, fixed));
	reply = (struct wire_reply){ .result = WIRE_REDIRECT, .body_len = 1 };
	assert_false(wire_reply_valid(&reply, fixed + 1));
	reply = (struct wire_reply){ .result = WIRE_BYTES, .type_len = 256 };
	assert_false(wire_reply_valid(&reply, fixed + 256));
}

static void test_lengths_in_a_call(void **state)
{
	struct wire_call call = { .head_len = 100, .path_len = 10, .fields = 2 };

	(void)state;
	assert_true(wire_call_valid(&call, sizeof(call) + 50 + 110, 50));
	assert_false(wire_call_valid(&call, sizeof(call) + 50 + 111, 50));
	call.fields = UINT32_MAX;
	assert_false(wire_call_valid(&call, sizeof(call) + 50 + 110, 50));
	call = (struct wire_call){ .head_len = 100, .path_len = 10, .fields = 2, .tls_len = 7 };
	assert_true(wire_call_valid(&call, sizeof(call) + 50 + 117, 50));
	assert_false(wire_call_valid(&call, sizeof(call) + 50 + 110, 50));
	call.tls_len = WIRE_MAX_TLS + 1;
	assert_false(wire_call_valid(&call, sizeof(call) + 50 + 110 + WIRE_MAX_TLS + 1, 50));
	call = (struct wire_call){ .head_len = UINT32_MAX, .path_len = 1 };
	assert_false(wire_call_valid(&call, sizeof(call), 0));
}

static void test_one_wake_up_for_a_sleeper(void **state)
{
	struct wire_end writer = { .ring = ring }, reader = { .ring = ring };

	(void)state;
	assert_false(wire_wakes_reader(&writer));
	wire_sleep(&reader, true);
	assert_true(wire_wakes_reader(&writer));
	assert_false(wire_wakes_reader(&writer));
	wire_sleep(&reader, true);
	wire_sleep(&reader, false);
	assert_false(wire_wakes_reader(&writer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records_in_order_around_the_end, make, drop),
		cmocka_unit_test_setup_teardown(test_full_ring_refuses_and_takes_again, make, drop),
		cmocka_unit_test_setup_teardown(test_record_that_is_too_long_is_refused, make, drop),
		cmocka_unit_test_setup_teardown(test_hostile_positions_are_broken_or_full, make, drop),
		cmocka_unit_test_setup_teardown(test_hostile_length_is_broken, make, drop),
		cmocka_unit_test_setup_teardown(test_lengths_in_a_reply, make, drop),
		cmocka_unit_test_setup_teardown(test_lengths_in_a_call, make, drop),
		cmocka_unit_test_setup_teardown(test_one_wake_up_for_a_sleeper, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
