/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_stream.h"

#include "../log/access_record.h"
#include "module_head.h"

enum {
	BEFORE_FILE = 8192,   /* bytes that are sent together with the bytes of a file after them */
	FILE_PIECE = 1 << 30, /* bytes of a file that are sent in one chunk */
};

/* Prepares an error response in place of a stream that cannot begin. */
static enum module_stream_step fail(struct request *req, uint16_t status, enum why why)
{
	req->error_status = status;
	req->cause = because(why, 0);
	return STREAM_STEP_FAILED;
}

static enum module_stream_step break_off(struct request *req, enum why why)
{
	req->cause = because(why, 0);
	return STREAM_STEP_BROKEN;
}

/* Gives the head of a tunnel to the sink. Returns false like its tunnel_head(). */
static bool begin_tunnel(struct request *req, struct tux_req *call, struct tux_head *head)
{
	head->type.len = 0;
	if (!req->sink->tunnel_head(req, head, (struct tux_octets){ call->type.data, call->type.len }))
		return false;
	call->tunnel = call->moved = true;
	if (req->thread->draining)
		body_queue_shut(&call->queue);
	call_tell_body(call);
	return true;
}

/* Gives the head to the sink. STREAM_STEP_WAITS: the content may follow. */
static enum module_stream_step begin(struct request *req, struct tux_req *call, int64_t length)
{
	char room[MODULE_MAX_LINES];
	struct tux_head head;

	if (!module_head(req, call, room, &head))
		return fail(req, 500, WHY_FIELDS_LONG);
	head.has_length = length >= 0 && module_has_content(call->status);
	head.content_length = head.has_length ? (uint64_t)length : 0;
	req->sent_bytes = 0;
	if (!(call->upgraded ? begin_tunnel(req, call, &head) : req->sink->stream_head(req, &head)))
		return fail(req, 503, WHY_MEMORY);
	access_record_stream(req, call->status, module_name(call->loaded));
	req->module_stream = MODULE_STREAM_BEGUN;
	return STREAM_STEP_WAITS;
}

/* Ends the content, once. */
static enum module_stream_step end(struct request *req)
{
	if (req->module_stream == MODULE_STREAM_BEGUN && !req->sink->content_end(req, NULL, 0))
		return break_off(req, WHY_MEMORY);
	req->module_stream = MODULE_STREAM_ENDED;
	return req->ready.len > 0 ? STREAM_STEP_READY : STREAM_STEP_OVER;
}

/* True if the module has not given a tunnel back. */
static bool is_read(const struct tux_req *call)
{
	return !call_is_returned(call);
}

/* Ends the server's side of a tunnel, which the module still reads. */
static enum module_stream_step end_output(struct request *req, struct tux_req *call)
{
	if (req->ready.len > 0)
		return STREAM_STEP_READY;
	if (!call->output_ended)
		req->sink->end_output(req);
	call->output_ended = true;
	return STREAM_STEP_WAITS;
}

/* Continues after everything that was written was taken. */
static enum module_stream_step follow(struct request *req, struct tux_req *call, enum stream_state state)
{
	if (state == STREAM_WHOLE && call->tunnel && is_read(call))
		return end_output(req, call);
	if (state == STREAM_WHOLE)
		return end(req);
	if (req->ready.len > 0)
		return STREAM_STEP_READY;
	if (state == STREAM_CUT)
		return break_off(req, WHY_MODULE_CUT);
	if (call_is_returned(call)) /* it could not be resumed */
		return break_off(req, WHY_MODULE_FAILED);
	return STREAM_STEP_WAITS;
}

/* Gives bytes of the file to the sink, which sends them without a copy. */
static enum module_stream_step move_file(struct request *req, const struct tux_req *call, const struct stream_piece *piece)
{
	struct object *object = call->file.object;
	const struct representation *rep = object->representation[TUX_CODING_IDENTITY];
	const struct body_source body = {
		.object = object,
		.fd = rep->fd,
		.count = 1,
		.one = { .memory = rep->in_memory ? rep->bytes + piece->file_off : NULL, .off = piece->file_off, .len = piece->file_len },
	};

	return req->sink->content_file(req, &body) ? STREAM_STEP_QUEUED : break_off(req, WHY_MEMORY);
}

/* Moves the content to the sink. STREAM_STEP_WAITS: everything was moved, until *state. */
static enum module_stream_step move(struct request *req, struct tux_req *call, enum stream_state *state)
{
	while (req->ready.len < STREAM_ROOM) {
		struct stream_piece piece;
		bool fits;

		stream_take(&call->stream, req->ready.len > BEFORE_FILE ? 0 : FILE_PIECE, &piece);
		*state = piece.state;
		if (piece.file_len == 0 && piece.bytes.len == 0)
			return STREAM_STEP_WAITS;
		call->moved = true;
		if (piece.file_len > 0)
			return move_file(req, call, &piece);
		fits = req->sink->content(req, piece.bytes.data, piece.bytes.len);
		buffer_forget(&piece.bytes);
		if (!fits)
			return break_off(req, WHY_MEMORY);
	}
	return STREAM_STEP_READY;
}

enum module_stream_step module_stream_step(struct request *req, struct tux_req *call)
{
	enum module_stream_step step = STREAM_STEP_WAITS;
	enum stream_state state;
	int64_t length;

	if (req->module_stream == MODULE_STREAM_NONE) {
		if (!stream_has_begun(&call->stream, &length))
			return STREAM_STEP_WAITS;
		step = begin(req, call, length);
	}
	if (step == STREAM_STEP_WAITS)
		step = move(req, call, &state);
	module_stream_time(call);
	call_tell_room(call);
	return step == STREAM_STEP_WAITS ? follow(req, call, state) : step;
}

bool module_stream_excuses(struct tux_req *call)
{
	return call->kept && (stream_state(&call->stream) > STREAM_OPEN || stream_waits_for_room(&call->stream) || (call->tunnel && call_is_suspended(call)));
}

void module_stream_time(struct tux_req *call)
{
	const bool progressed = stream_progressed(&call->stream);

	if (!call->kept)
		return;
	if (module_stream_excuses(call))
		timer_stop(&call->timer);
	else if (progressed || call->timer.next == NULL)
		call->calls->ops->keep(call);
}
