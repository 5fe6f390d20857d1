/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings of access records: what a reader does with positions and sizes that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../core/ring.h"
#include "../../engine/kernel_link.h"
#include "../../engine/log/record_ring.h"

enum { FIXED = sizeof(struct tux_access_record),
	KERNEL_RING = 4096 };

static const uint8_t target[] = "/a/path";

static struct tux_access_record record_make(uint32_t texts)
{
	return (struct tux_access_record){ .size = FIXED + texts, .status = 200, .target_len = (uint16_t)texts };
}

/* Positions move around the ring once. Each copy comes out as it went in, and leaves the bytes beside it alone. */
static void test_pieces(void **state)
{
	uint8_t ring[7], in[7] = { 1, 2, 3, 4, 5, 6, 7 }, out[7];

	(void)state;
	for (uint64_t at = 0; at < 14; at++)
		for (uint32_t len = 0; len <= 7; len++) {
			memset(ring, 9, sizeof(ring));
			tux_ring_copy_in(ring, 7, at, in, len);
			for (uint32_t i = 0; i < 7; i++)
				assert_int_equal(ring[(at + i) % 7], i < len ? in[i] : 9);
			tux_ring_copy_out(ring, 7, at, out, len);
			assert_memory_equal(in, out, len);
		}
}

static void test_positions(void **state)
{
	(void)state;
	assert_int_equal(tux_ring_used(5, 5, 8), 0);
	assert_int_equal(tux_ring_used(13, 5, 8), 8);
	assert_int_equal(tux_ring_used(14, 5, 8), 0);
	assert_int_equal(tux_ring_used(4, 5, 8), 0);
	assert_int_equal(tux_ring_used(UINT64_MAX, 0, 8), 0);
	assert_int_equal(tux_ring_room(5, 5, 8), 8);
	assert_int_equal(tux_ring_room(13, 5, 8), 0);
	assert_int_equal(tux_ring_room(14, 5, 8), 0);
	assert_int_equal(tux_ring_room(4, 5, 8), 0);
}

static void test_rings_in_memory(void **state)
{
	struct tux_rings rings = { .count = 2, .first = 64, .stride = 128, .size = 64 };

	(void)state;
	assert_true(tux_rings_valid(rings, 64, 64, 64 + 2 * 128));
	assert_false(tux_rings_valid(rings, 64, 64, 64 + 2 * 128 - 1));
	assert_false(tux_rings_valid(rings, 65, 64, 1 << 20));
	assert_false(tux_rings_valid((struct tux_rings){ 2, 64, 128, 0 }, 64, 64, 1 << 20));
	assert_false(tux_rings_valid((struct tux_rings){ 2, 60, 128, 64 }, 64, 64, 1 << 20));
	assert_false(tux_rings_valid((struct tux_rings){ 2, 64, 100, 36 }, 64, 64, 1 << 20));
	assert_false(tux_rings_valid((struct tux_rings){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX - 64 }, 64, 1, UINT32_MAX));
}

/* Another size than that of the texts ends the reading of this ring's records, not the reader. Later ones are read. */
static void test_wrong_size_is_skipped(void **state)
{
	static const uint32_t wrong[] = { 0, 1, FIXED - 1, FIXED + 6, FIXED + 8, TUX_ACCESS_RECORD_MAX + 1, UINT32_MAX };
	struct record_ring ring = { .head = 0 };
	static uint8_t out[1 << 16];

	(void)state;
	assert_true(record_ring_open(&ring));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tux_access_record record = record_make(sizeof(target) - 1);

		assert_true(record_ring_write(&ring, &record, target, sizeof(target) - 1));
		record.size = wrong[i];
		assert_true(record_ring_write(&ring, &record, target, sizeof(target) - 1));
		assert_int_equal(record_ring_read(&ring, out, sizeof(out)), FIXED + sizeof(target) - 1);
		assert_memory_equal(out + FIXED, target, sizeof(target) - 1);
		assert_false(record_ring_waiting(&ring));
		assert_int_equal(record_ring_read(&ring, out, sizeof(out)), 0);
	}
	record_ring_free(&ring);
}

/* Records of several sizes go around the ring, also if the reader's buffer ends within one. */
static void test_records_around_the_ring(void **state)
{
	struct record_ring ring = { .head = 0 };
	static uint8_t text[TUX_ACCESS_RECORD_TEXT_MAX], out[3 * TUX_ACCESS_RECORD_MAX / 2];
	uint32_t written = 0, seen = 0;

	(void)state;
	assert_true(record_ring_open(&ring));
	while (seen < 40000) {
		size_t len;

		while (written < 40000) {
			struct tux_access_record record = record_make(written % sizeof(text));

			record.id = written;
			memset(text, (int)(written & 0xff), sizeof(text));
			if (!record_ring_write(&ring, &record, text, record.target_len))
				break;
			written++;
		}
		len = record_ring_read(&ring, out, sizeof(out));
		assert_true(len > 0);
		for (size_t at = 0; at < len; seen++) {
			struct tux_access_record record;

			memcpy(&record, out + at, sizeof(record));
			assert_int_equal(record.id, seen);
			assert_int_equal(record.size, FIXED + seen % sizeof(text));
			assert_true(record.size == FIXED || out[at + record.size - 1] == (seen & 0xff));
			at += record.size;
		}
	}
	record_ring_free(&ring);
}

