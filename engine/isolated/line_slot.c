/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line_slot.h"

#include "../modules/call_fetch.h"
#include "../modules/stream_api.h"
#include "../thread.h"

/* Frees what a slot holds. */
static void forget(struct slot *slot)
{
	residence_leave(&slot->waiter);
	buffer_forget(&slot->rest);
	call_fetch_free(slot->fetch);
	slot->fetch = NULL;
}

void line_reset_slots(struct line *line)
{
	for (uint32_t i = 0; i < WIRE_SLOTS; i++) {
		struct slot *slot = &line->slot[i];

		forget(slot);
		*slot = (struct slot){ .generation = slot->generation, .next = i + 1 < WIRE_SLOTS ? i + 1 : LINE_NO_SLOT };
	}
	line->unused = 0;
	line->pending = LINE_NO_SLOT;
	line->in_flight = 0;
	line->reserved = 0;
}

static uint32_t number_of(const struct line *line, const struct slot *slot)
{
	return (uint32_t)(slot - line->slot);
}

struct slot *line_take_slot(struct line *line, struct tux_req *call)
{
	struct slot *slot = line->unused != LINE_NO_SLOT ? &line->slot[line->unused] : NULL;

	if (slot == NULL)
		return NULL;
	line->unused = slot->next;
	line->in_flight++;
	*slot = (struct slot){ .call = call, .generation = slot->generation + 1, .began_ms = call->calls->thread->now_ms };
	call->slot = number_of(line, slot);
	return slot;
}

void line_free_slot(struct line *line, struct slot *slot)
{
	forget(slot);
	line->reserved -= slot->reserved;
	slot->reserved = 0;
	slot->call = NULL;
	slot->unused = slot->pending;
	if (slot->unused)
		return;
	*slot = (struct slot){ .generation = slot->generation, .next = line->unused };
	line->unused = number_of(line, slot);
	line->in_flight--;
}

void line_fail_call(struct tux_req *call, uint16_t status, enum why why)
{
	if (call->reply == REPLY_STREAM) {
		api_stream_cut(call);
		call_return(call, CALL_DONE);
		return;
	}
	call->failure = status;
	call->why = (uint8_t)why;
	call_return(call, CALL_FAILED);
}

bool line_write(struct line *line, const struct slot *slot, enum wire_kind kind, const struct wire_part *part, unsigned parts)
{
	struct wire_record record = { .kind = (uint8_t)kind, .slot = number_of(line, slot), .generation = slot->generation };

	if (!wire_write(&line->out, &record, part, parts))
		return false;
	line->wrote = true;
	return true;
}

void line_send_pending(struct line *line)
{
	bool wanted = false;

	while (line->pending != LINE_NO_SLOT) {
		struct slot *slot = &line->slot[line->pending];
		const uint32_t next = slot->next;

		slot->pending = false;
		if (!line->calls->lines->send(line, slot)) {
			slot->pending = true;
			if (wanted)
				return;
			wire_want_room(&line->out); /* then look once more */
			wanted = true;
			continue;
		}
		line->pending = next;
		wanted = false;
	}
}

void line_submit(struct line *line, struct slot *slot)
{
	if (slot->pending)
		return;
	if (line->pending == LINE_NO_SLOT && line->calls->lines->send(line, slot))
		return;
	slot->pending = true;
	slot->next = LINE_NO_SLOT;
	if (line->pending == LINE_NO_SLOT)
		line->pending = number_of(line, slot);
	else
		line->slot[line->pending_last].next = number_of(line, slot);
	line->pending_last = number_of(line, slot);
	line_send_pending(line);
}

void line_leave(struct line *line, struct slot *slot)
{
	residence_leave(&slot->waiter);
	slot->call = NULL;
	slot->task = TASK_NONE;
	line_submit(line, slot);
}

void line_give_up(struct line *line, struct slot *slot)
{
	struct tux_req *const call = slot->call;

	line_leave(line, slot);
	line_fail_call(call, 503, WHY_MEMORY);
}
