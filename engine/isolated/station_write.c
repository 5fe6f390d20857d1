/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of a station for the server: a short reply in one record, a long one in pieces, a stream, or a look-up. */
#include "station.h"

#include <errno.h>
#include <unistd.h>

#include "../modules/stream.h"

static bool write_reply(struct station *station, const struct tux_req *call, struct wire_reply *reply, const struct wire_part *text,
                        const struct wire_part *body)
{
	struct wire_record record = { .kind = WIRE_REPLY, .slot = call->slot, .generation = station->seat[call->slot].generation };
	const struct wire_part part[] = {
		{ reply, sizeof(*reply) }, { call->type.data, call->type.len }, { call->fields.data, call->fields.len }, *text, *body,
	};

	reply->type_len = part[1].len;
	reply->fields_len = part[2].len;
	reply->text_len = part[3].len;
	reply->body_len = part[4].len;
	if (!wire_write(&station->out, &record, part, 5))
		return false;
	station->wrote = true;
	return true;
}

/* Returns the next bytes of a body, at most *len; sets *len to 0 if they cannot be read. */
static const void *body_piece(const struct tux_req *call, uint64_t at, uint32_t *len)
{
	const struct station *station = (const struct station *)call->calls;
	ssize_t n;

	if (call->reply != REPLY_FD)
		return (const uint8_t *)call->data + at;
	do
		n = pread(call->fd, station->piece, *len, (off_t)(call->off + at));
	while (n < 0 && errno == EINTR);
	*len = n > 0 ? (uint32_t)n : 0;
	return station->piece;
}

/* Writes more of a reply in pieces. */
static enum progress send_pieces(struct tux_req *call)
{
	struct station *station = station_of(call);
	struct seat *seat = &station->seat[call->slot];
	struct wire_reply reply = { .status = call->status, .result = WIRE_STREAM, .total = call->len };
	const struct wire_part nothing = { NULL, 0 };

	seat->streams = seat->streams || write_reply(station, call, &reply, &nothing, &nothing);
	if (!seat->streams)
		return PROGRESS_ROOM;
	while (seat->sent < call->len) {
		uint32_t len = WIRE_PIECE;
		const void *piece;

		if (len > call->len - seat->sent)
			len = (uint32_t)(call->len - seat->sent);
		if (len > WIRE_WINDOW - (seat->sent - seat->taken))
			return PROGRESS_WINDOW;
		if (!wire_fits(&station->out, len))
			return PROGRESS_ROOM;
		piece = body_piece(call, seat->sent, &len);
		if (len == 0) /* the file has shrunk */
			return station_write(station, call, WIRE_END, WIRE_CUT, NULL, 0) ? PROGRESS_DONE : PROGRESS_ROOM;
		station_write(station, call, WIRE_DATA, 0, piece, len);
		seat->sent += len;
	}
	return station_write(station, call, WIRE_END, 0, NULL, 0) ? PROGRESS_DONE : PROGRESS_ROOM;
}

/* Lets the server look up the file, or send the request, that the module waits for, after it has taken all that was written. */
static enum progress ask(struct station *station, struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];
	const uint8_t reads = __atomic_load_n(&station->reads_files, __ATOMIC_RELAXED) ? WIRE_READS : 0;

	if (seat->fetch_due)
		return station_fetch_send(station, call) ? PROGRESS_IDLE : PROGRESS_ROOM;
	if (!seat->lookup_due)
		return PROGRESS_IDLE;
	if (!station_write(station, call, WIRE_LOOKUP, reads, call->text.data, call->text.len))
		return PROGRESS_ROOM;
	seat->lookup_due = false;
	seat->looks = true;
	return PROGRESS_IDLE;
}

/* Writes a piece of a stream, for which there is room. */
static void write_stream(struct station *station, struct tux_req *call, struct stream_piece *piece)
{
	const struct wire_part_of_file part = { .off = piece->file_off, .len = piece->file_len };
	struct seat *seat = &station->seat[call->slot];

	if (piece->file_len > 0)
		station_write(station, call, WIRE_FILE, 0, &part, sizeof(part));
	else
		station_write(station, call, WIRE_DATA, 0, piece->bytes.data, piece->bytes.len);
	seat->sent += piece->file_len > 0 ? piece->file_len : piece->bytes.len;
	buffer_forget(&piece->bytes);
	call_tell_room(call);
	if (call_waits(call))
		call_wake(call); /* it may wait for room */
}

/* Returns the flags of WIRE_PAUSE: whether the module waits for something that is not the server's. */
static uint8_t waits_of(const struct tux_req *call)
{
	if (!call_waits(call))
		return 0;
	return call->wait.until == UNTIL_TIME ? WIRE_WAITS : call->wait.until == UNTIL_BODY ? WIRE_WAITS_FOR_INPUT : 0;
}