/* Memory of a kernel engine with one CPU. */
struct shared {
	struct tux_shared shared;
	struct tux_cpu_shared ring __attribute__((aligned(64)));
	uint8_t data[KERNEL_RING];
};

static struct shared *shared_open(struct kernel_link *kernel)
{
	struct shared *shared = aligned_alloc(64, sizeof(*shared));

	assert_non_null(shared);
	memset(shared, 0, sizeof(*shared));
	shared->shared = (struct tux_shared){
		.cpus = 1,
		.first = offsetof(struct shared, ring),
		.stride = sizeof(*shared) - offsetof(struct shared, ring),
		.ring_bytes = KERNEL_RING,
		.bytes = sizeof(*shared),
	};
	assert_true(kernel_link_share(kernel, &shared->shared, sizeof(*shared)));
	return shared;
}

static void kernel_write(struct shared *shared, const struct tux_access_record *record)
{
	tux_ring_copy_in(shared->ring.data, KERNEL_RING, shared->ring.head, (const uint8_t *)record, sizeof(*record));
	tux_ring_copy_in(shared->ring.data, KERNEL_RING, shared->ring.head + FIXED, target, sizeof(target) - 1);
	shared->ring.head += FIXED + sizeof(target) - 1;
}

static void test_kernel_records(void **state)
{
	static const uint32_t wrong[] = { 0, FIXED - 1, FIXED + 6, FIXED + KERNEL_RING, UINT32_MAX };
	struct kernel_link kernel = { .fd = -1 };
	struct shared *shared = shared_open(&kernel);
	uint8_t out[KERNEL_RING];

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		struct tux_access_record record = record_make(sizeof(target) - 1), found;

		kernel_write(shared, &record);
		record.size = wrong[i % (sizeof(wrong) / sizeof(wrong[0]))];
		kernel_write(shared, &record);
		assert_true(kernel_link_records_waiting(&kernel));
		assert_int_equal(kernel_link_records_read(&kernel, out, sizeof(out)), FIXED + sizeof(target) - 1);
		memcpy(&found, out, sizeof(found));
		assert_int_equal(found.status, 200);
		assert_true(found.id != 0);
		assert_memory_equal(out + FIXED, target, sizeof(target) - 1);
		assert_false(kernel_link_records_waiting(&kernel));
	}
	free(shared);
}

/* A head that is no position of the ring leads nowhere outside. */
static void test_kernel_head_outside(void **state)
{
	static const int64_t moves[] = { KERNEL_RING + 1, -1, INT64_MAX, 1 };
	struct kernel_link kernel = { .fd = -1 };
	struct shared *shared = shared_open(&kernel);
	uint8_t out[KERNEL_RING];

	(void)state;
	shared->ring.head = shared->ring.tail = 1 << 20;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		shared->ring.head += (uint64_t)moves[i];
		assert_true(kernel_link_records_waiting(&kernel));
		assert_int_equal(kernel_link_records_read(&kernel, out, sizeof(out)), 0);
		assert_false(kernel_link_records_waiting(&kernel));
	}
	free(shared);
}

/* The places of the rings are copied and checked once: a later change has no effect. */
static void test_kernel_rings_outside(void **state)
{
	struct kernel_link kernel = { .fd = -1 };
	struct shared *shared = shared_open(&kernel);
	struct tux_access_record record = record_make(sizeof(target) - 1);
	uint8_t out[KERNEL_RING];

	(void)state;
	shared->shared.cpus = UINT32_MAX;
	shared->shared.first = shared->shared.stride = shared->shared.ring_bytes = 1u << 31;
	kernel_write(shared, &record);
	assert_int_equal(kernel_link_records_read(&kernel, out, sizeof(out)), record.size);
	assert_false(kernel_link_share(&kernel, &shared->shared, sizeof(*shared)));
	free(shared);
}

/* Connections that are handed up, with texts of each length: one after the other, and none that is not whole. */
static void test_handed_up(void **state)
{
	enum { COUNT = 9 };
	uint32_t room[COUNT * TUX_HANDED_UP_BYTES(COUNT) / sizeof(uint32_t)] = { 0 };
	size_t len = 0, at = 0, last = 0;

	(void)state;
	for (uint16_t i = 0; i < COUNT; i++) {
		const struct tux_handed_up one = { .fd = i, .target_len = i / 2, .fields_len = (uint16_t)(i - i / 2) };

		memcpy((uint8_t *)room + len, &one, sizeof(one));
		last = len;
		len += TUX_HANDED_UP_BYTES(i);
	}
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(kernel_link_next(room, len, &at)->fd, i);
	assert_int_equal(at, len);
	assert_null(kernel_link_next(room, len, &at));
	for (size_t cut = 1; cut <= len - last; cut++) {
		at = last;
		assert_null(kernel_link_next(room, len - cut, &at));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_rings_in_memory),
		cmocka_unit_test(test_wrong_size_is_skipped),
		cmocka_unit_test(test_records_around_the_ring),
		cmocka_unit_test(test_kernel_records),
		cmocka_unit_test(test_kernel_head_outside),
		cmocka_unit_test(test_kernel_rings_outside),
		cmocka_unit_test(test_handed_up),
	};

	alarm(60); /* a reader that never ends */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
