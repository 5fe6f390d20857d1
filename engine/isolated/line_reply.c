/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line_reply.h"

#include <errno.h>
#include <string.h>

#include "../log/cause.h"
#include "../modules/file_api.h"
#include "../modules/stream_api.h"

/* Adds the field lines of a reply, and ends the texts in buf by NULs. Returns 0, or the error of the module interface. */
static int add_fields(struct tux_req *call, char *at, uint32_t len)
{
	while (len > 0) {
		char *colon = memchr(at, ':', len);
		char *end = colon != NULL ? memchr(colon, '\r', len - (size_t)(colon - at)) : NULL;
		const size_t line = end != NULL ? (size_t)(end - at) + 2 : 0;
		int error;

		if (end == NULL || line > len || end - colon < 2)
			return -EINVAL;
		*colon = *end = '\0';
		error = calls_api.add_field(call, at, colon + 2);
		if (error != 0)
			return error;
		at += line;
		len -= (uint32_t)line;
	}
	return 0;
}

/* Takes a reply whose body is there. Returns 0, or the error of the module interface. */
static int take_reply(struct tux_req *call, const struct wire_reply *reply, uint8_t *at, const uint8_t *body)
{
	char type[256], text[TUX_MAX_TARGET + 1];
	int error;

	memcpy(type, at, reply->type_len);
	type[reply->type_len] = '\0';
	at += reply->type_len;
	error = add_fields(call, (char *)at, reply->fields_len);
	if (error != 0)
		return error;
	at += reply->fields_len;
	memcpy(text, at, reply->text_len);
	text[reply->text_len] = '\0';
	if (reply->result == WIRE_TARGET)
		return calls_api.reply_file(call, text, reply->text_len);
	if (reply->result == WIRE_REDIRECT)
		return calls_api.reply_redirect(call, reply->status, text);
	return calls_api.reply(call, reply->status, type, body, reply->body_len);
}

/* Gives a call back to its request, with the reply that was taken, or the error of the module interface for it. */
static void finish(struct line *line, struct slot *slot, int error)
{
	struct tux_req *call = slot->call;

	line_free_slot(line, slot);
	if (error == -ENOMEM)
		line_fail_call(call, 503, WHY_MEMORY);
	else
		call_return(call, CALL_DONE);
}

/* Ends a stream. Gives the call back to its request, unless the process goes on to read a tunnel. */
static void end_stream(struct line *line, struct slot *slot)
{
	struct tux_req *call = slot->call;

	if (slot->cut)
		api_stream_cut(call);
	else
		api_stream_end(call); /* a second time at the end of a tunnel */
	if (!slot->over)
		return;
	line_free_slot(line, slot);
	call_return(call, CALL_DONE);
}

bool line_move(struct line *line, struct slot *slot)
{
	const uint64_t before = slot->taken;

	if (slot->file_len > 0) {
		const int error = api_stream_file(slot->call, slot->file_off, slot->file_len);

		if (error != 0)
			return error == -EAGAIN; /* writable() follows */
		slot->received += slot->file_len;
		slot->taken += slot->file_len;
		slot->file_len = 0;
	}
	while (slot->rest.len > 0) {
		const int taken = api_stream_write(slot->call, slot->rest.data, slot->rest.len);

		if (taken == -ENOMEM) {
			line_give_up(line, slot);
			return true;
		}
		if (taken < 0)
			return false;
		if (taken == 0)
			break;
		buffer_drop(&slot->rest, (uint32_t)taken);
		slot->taken += (uint64_t)taken;
	}
	if (slot->ended && (slot->rest.len == 0 || slot->cut)) {
		end_stream(line, slot);
		return true;
	}
	if (slot->taken > before) {
		slot->room_due = true;
		line_submit(line, slot);
	}
	return true;
}

/* Begins a reply whose body follows in pieces. Returns false if it is nonsense. */
static bool begin_pieces(struct line *line, struct slot *slot, const struct wire_reply *reply, uint8_t *at)
{
	const int64_t length = reply->total == UINT64_MAX ? -1 : (int64_t)reply->total;
	struct tux_req *call = slot->call;
	char type[256];
	int error;

	if (reply->total != UINT64_MAX && reply->total > INT64_MAX)
		return false;
	memcpy(type, at, reply->type_len);
	type[reply->type_len] = '\0';
	slot->streams = true;
	error = add_fields(call, (char *)at + reply->type_len, reply->fields_len);
	if (error == 0 && reply->result == WIRE_TUNNEL)
		error = api_upgrade(call, type);
	else if (error == 0)
		error = api_stream_begin(call, reply->status, type, length);
	if (reply->result == WIRE_TUNNEL) {
		slot->reads = slot->input_wanted = true;
	}
	if (error == -ENOMEM)
		line_give_up(line, slot);
	else if (error == 0 && reply->result == WIRE_TUNNEL)
		line_submit(line, slot);
	return error == 0 || error == -ENOMEM;
}

/* Handles a piece of a reply. Returns false if it is nonsense. */
static bool on_data(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	if (!slot->streams || slot->ended || slot->file_len > 0 || !wire_window_permits(slot->received, slot->taken, len))
		return false;
	slot->received += len;
	if (buffer_keep(&slot->rest, buf, len))
		return line_move(line, slot);
	line_give_up(line, slot);
	return true;
}

