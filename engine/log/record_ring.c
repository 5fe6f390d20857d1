/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record_ring.h"

#include "../small_tables.h"

#include <stdlib.h>

#include "../../core/ring.h"
#include "ring_reader.h"

enum {
	RING_BYTES = TUX_SMALL_TABLES ? 1 << 16 : 1 << 20, /* a power of two; about 5,000 records */
	ROOM_BYTES = 8 * TUX_ACCESS_RECORD_MAX, /* room for the checked record, and for unchecked ones as of a timeout */
};

bool record_ring_open(struct record_ring *records)
{
	records->ring = malloc(RING_BYTES);
	return records->ring != NULL;
}

void record_ring_free(struct record_ring *records)
{
	free(records->ring);
	records->ring = NULL;
}

/* For the writer: the free bytes without the reserved ones. */
static uint64_t free_bytes(const struct record_ring *records)
{
	uint64_t room = tux_ring_room(records->head, __atomic_load_n(&records->tail, __ATOMIC_ACQUIRE), RING_BYTES);

	return room > records->reserved ? room - records->reserved : 0;
}

bool record_ring_room(const struct record_ring *records)
{
	return free_bytes(records) >= ROOM_BYTES;
}

void record_ring_reserve(struct record_ring *records, uint32_t bytes)
{
	records->reserved += bytes;
}

void record_ring_unreserve(struct record_ring *records, uint32_t bytes)
{
	records->reserved -= bytes;
}

bool record_ring_write(struct record_ring *records, const struct tux_access_record *record, const uint8_t *text, uint32_t text_len)
{
	uint64_t head = records->head;

	if (free_bytes(records) < sizeof(*record) + text_len)
		return false;
	tux_ring_copy_in(records->ring, RING_BYTES, head, (const uint8_t *)record, sizeof(*record));
	tux_ring_copy_in(records->ring, RING_BYTES, head + sizeof(*record), text, text_len);
	__atomic_store_n(&records->head, head + sizeof(*record) + text_len, __ATOMIC_SEQ_CST);
	return true;
}

size_t record_ring_read(struct record_ring *records, uint8_t *out, size_t cap)
{
	const uint64_t head = __atomic_load_n(&records->head, __ATOMIC_SEQ_CST);
	uint64_t tail = records->tail;
	const size_t len = ring_records_read(records->ring, RING_BYTES, head, &tail, out, cap, "log:");

	__atomic_store_n(&records->tail, tail, __ATOMIC_RELEASE);
	return len;
}

bool record_ring_waiting(const struct record_ring *records)
{
	return __atomic_load_n(&records->head, __ATOMIC_SEQ_CST) != records->tail;
}
