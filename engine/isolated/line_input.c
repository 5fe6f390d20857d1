/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line_input.h"

#include <errno.h>
#include <string.h>

/* Writes the end of the input, or the error in its place. */
static bool send_end(struct line *line, struct slot *slot, int error)
{
	const struct wire_input_end end = { .error = error };

	slot->input_ended = true;
	return line_write(line, slot, WIRE_INPUT_END, &(struct wire_part){ &end, sizeof(end) }, 1);
}

bool line_send_input(struct line *line, struct slot *slot)
{
	struct tux_req *call = slot->call;
	uint8_t *const content = line->calls->lines->content;
	bool sent = true;

	while (sent && slot->reads && slot->input_wanted && !slot->input_ended && slot->input_sent - slot->input_taken < WIRE_WINDOW) {
		const uint64_t window = WIRE_WINDOW - (slot->input_sent - slot->input_taken);
		const uint32_t most = window < WIRE_PIECE ? (uint32_t)window : WIRE_PIECE;
		int taken;

		if (!wire_fits(&line->out, most) || !wire_fits(&line->out, sizeof(struct wire_input_end)))
			return false;
		taken = body_queue_take(&call->queue, content, most);
		if (taken == -EAGAIN)
			break;
		if (taken == -ESHUTDOWN) {
			sent = line_write(line, slot, WIRE_CLOSING, NULL, 0);
		} else if (taken > 0) {
			sent = line_write(line, slot, WIRE_INPUT, &(struct wire_part){ content, (uint32_t)taken }, 1);
			slot->input_sent += (uint64_t)taken;
		} else {
			sent = send_end(line, slot, taken);
		}
		if (taken > 0 && body_queue_is_full(&call->queue))
			call_wake(call); /* the client waits for room */
	}
	return sent;
}

bool line_take_progress(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	struct wire_room room = { 0 };

	if (len == sizeof(room))
		memcpy(&room, buf, sizeof(room));
	if (len != sizeof(room) || !slot->reads || !wire_taken_valid(room.taken, slot->input_taken, slot->input_sent))
		return false;
	slot->input_taken = room.taken;
	slot->input_wanted = true;
	line_submit(line, slot);
	return true;
}
