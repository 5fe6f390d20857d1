/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bodies in pieces, and the input of tunnels. */
#include "station.h"

#include <errno.h>
#include <string.h>

static const char nonsense[] = "the server has sent nonsense";

/* Handles bytes of the input. */
static void on_input(struct station *station, struct seat *seat, const uint8_t *buf, uint32_t len)
{
	struct tux_req *call = seat->call;

	if (len == 0 || len > WIRE_WINDOW - (seat->input - seat->input_told))
		station_die(station, nonsense);
	seat->input += len;
	if (!body_queue_add(&call->queue, buf, len))
		body_queue_end(&call->queue, -ENOMEM);
	(void)body_queue_room(&call->queue); /* without room the station is told when the module takes bytes */
}

static void on_input_end(struct station *station, struct seat *seat, const uint8_t *buf, uint32_t len)
{
	struct wire_input_end end = { .error = 1 };

	if (len == sizeof(end))
		memcpy(&end, buf, sizeof(end));
	if (end.error > 0)
		station_die(station, nonsense);
	body_queue_end(&seat->call->queue, end.error);
}

void station_input_take(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	struct tux_req *call = seat->call;

	if (!seat->reads)
		station_die(station, nonsense);
	if (call == NULL) /* it has ended, and the server does not know that yet */
		return;
	if (record->kind == WIRE_INPUT)
		on_input(station, seat, buf, record->len);
	else if (record->kind == WIRE_INPUT_END)
		on_input_end(station, seat, buf, record->len);
	else
		body_queue_shut(&call->queue);
	call_tell_body(call);
}

bool station_input_tell(struct station *station, const struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];
	struct body_queue *queue = (struct body_queue *)(uintptr_t)&call->queue;
	const bool wants = body_queue_is_wanted(queue);
	const struct wire_room room = { .taken = seat->input - body_queue_waiting(queue) };
	const uint64_t news = room.taken - seat->input_told;

	if (!seat->reads || !(news >= WIRE_WINDOW / 2 || (news > 0 && wants) || (wants && !seat->asked)))
		return true;
	if (!station_write(station, call, WIRE_TAKEN, 0, &room, sizeof(room)))
		return false;
	seat->input_told = room.taken;
	seat->asked = true;
	return true;
}
