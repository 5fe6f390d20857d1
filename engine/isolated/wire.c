/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire.h"

#include <string.h>

#include "../../core/limit.h"
#include "../../core/response.h"
#include "../../core/ring.h"

enum { MAX_TYPE = 255 };

static uint64_t position(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

bool wire_fits(const struct wire_end *end, uint32_t len)
{
	const uint32_t bytes = wire_bytes(len);

	return bytes > 0 && bytes <= tux_ring_room(end->at, position(&end->ring->tail), WIRE_RING);
}

bool wire_reader_is_sane(const struct wire_end *end)
{
	const uint64_t tail = position(&end->ring->tail);

	return tail <= end->at && end->at - tail <= WIRE_RING;
}

static void put(struct wire_end *end, const void *from, uint32_t len)
{
	const struct tux_span piece = tux_ring_piece(end->at, len, WIRE_RING);

	if (len == 0)
		return;
	memcpy(end->ring->bytes + piece.off, from, piece.len);
	memcpy(end->ring->bytes, (const uint8_t *)from + piece.len, len - piece.len);
	end->at += len;
}

static void take(const struct wire_end *end, uint64_t at, void *to, uint32_t len)
{
	const struct tux_span piece = tux_ring_piece(at, len, WIRE_RING);

	memcpy(to, end->ring->bytes + piece.off, piece.len);
	memcpy((uint8_t *)to + piece.len, end->ring->bytes, len - piece.len);
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
	const uint32_t used = tux_ring_used(head, end->at, WIRE_RING);

	if (head == end->at)
		return WIRE_NOTHING;
	if (used < sizeof(*record))
		return WIRE_BROKEN;
	take(end, end->at, record, sizeof(*record));
	if (wire_bytes(record->len) == 0 || wire_bytes(record->len) > used)
		return WIRE_BROKEN;
	take(end, end->at + sizeof(*record), buf, record->len);
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

bool wire_reply_valid(const struct wire_reply *reply, uint32_t len)
{
	const uint64_t bytes = (uint64_t)reply->type_len + reply->fields_len + reply->text_len + reply->body_len;

	return len >= sizeof(*reply) && bytes == len - sizeof(*reply) && reply->result <= WIRE_TUNNEL && reply->type_len <= MAX_TYPE &&
	       reply->fields_len <= TUX_MAX_FIELD_LINES && reply->text_len <= TUX_MAX_TARGET && (reply->body_len == 0 || reply->result == WIRE_BYTES);
}

bool wire_call_valid(const struct wire_call *call, uint32_t len, uint32_t head_bytes)
{
	return call->head_len <= TUX_MAX_HEAD && call->path_len <= TUX_MAX_HEAD && call->fields <= TUX_MAX_FIELDS &&
	       len == sizeof(*call) + (uint64_t)head_bytes + call->head_len + call->path_len;
}