/* Handles the end of a reply in pieces, or of a tunnel. Returns false if it is nonsense. */
static bool on_end(struct line *line, struct slot *slot, uint8_t flags)
{
	const bool half = flags == WIRE_HALF;

	if (!slot->streams || slot->over || slot->file_len > 0 || (half && (slot->ended || !slot->call->upgraded)))
		return false;
	slot->ended = true;
	slot->over = !half;
	slot->cut = (flags & WIRE_CUT) != 0;
	return line_move(line, slot);
}

/* Copies the record of a part of a file. Returns false if it is nonsense. */
static bool part_of_file(const uint8_t *buf, uint32_t len, struct wire_part_of_file *part)
{
	*part = (struct wire_part_of_file){ .len = 0 };
	if (len == sizeof(*part))
		memcpy(part, buf, sizeof(*part));
	return part->len > 0;
}

/* Continues a reply with bytes of the file. Returns false if it is nonsense. */
static bool on_file(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	struct wire_part_of_file part;

	if (!part_of_file(buf, len, &part) || !slot->streams || slot->ended || slot->rest.len > 0 || slot->file_len > 0)
		return false;
	slot->file_off = part.off;
	slot->file_len = part.len;
	return line_move(line, slot); /* checks the rest */
}

/* Reads bytes of the file for the process. Returns false if it asks for nonsense. */
static bool on_read(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	struct wire_part_of_file part;
	uint64_t size;

	if (!part_of_file(buf, len, &part) || slot->read_len > 0 || api_file(slot->call, &size) != 0 ||
	    !wire_part_valid(&part, size, WIRE_INLINE))
		return false;
	slot->read_off = part.off;
	slot->read_len = (uint32_t)part.len;
	line_submit(line, slot);
	return true;
}

/* Looks up a file: the server has the call until then. Returns false if the record is nonsense. */
static bool on_lookup(struct line *line, struct slot *slot, uint8_t flags, const uint8_t *buf, uint32_t len)
{
	int result;

	if (slot->over || slot->rest.len > 0 || slot->file_len > 0 || slot->read_len > 0 || slot->found_due)
		return false;
	result = api_resume_with_file(slot->call, (const char *)buf, len);
	slot->task = result == TUX_SUSPEND ? TASK_LOOKUP : TASK_NONE;
	slot->with_bytes = flags == WIRE_READS;
	slot->waiter.end = 0; /* it knows bytes of the file before */
	if (result == -ESTALE)
		line_leave(line, slot);
	if (result == -ENOMEM)
		line_give_up(line, slot);
	return result == TUX_SUSPEND || result == -ESTALE || result == -ENOMEM;
}

/* Handles a reply. Returns false if it is nonsense. */
static bool on_reply(struct line *line, struct slot *slot, uint8_t *buf, uint32_t len)
{
	struct wire_reply reply;
	struct tux_req *call = slot->call;
	int error;

	if (len < sizeof(reply))
		return false;
	memcpy(&reply, buf, sizeof(reply));
	if (!wire_reply_valid(&reply, len) || slot->streams)
		return false;
	switch ((enum wire_result)reply.result) {
	case WIRE_DECLINED:
	case WIRE_FAILED:
		line_free_slot(line, slot);
		call_return(call, reply.result == WIRE_DECLINED ? CALL_DECLINED : CALL_FAILED);
		return true;
	case WIRE_STREAM:
	case WIRE_TUNNEL:
		return begin_pieces(line, slot, &reply, buf + sizeof(reply));
	case WIRE_BYTES:
	case WIRE_TARGET:
	case WIRE_REDIRECT:
		break;
	}
	error = take_reply(call, &reply, buf + sizeof(reply), buf + len - reply.body_len);
	if (error != 0 && error != -ENOMEM)
		return false;
	finish(line, slot, error);
	return true;
}

/* Stops or starts the time limit of a call: a time that the module has chosen is not limited. */
static void pause_limit(struct tux_req *call, bool paused)
{
	call->paused = paused;
	if (paused)
		timer_stop(&call->timer);
	else if (!stream_waits_for_room(&call->stream)) /* else the client is late, not the module */
		call->calls->ops->keep(call);
}

/* Handles the start or end of a pause, or another start of the time limit. Returns false if it is nonsense. */
static bool on_pause(struct tux_req *call, uint8_t flags)
{
	const bool paused = (flags & (WIRE_WAITS | WIRE_WAITS_FOR_INPUT)) != 0, for_input = (flags & WIRE_WAITS_FOR_INPUT) != 0;

	if (paused && call->paused && call->awaits_input == for_input)
		return false;
	pause_limit(call, paused);
	if (call->awaits_input != for_input)
		call_wake(call); /* the limit of the client begins or ends */
	call->awaits_input = for_input;
	return true;
}

bool line_take_record(struct line *line, struct slot *slot, const struct wire_record *record, uint8_t *buf)
{
	switch (record->kind) {
	case WIRE_REPLY:
		return on_reply(line, slot, buf, record->len);
	case WIRE_PAUSE:
		return on_pause(slot->call, record->flags);
	case WIRE_DATA:
		return on_data(line, slot, buf, record->len);
	case WIRE_END:
		return on_end(line, slot, record->flags);
	case WIRE_LOOKUP:
		return on_lookup(line, slot, record->flags, buf, record->len);
	case WIRE_FILE:
		return on_file(line, slot, buf, record->len);
	case WIRE_READ_FILE:
		return on_read(line, slot, buf, record->len);
	default:
		return false;
	}
}
