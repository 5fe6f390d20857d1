/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire.h"

#include <stddef.h>

_Static_assert(WIRE_HEAD == sizeof(struct wire_record) && WIRE_CALL_HEAD == sizeof(struct wire_call) && WIRE_REPLY_HEAD == sizeof(struct wire_reply),
               "as the proof has them");

static uint64_t position(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

bool wire_fits(const struct wire_end *end, uint32_t len)
{
	return wire_has_room(end->at, position(&end->ring->tail), len);
}

bool wire_reader_is_sane(const struct wire_end *end)
{
	const uint64_t tail = position(&end->ring->tail);

	return tail <= end->at && end->at - tail <= WIRE_RING;
}

static void put(struct wire_end *end, const void *from, uint32_t len)
{
	if (len > 0)
		tux_ring_copy_in(end->ring->bytes, WIRE_RING, end->at, from, len);
	end->at += len;
}

bool wire_write(struct wire_end *end, struct wire_record *record, const struct wire_part *part, unsigned parts)
{
	const uint64_t began = end->at;
	uint64_t len = 0;

	for (unsigned i = 0; i < parts; i++)
		len += part[i].len;
	if (len > WIRE_RECORD || !wire_fits(end, (uint32_t)len))
		return false;
	record->len = (uint32_t)len;
	put(end, record, sizeof(*record));
	for (unsigned i = 0; i < parts; i++)
		put(end, part[i].at, part[i].len);
	end->at = began + wire_bytes((uint32_t)len);
	__atomic_store_n(&end->ring->head, end->at, __ATOMIC_RELEASE);
	return true;
}

enum wire_read wire_read(struct wire_end *end, struct wire_record *record, uint8_t *buf)
{
	const uint64_t head = position(&end->ring->head);
	const enum wire_read found = wire_look(head, end->at);

	if (found != WIRE_READ)
		return found;
	tux_ring_copy_out(end->ring->bytes, WIRE_RING, end->at, (uint8_t *)record, sizeof(*record));
	if (wire_check(head, end->at, record->len) != WIRE_READ)
		return WIRE_BROKEN;
	tux_ring_copy_out(end->ring->bytes, WIRE_RING, end->at + sizeof(*record), buf, record->len);
	end->at += wire_bytes(record->len);
	__atomic_store_n(&end->ring->tail, end->at, __ATOMIC_RELEASE);
	return WIRE_READ;
}

bool wire_waits(const struct wire_end *end)
{
	return position(&end->ring->head) != end->at;
}

void wire_sleep(struct wire_end *end, bool sleeps)
{
	__atomic_store_n(&end->ring->sleeps, sleeps, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void wire_want_room(struct wire_end *end)
{
	__atomic_store_n(&end->ring->wants_room, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Clears a flag of the other side. Returns true if it was set. */
static bool cleared(uint32_t *flag)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(flag, __ATOMIC_RELAXED) != 0 && __atomic_exchange_n(flag, 0, __ATOMIC_ACQ_REL) != 0;
}

bool wire_wakes_reader(struct wire_end *end)
{
	return cleared(&end->ring->sleeps);
}

bool wire_wakes_writer(struct wire_end *end)
{
	return cleared(&end->ring->wants_room);
}
