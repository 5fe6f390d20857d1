// SPDX-License-Identifier: GPL-2.0-or-later
/* The ring of access records: where records lie, and what a program that writes nonsense into the shared memory can do. */

#include "kunit.h"
#include "log_ring.h"

enum { RECORD = 200 };

static struct instance *instance_new(struct kunit *test)
{
	struct instance *instance = kunit_kzalloc(test, sizeof(*instance), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, instance);
	KUNIT_ASSERT_EQ(test, ktux_records_open(instance), 0);
	instance->records = true;
	return instance;
}

static struct tux_cpu_shared *ring_here(const struct instance *instance)
{
	return (struct tux_cpu_shared *)((u8 *)instance->shared + PAGE_SIZE + (size_t)smp_processor_id() * instance->stride);
}

/* Returns room for a record. KUnit's allocations may sleep, so it is made before bottom halves are off. */
static struct tux_access_record *record_new(struct kunit *test)
{
	struct tux_access_record *record = kunit_kzalloc(test, TUX_ACCESS_RECORD_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, record);
	return record;
}

/* Writes a record whose bytes tell their number. */
static bool write_record(struct instance *instance, struct tux_access_record *record, u8 seed, u16 size)
{
	u8 *bytes = (u8 *)record;
	u32 i;

	for (i = 0; i < size; i++)
		bytes[i] = (u8)(seed + i);
	record->size = size;
	return ktux_records_write(instance, record);
}

/* A record at the end of the ring goes on at its start, for each way to divide it. */
static void wraps(struct kunit *test)
{
	struct instance *instance = instance_new(test);
	struct tux_access_record *record = record_new(test);
	struct tux_cpu_shared *ring;
	u32 before, i, wrong = 0;

	local_bh_disable();
	ring = ring_here(instance);
	for (before = 1; before <= RECORD; before += 7) {
		u64 head = 5ull * RING_BYTES - before;

		ring->head = head;
		ring->tail = head;
		wrong += !write_record(instance, record, (u8)before, RECORD);
		wrong += ring->head != head + RECORD;
		for (i = sizeof(struct tux_access_record); i < RECORD; i++)
			wrong += ring->data[(head + i) % RING_BYTES] != (u8)(before + i);
	}
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, wrong, 0);
	ktux_records_close(instance);
}

/* A full ring takes nothing, and has room again when the program has read. */
static void fills(struct kunit *test)
{
	struct instance *instance = instance_new(test);
	struct tux_access_record *record = record_new(test);
	struct tux_cpu_shared *ring;
	u32 written = 0;
	u64 head;

	local_bh_disable();
	ring = ring_here(instance);
	while (written < RING_BYTES && write_record(instance, record, 1, RECORD))
		written += RECORD;
	head = ring->head;
	KUNIT_EXPECT_EQ(test, written, RING_BYTES / RECORD * RECORD);
	KUNIT_EXPECT_EQ(test, head, written);
	KUNIT_EXPECT_FALSE(test, ktux_records_room(instance));
	ring->tail = head;
	KUNIT_EXPECT_TRUE(test, ktux_records_room(instance));
	KUNIT_EXPECT_TRUE(test, write_record(instance, record, 1, RECORD));
	local_bh_enable();
	ktux_records_close(instance);
}

/* A tail that was never reached counts as a full ring. Nothing is written. */
static void distrusts_tail(struct kunit *test)
{
	static const u64 tails[] = { 1, 2, RING_BYTES, 1ull << 32, 1ull << 63, U64_MAX - RING_BYTES };
	struct instance *instance = instance_new(test);
	struct tux_access_record *record = record_new(test);
	struct tux_cpu_shared *ring;
	size_t i;

	local_bh_disable();
	ring = ring_here(instance);
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		ring->head = 0;
		ring->tail = tails[i];
		KUNIT_EXPECT_FALSE(test, ktux_records_room(instance));
		KUNIT_EXPECT_FALSE(test, write_record(instance, record, 9, RECORD));
		KUNIT_EXPECT_EQ(test, ring->head, 0);
		KUNIT_EXPECT_EQ(test, ring->data[RECORD - 1], 0);
	}
	local_bh_enable();
	ktux_records_close(instance);
}

/* The counters of all CPUs are added, each once. */
static void sums(struct kunit *test)
{
	struct instance *instance = instance_new(test);
	struct tux_cpu_counters *sum = kunit_kzalloc(test, sizeof(*sum), GFP_KERNEL);
	unsigned int cpu, cpus = 0;

	KUNIT_ASSERT_NOT_NULL(test, sum);
	for_each_possible_cpu(cpu) {
		struct tux_cpu_shared *part = (void *)((u8 *)instance->shared + PAGE_SIZE + (size_t)cpu * instance->stride);

		part->counters.requests = 1000 + cpu;
		part->counters.handed_over[TUX_REASONS - 1] = 1;
		cpus++;
	}
	ktux_counters_sum(instance, sum);
	KUNIT_EXPECT_EQ(test, sum->handed_over[TUX_REASONS - 1], cpus);
	KUNIT_EXPECT_GE(test, sum->requests, 1000 * cpus);
	KUNIT_EXPECT_EQ(test, sum->closed, 0);
	KUNIT_EXPECT_EQ(test, instance->shared->bytes, ktux_records_bytes(instance));
	ktux_records_close(instance);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(wraps), KUNIT_CASE(fills), KUNIT_CASE(distrusts_tail), KUNIT_CASE(sums), {}
};
static struct kunit_suite suite = { .name = "tux_log_ring", .test_cases = cases };
#define KUNIT_NAME tux_log_ring
kunit_test_suite(suite);