/* Writes the head of a stream or a tunnel. Returns false without room for it. */
static bool begin_stream(struct station *station, struct tux_req *call, int64_t length)
{
	struct seat *seat = &station->seat[call->slot];
	struct wire_reply reply = { .status = call->status, .result = call->upgraded ? WIRE_TUNNEL : WIRE_STREAM,
		                    .total = length < 0 ? UINT64_MAX : (uint64_t)length };
	const struct wire_part nothing = { NULL, 0 };

	seat->streams = seat->streams || write_reply(station, call, &reply, &nothing, &nothing);
	seat->reads = seat->reads || (seat->streams && call->upgraded);
	return seat->streams;
}

/* Ends a stream of which everything was written. The end of a tunnel's output is not that of the tunnel. */
static enum progress end_stream(struct station *station, struct tux_req *call, enum stream_state state)
{
	struct seat *seat = &station->seat[call->slot];

	if (call->upgraded && state == STREAM_WHOLE && !call_is_returned(call)) {
		seat->half = seat->half || station_write(station, call, WIRE_END, WIRE_HALF, NULL, 0);
		return seat->half ? ask(station, call) : PROGRESS_ROOM;
	}
	return station_write(station, call, WIRE_END, state == STREAM_CUT ? WIRE_CUT : 0, NULL, 0) ? PROGRESS_DONE : PROGRESS_ROOM;
}

/* Writes more of the stream of a module. The module has room again as soon as bytes were taken. */
static enum progress send_stream(struct tux_req *call)
{
	struct station *station = station_of(call);
	struct seat *seat = &station->seat[call->slot];
	const uint8_t waits = waits_of(call);
	int64_t length;

	if (!station_input_tell(station, call) || !station_fetch_tell(station, call))
		return PROGRESS_ROOM;
	if ((waits != seat->paused || (seat->renews && waits == 0)) && !station_write(station, call, WIRE_PAUSE, waits, NULL, 0))
		return PROGRESS_ROOM;
	seat->paused = waits;
	seat->renews = false;
	if (!stream_has_begun(&call->stream, &length))
		return ask(station, call);
	if (!begin_stream(station, call, length))
		return PROGRESS_ROOM;
	for (;;) {
		struct stream_piece piece;

		if (seat->sent != seat->taken)
			return PROGRESS_WINDOW;
		if (!wire_fits(&station->out, STREAM_ROOM))
			return PROGRESS_ROOM;
		stream_take(&call->stream, UINT64_MAX, &piece);
		if (piece.bytes.len > 0 || piece.file_len > 0) {
			write_stream(station, call, &piece);
			continue;
		}
		if (piece.state == STREAM_OPEN)
			return ask(station, call);
		return end_stream(station, call, piece.state);
	}
}

static bool has_content(const struct tux_req *call)
{
	return call->status != 204 && call->status != 304;
}

bool station_send_reply(struct tux_req *call)
{
	struct station *station = station_of(call);
	struct wire_reply reply = { .status = call->status };
	struct wire_part text = { NULL, 0 }, body = { NULL, 0 };

	switch ((enum call_reply)call->reply) {
	case REPLY_NONE:
	case REPLY_SENT:
	case REPLY_STREAM:
		return true;
	case REPLY_TARGET:
	case REPLY_REDIRECT:
		reply.result = call->reply == REPLY_TARGET ? WIRE_TARGET : WIRE_REDIRECT;
		text = (struct wire_part){ call->text.data, call->text.len };
		break;
	case REPLY_FD:
	case REPLY_BORROWED:
	case REPLY_COPY:
	case REPLY_MEMORY:
		if (has_content(call) && (call->reply == REPLY_FD || call->len > WIRE_INLINE))
			return false;
		reply.result = WIRE_BYTES;
		if (has_content(call))
			body = (struct wire_part){ call->data, (uint32_t)call->len };
		break;
	}
	return write_reply(station, call, &reply, &text, &body);
}

/* Writes a result without a reply. */
static bool send_result(struct tux_req *call, enum wire_result result)
{
	struct wire_reply reply = { .result = result };
	const struct wire_part nothing = { NULL, 0 };

	return write_reply(station_of(call), call, &reply, &nothing, &nothing);
}

bool station_may_stream(const struct tux_req *call)
{
	return !call_is_returned(call) || call->reply == REPLY_STREAM;
}

enum progress station_answer(struct tux_req *call)
{
	bool sent;

	if (call->slot == NO_SLOT)
		return PROGRESS_DONE;
	if (station_may_stream(call))
		return send_stream(call);
	if (call->reply == REPLY_SENT)
		return PROGRESS_DONE;
	if (call->result == CALL_DONE && has_content(call) &&
	    (call->reply == REPLY_FD || ((call->reply == REPLY_COPY || call->reply == REPLY_MEMORY) && call->len > WIRE_INLINE)))
		return send_pieces(call);
	if (call->result == CALL_DECLINED)
		sent = send_result(call, WIRE_DECLINED);
	else if (call->result != CALL_DONE)
		sent = send_result(call, WIRE_FAILED);
	else
		sent = station_send_reply(call);
	return sent ? PROGRESS_DONE : PROGRESS_ROOM;
}
