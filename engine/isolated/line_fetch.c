/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../modules/call_fetch.h"
#include "../modules/fetch_api.h"

/* Bytes of memory that fetches of a process may need at a time, per engine thread. More get ENOMEM. A single fetch always fits. */
static const uint64_t most_reserved = (uint64_t)FETCH_MAX_BODY + FETCH_MAX_ANSWER;

/* Lets the process know that no memory is left for its fetch. */
static void refuse(struct line *line, struct slot *slot)
{
	struct call_fetch *fetch = slot->fetch;

	slot->fetch = NULL;
	buffer_forget(&fetch->body);
	fetch->error = ENOMEM;
	call_fetch_free(slot->call->fetch);
	slot->call->fetch = fetch;
	slot->fetched_due = true;
	line_submit(line, slot);
}

/* Starts a fetch, which is whole. Returns false if it is nonsense. */
static bool start(struct line *line, struct slot *slot)
{
	struct call_fetch *fetch = slot->fetch;
	int result;

	if (slot->reserved == 0) {
		refuse(line, slot);
		return true;
	}
	slot->fetch = NULL;
	result = api_fetch_made(slot->call, fetch);
	slot->task = result == TUX_SUSPEND ? TASK_FETCH : TASK_NONE;
	if (result == -ESTALE)
		line_leave(line, slot);
	return result == TUX_SUSPEND || result == -ESTALE;
}

/* Handles the start of a fetch. Returns false if it is nonsense. */
static bool on_fetch(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	struct wire_fetch record = { 0 };
	uint64_t bytes;

	if (len > sizeof(record))
		memcpy(&record, buf, sizeof(record));
	if (len <= sizeof(record) || len - sizeof(record) > TUX_MAX_HEAD || record.body_len > FETCH_MAX_BODY || record.max_bytes > FETCH_MAX_ANSWER)
		return false;
	if (slot->over || slot->rest.len > 0 || slot->file_len > 0 || slot->read_len > 0 || slot->found_due || slot->fetched_due || slot->answer_due)
		return false;
	slot->fetch = calloc(1, sizeof(*slot->fetch));
	if (slot->fetch == NULL || !buffer_keep(&slot->fetch->octets, buf + sizeof(record), len - (uint32_t)sizeof(record))) {
		line_give_up(line, slot);
		return true;
	}
	slot->fetch->upstream = record.upstream;
	slot->fetch->max_bytes = record.max_bytes;
	slot->fetch_len = record.body_len;
	bytes = record.body_len + record.max_bytes + 1;
	if (bytes <= most_reserved + 1 - line->reserved) {
		slot->reserved = bytes;
		line->reserved += bytes;
	}
	return record.body_len > 0 || start(line, slot);
}

/* Handles bytes of the body. Returns false if they are nonsense. */
static bool on_body(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	if (len == 0 || len > slot->fetch_len)
		return false;
	slot->fetch_len -= len;
	if (slot->reserved > 0 && !buffer_keep(&slot->fetch->body, buf, len)) {
		line_give_up(line, slot);
		return true;
	}
	return slot->fetch_len > 0 || start(line, slot);
}

/* Handles what the process has of the answer. Returns false if it is nonsense. */
static bool on_received(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	struct wire_room room = { 0 };

	if (len == sizeof(room))
		memcpy(&room, buf, sizeof(room));
	if (len != sizeof(room) || !slot->answer_due || room.taken <= slot->answer_received || room.taken > slot->answer_sent)
		return false;
	slot->answer_received = room.taken;
	line_submit(line, slot);
	return true;
}

bool line_take_fetch(struct line *line, struct slot *slot, const struct wire_record *record, const uint8_t *buf)
{
	if ((record->kind == WIRE_FETCH_BODY) != (slot->fetch != NULL))
		return false;
	switch (record->kind) {
	case WIRE_FETCH:
		return on_fetch(line, slot, buf, record->len);
	case WIRE_FETCH_BODY:
		return on_body(line, slot, buf, record->len);
	default:
		return on_received(line, slot, buf, record->len);
	}
}

/* Frees the answer, all of which the process has. */
static void forget_answer(struct line *line, struct slot *slot)
{
	call_fetch_free(slot->call->fetch);
	slot->call->fetch = NULL;
	slot->answer_due = false;
	line->reserved -= slot->reserved;
	slot->reserved = 0;
}

/* Writes the result. Returns false without room for it. */
static bool send_result(struct line *line, struct slot *slot)
{
	const struct call_fetch *fetch = slot->call->fetch;
	const struct wire_fetched fetched = { .error = fetch->error, .content_len = fetch->error == 0 ? fetch->content.len : 0,
		                              .head_len = fetch->error == 0 ? fetch->answer_octets.len : 0 };

	if (!line_write(line, slot, WIRE_FETCHED, &(struct wire_part){ &fetched, sizeof(fetched) }, 1))
		return false;
	slot->fetched_due = false;
	slot->answer_due = true;
	slot->answer_sent = slot->answer_received = 0;
	if (fetch->error != 0)
		forget_answer(line, slot);
	return true;
}

bool line_send_fetched(struct line *line, struct slot *slot)
{
	const struct call_fetch *fetch = slot->call->fetch;

	if (slot->fetched_due && !send_result(line, slot))
		return false;
	while (slot->answer_due && slot->answer_sent - slot->answer_received < WIRE_WINDOW) {
		const bool in_head = slot->answer_sent < fetch->answer_octets.len;
		const struct buffer *from = in_head ? &fetch->answer_octets : &fetch->content;
		const uint64_t at = in_head ? slot->answer_sent : slot->answer_sent - fetch->answer_octets.len;
		const uint64_t left = from->len - at, window = WIRE_WINDOW - (slot->answer_sent - slot->answer_received);
		uint64_t len = left < window ? left : window;

		if (left == 0)
			break;
		len = len < WIRE_PIECE ? len : WIRE_PIECE;
		if (!line_write(line, slot, WIRE_ANSWER, &(struct wire_part){ from->data + at, (uint32_t)len }, 1))
			return false;
		slot->answer_sent += len;
	}
	if (slot->answer_due && slot->answer_received == (uint64_t)fetch->answer_octets.len + fetch->content.len)
		forget_answer(line, slot);
	return true;
}
