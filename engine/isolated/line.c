/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../io/loop.h"
#include "../log/cause.h"
#include "../modules/file_api.h"
#include "../modules/stream_api.h"
#include "../thread.h"
#include "process.h"

enum {
	RECORDS = 256,        /* read from a line in a turn */
	IDLE_WAKES = 10000,   /* wake-ups in a row without a record, after which a process is killed */
	LATE_RECORDS = 10000, /* records in a row for requests that have ended, likewise */
	HANG_MS = 1000,       /* for a process to read on after a request has passed its time limit */
	NO_SLOT = UINT32_MAX,
};

/* A request that the process has. */
struct slot {
	struct tux_req *call; /* NULL: unused, or the request has ended and the process has to be told */
	uint32_t generation;
	uint32_t next;        /* unused slots, or slots whose records wait for room */
	uint64_t began_ms;
	bool pending;         /* records wait for room */
	bool called;          /* the process knows the head of the request */
	bool known;           /* and has its body */
	bool looks;           /* the server looks up a file, and has the call */
	bool found_due;       /* the process has to know the result */
	uint64_t read_off;    /* bytes of the file that the process waits for */
	uint32_t read_len;    /* 0: it does not */
	uint64_t file_off;    /* bytes of the file for which the stream has no room */
	uint64_t file_len;
	uint32_t sent;        /* bytes of the body */
	struct buffer rest;   /* bytes of a reply in pieces that its stream has no room for */
	uint64_t received;    /* bytes of a reply in pieces */
	uint64_t taken;       /* of these by the stream */
	bool streams;         /* a reply in pieces has begun */
	bool ended;           /* its end has come */
	bool cut;
	bool room_due;        /* the process has to know that bytes were taken */
	bool over;            /* the slot is unused as soon as nothing is pending */
};

struct line {
	struct source wake;   /* first member */
	struct calls *calls;
	struct isolated *isolated;
	unsigned thread;
	struct isolated_process *process; /* with a reference; NULL: none is used */
	struct wire_end out;
	struct wire_end in;
	bool wrote;           /* the process may have to be woken */
	bool has_room;        /* the process waits for room, and has it: it is woken even if it does not sleep yet */
	unsigned idle_wakes;
	unsigned late;
	unsigned in_flight;   /* slots in use */
	bool suspect;         /* a request has passed its time limit */
	uint64_t suspect_at;  /* position that the process has to read by suspect_ms */
	uint64_t suspect_ms;
	uint32_t unused;      /* first unused slot */
	uint32_t pending;     /* first slot whose records wait for room */
	uint32_t pending_last;
	struct slot *slot;
};

struct isolated_lines {
	unsigned count;
	uint8_t *buf;         /* a record */
	uint8_t *content;     /* of a file */
	struct line line[];
};

static const char nonsense[] = "its process has written nonsense, and is killed";

static void reset_slots(struct line *line)
{
	for (uint32_t i = 0; i < WIRE_SLOTS; i++) {
		struct slot *slot = &line->slot[i];

		buffer_forget(&slot->rest);
		*slot = (struct slot){ .generation = slot->generation, .next = i + 1 < WIRE_SLOTS ? i + 1 : NO_SLOT };
	}
	line->unused = 0;
	line->pending = NO_SLOT;
	line->in_flight = 0;
}

static uint32_t number_of(const struct line *line, const struct slot *slot)
{
	return (uint32_t)(slot - line->slot);
}

/* Makes a slot unused, now or when it is not pending any more. */
static void free_slot(struct line *line, struct slot *slot)
{
	buffer_forget(&slot->rest);
	slot->call = NULL;
	slot->over = slot->pending;
	if (slot->over)
		return;
	*slot = (struct slot){ .generation = slot->generation, .next = line->unused };
	line->unused = number_of(line, slot);
	line->in_flight--;
}

/* Responds to a call with an error. */
static void fail_call(struct tux_req *call, uint16_t status, enum why why)
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

/* Lets go of a dead process. The requests that it had get 502. */
static void drop_process(struct line *line)
{
	struct isolated_process *process = line->process;

	for (uint32_t i = 0; i < WIRE_SLOTS; i++)
		if (line->slot[i].looks)
			line->slot[i].call->slot = NO_SLOT; /* resumed() follows */
		else if (line->slot[i].call != NULL)
			fail_call(line->slot[i].call, 502, WHY_MODULE_ENDED);
	reset_slots(line);
	line->process = NULL;
	line->wrote = line->has_room = false;
	isolated_process_put(process);
}

/* Kills the process, because it breaks the rules. */
static void kill_process(struct line *line, const char *why)
{
	isolated_process_kill(line->process, why);
	drop_process(line);
}

/* Makes sure that the line has a process. Returns false if none can be started now. */
static bool have_process(struct line *line)
{
	struct isolated_process *process;

	if (line->process != NULL && isolated_process_is_dead(line->process))
		drop_process(line);
	if (line->process != NULL)
		return true;
	process = isolated_process_get(line->isolated);
	if (process != NULL && isolated_process_is_dead(process)) {
		isolated_process_put(process);
		process = NULL;
	}
	if (process == NULL)
		return false;
	line->process = process;
	line->out = (struct wire_end){ .ring = &process->pair[line->thread].to_module };
	line->in = (struct wire_end){ .ring = &process->pair[line->thread].to_server };
	line->late = line->idle_wakes = 0;
	line->suspect = false;
	return true;
}

static bool write_record(struct line *line, const struct slot *slot, enum wire_kind kind, const struct wire_part *part, unsigned parts)
{
	struct wire_record record = { .kind = (uint8_t)kind, .slot = number_of(line, slot), .generation = slot->generation };

	if (!wire_write(&line->out, &record, part, parts))
		return false;
	line->wrote = true;
	return true;
}

static bool send_call(struct line *line, struct slot *slot)
{
	const struct tux_req *call = slot->call;
	const struct tux_request *head = call->head;
	struct wire_call fixed = {
		.body_len = call->body.len, .head_len = head->head_len, .path_len = call->path_len, .fields = head->fields.count,
		.client_port = call->client_port,
	};
	const struct wire_part part[] = {
		{ &fixed, sizeof(fixed) }, { head, (uint32_t)(offsetof(struct tux_request, fields.line) + head->fields.count * sizeof(struct tux_field)) },
		{ call->bytes, head->head_len }, { call->path, call->path_len },
	};

	memcpy(fixed.client_address, call->client_address, sizeof(fixed.client_address));
	return write_record(line, slot, WIRE_CALL, part, 4);
}

static bool send_room(struct line *line, struct slot *slot)
{
	const struct wire_room room = { .taken = slot->taken };
	const struct wire_part part = { &room, sizeof(room) };

	slot->room_due = slot->room_due && !write_record(line, slot, WIRE_ROOM, &part, 1);
	return !slot->room_due;
}

static bool send_found(struct line *line, struct slot *slot)
{
	struct wire_found found = { .zero = 0 };
	const struct wire_part part = { &found, sizeof(found) };

	if (slot->found_due)
		found.error = api_file(slot->call, &found.size);
	slot->found_due = slot->found_due && !write_record(line, slot, WIRE_FOUND, &part, 1);
	return !slot->found_due;
}

/* Reads bytes of the file for the process. */
static bool send_content(struct line *line, struct slot *slot)
{
	uint8_t *const content = line->calls->lines->content;
	int len;

	if (slot->read_len == 0)
		return true;
	if (!wire_fits(&line->out, slot->read_len))
		return false;
	len = api_file_read(slot->call, slot->read_off, content, slot->read_len);
	slot->read_len = 0;
	return write_record(line, slot, WIRE_CONTENT, &(struct wire_part){ content, len > 0 ? (uint32_t)len : 0 }, 1);
}

/* Writes the request. Returns false if it needs more room. */
static bool send_request(struct line *line, struct slot *slot)
{
	slot->called = slot->called || send_call(line, slot);
	while (slot->called && slot->sent < slot->call->body.len) {
		const uint32_t left = slot->call->body.len - slot->sent;
		const struct wire_part part = { slot->call->body.data + slot->sent, left < WIRE_PIECE ? left : WIRE_PIECE };

		if (!write_record(line, slot, WIRE_BODY, &part, 1))
			return false;
		slot->sent += part.len;
	}
	if (slot->called)
		buffer_forget(&slot->call->body);
	slot->known = slot->called;
	return slot->called;
}

/* Writes the records of a slot that are due. Returns false if they need more room. */
static bool send_slot(struct line *line, struct slot *slot)
{
	if (slot->call == NULL) {
		if (slot->called && !slot->over && !write_record(line, slot, WIRE_GONE, NULL, 0))
			return false;
		free_slot(line, slot);
		return true;
	}
	if (!slot->known)
		return send_request(line, slot);
	return send_room(line, slot) && send_found(line, slot) && send_content(line, slot);
}

/* Writes what waits for room, in its order. */
static void send_pending(struct line *line)
{
	bool wanted = false;

	while (line->pending != NO_SLOT) {
		struct slot *slot = &line->slot[line->pending];
		const uint32_t next = slot->next;

		slot->pending = false;
		if (!send_slot(line, slot)) {
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

/* Writes the records of a slot now, or when there is room. */
static void submit(struct line *line, struct slot *slot)
{
	if (slot->pending)
		return;
	if (line->pending == NO_SLOT && send_slot(line, slot))
		return;
	slot->pending = true;
	slot->next = NO_SLOT;
	if (line->pending == NO_SLOT)
		line->pending = number_of(line, slot);
	else
		line->slot[line->pending_last].next = number_of(line, slot);
	line->pending_last = number_of(line, slot);
	send_pending(line);
}

static struct line *line_of(const struct tux_req *call)
{
	return &call->calls->lines->line[call->loaded->isolated->number];
}

static enum tux_result refuse(struct tux_req *call, enum why why)
{
	call->failure = 503;
	call->why = (uint8_t)why;
	return TUX_FAIL;
}

/* The handle() of isolated modules: gives the request to the process. */
static enum tux_result handle(struct tux_req *call)
{
	struct line *line = line_of(call);
	struct slot *slot;

	if (!have_process(line))
		return refuse(call, WHY_MODULE_START);
	if (line->unused == NO_SLOT)
		return refuse(call, WHY_MODULE_BUSY);
	if (call_suspend(call) != 0)
		return refuse(call, WHY_MEMORY);
	slot = &line->slot[line->unused];
	line->unused = slot->next;
	line->in_flight++;
	*slot = (struct slot){ .call = call, .generation = slot->generation + 1, .began_ms = call->calls->thread->now_ms };
	call->slot = number_of(line, slot);
	submit(line, slot);
	return TUX_SUSPEND;
}

/* Lets the process know that a request has ended without it. */
static void leave(struct line *line, struct slot *slot)
{
	slot->call = NULL;
	slot->looks = false;
	submit(line, slot);
}

/* Ends a request of the process, because memory is missing. */
static void give_up(struct line *line, struct slot *slot)
{
	struct tux_req *const call = slot->call;

	leave(line, slot);
	fail_call(call, 503, WHY_MEMORY);
}

/* The resumed() of isolated modules: the file of the process was looked up. */
static enum tux_result resumed(struct tux_req *call)
{
	struct line *line = line_of(call);
	struct slot *slot;

	if (call->slot == NO_SLOT && call->reply == REPLY_STREAM) { /* the process has ended */
		api_stream_cut(call);
		return TUX_DONE;
	}
	if (call->slot == NO_SLOT) {
		call->failure = 502;
		call->why = WHY_MODULE_ENDED;
		return TUX_FAIL;
	}
	slot = &line->slot[call->slot];
	slot->looks = false;
	if (call_suspend(call) != 0) {
		leave(line, slot);
		return TUX_FAIL;
	}
	slot->found_due = true;
	submit(line, slot);
	return TUX_SUSPEND;
}

/* The gone() of isolated modules: the request has ended without its process. */
static void gone(struct tux_req *call)
{
	struct line *line = line_of(call);
	const uint64_t now_ms = line->calls->thread->now_ms;
	struct slot *slot;
	bool late;

	if (call->slot == NO_SLOT) /* so has the process */
		return;
	slot = &line->slot[call->slot];
	late = now_ms - slot->began_ms >= line->isolated->config->timeout_ms;
	leave(line, slot);
	if (late && !line->suspect && isolated_process_is_ready(line->process)) { /* now the process has a record to read */
		line->suspect = true;
		line->suspect_at = line->out.at;
		line->suspect_ms = now_ms + HANG_MS;
	}
	call_return(call, CALL_FAILED);
}

/* Returns the milliseconds until a process that does not read on is killed; -1: it has read on. */
static int hangs(struct line *line)
{
	const uint64_t now_ms = line->calls->thread->now_ms;

	line->suspect = line->suspect && __atomic_load_n(&line->out.ring->tail, __ATOMIC_RELAXED) < line->suspect_at;
	if (!line->suspect)
		return -1;
	return line->suspect_ms > now_ms ? (int)(line->suspect_ms - now_ms) : 0;
}

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

	free_slot(line, slot);
	if (error == -ENOMEM)
		fail_call(call, 503, WHY_MEMORY);
	else
		call_return(call, CALL_DONE);
}

/* Gives a call back to its request after the end of its stream. */
static void end_stream(struct line *line, struct slot *slot)
{
	struct tux_req *call = slot->call;

	if (slot->cut)
		api_stream_cut(call);
	else
		api_stream_end(call);
	free_slot(line, slot);
	call_return(call, CALL_DONE);
}

/* Moves what came of a reply in pieces to its stream. Returns false if it is nonsense. */
static bool move(struct line *line, struct slot *slot)
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
			give_up(line, slot);
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
		submit(line, slot);
	}
	return true;
}

/* The writable() of isolated modules: a stream has room. */
static void writable(struct tux_req *call)
{
	struct line *line = line_of(call);

	if (line->process != NULL && !move(line, &line->slot[call->slot]))
		kill_process(line, nonsense);
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
	if (error == 0)
		error = api_stream_begin(call, reply->status, type, length);
	if (error == -ENOMEM)
		give_up(line, slot);
	return error == 0 || error == -ENOMEM;
}

/* Handles a piece of a reply. Returns false if it is nonsense. */
static bool on_data(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	if (!slot->streams || slot->ended || slot->file_len > 0 || len == 0 || len > WIRE_WINDOW - (slot->received - slot->taken))
		return false;
	slot->received += len;
	if (buffer_keep(&slot->rest, buf, len))
		return move(line, slot);
	give_up(line, slot);
	return true;
}

/* Handles the end of a reply in pieces. Returns false if it is nonsense. */
static bool on_end(struct line *line, struct slot *slot, bool cut)
{
	if (!slot->streams || slot->ended || slot->file_len > 0)
		return false;
	slot->ended = true;
	slot->cut = cut;
	return move(line, slot);
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
	return move(line, slot); /* checks the rest */
}

/* Reads bytes of the file for the process. Returns false if it asks for nonsense. */
static bool on_read(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	struct wire_part_of_file part;
	uint64_t size;

	if (!part_of_file(buf, len, &part) || slot->read_len > 0 || part.len > WIRE_INLINE || api_file(slot->call, &size) != 0 || part.off > size ||
	    part.len > size - part.off)
		return false;
	slot->read_off = part.off;
	slot->read_len = (uint32_t)part.len;
	submit(line, slot);
	return true;
}

/* Looks up a file: the server has the call until then. Returns false if the record is nonsense. */
static bool on_lookup(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len)
{
	int result;

	if (slot->ended || slot->rest.len > 0 || slot->file_len > 0 || slot->read_len > 0 || slot->found_due)
		return false;
	result = api_resume_with_file(slot->call, (const char *)buf, len);
	slot->looks = result == TUX_SUSPEND;
	if (result == -ESTALE)
		leave(line, slot);
	if (result == -ENOMEM)
		give_up(line, slot);
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
		free_slot(line, slot);
		call_return(call, reply.result == WIRE_DECLINED ? CALL_DECLINED : CALL_FAILED);
		return true;
	case WIRE_STREAM:
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

const struct tux_module isolated_module = {
	.size = sizeof(struct tux_module), .abi = TUX_MODULE_ABI, .api_bytes = sizeof(struct tux_api), .handle = handle, .gone = gone,
	.resumed = resumed, .writable = writable,
};

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
	const bool paused = (flags & WIRE_WAITS) != 0;

	if (paused && call->paused)
		return false;
	pause_limit(call, paused);
	return true;
}

/* Handles a record. Returns false if it is nonsense. */
static bool on_record(struct line *line, const struct wire_record *record, uint8_t *buf)
{
	struct slot *slot = record->slot < WIRE_SLOTS ? &line->slot[record->slot] : NULL;

	if (slot == NULL || (int32_t)(slot->generation - record->generation) < 0)
		return false;
	if (slot->generation != record->generation || slot->call == NULL)
		return ++line->late < LATE_RECORDS; /* the request has ended meanwhile */
	if (!slot->known || slot->looks)
		return false; /* about a request that it does not have */
	line->late = 0;
	switch (record->kind) {
	case WIRE_REPLY:
		return on_reply(line, slot, buf, record->len);
	case WIRE_PAUSE:
		return on_pause(slot->call, record->flags);
	case WIRE_DATA:
		return on_data(line, slot, buf, record->len);
	case WIRE_END:
		return on_end(line, slot, (record->flags & WIRE_CUT) != 0);
	case WIRE_LOOKUP:
		return on_lookup(line, slot, buf, record->len);
	case WIRE_FILE:
		return on_file(line, slot, buf, record->len);
	case WIRE_READ_FILE:
		return on_read(line, slot, buf, record->len);
	default:
		return false;
	}
}

/* Reads records. */
static void read_line(struct line *line)
{
	struct wire_record record;
	enum wire_read read = WIRE_READ;

	for (unsigned i = 0; i < RECORDS && read == WIRE_READ; i++) {
		read = wire_read(&line->in, &record, line->calls->lines->buf);
		if (read == WIRE_BROKEN || (read == WIRE_READ && !on_record(line, &record, line->calls->lines->buf))) {
			kill_process(line, nonsense);
			return;
		}
		if (read == WIRE_READ)
			line->idle_wakes = 0;
	}
	if (!wire_reader_is_sane(&line->out)) {
		kill_process(line, nonsense);
		return;
	}
	if (wire_wakes_writer(&line->in))
		line->has_room = true;
	send_pending(line);
	if (isolated_process_is_dead(line->process) && !wire_waits(&line->in))
		drop_process(line);
}

static void on_wake(struct source *source, void *owner)
{
	struct line *line = (struct line *)source;
	char bytes[64];

	(void)owner;
	if (read(source->fd, bytes, sizeof(bytes)) <= 0)
		return;
	if (line->process != NULL && ++line->idle_wakes > IDLE_WAKES)
		kill_process(line, "its process wakes the server without a reply, and is killed");
	else if (line->process != NULL)
		read_line(line);
}

void isolated_lines_turn(struct calls *calls)
{
	for (unsigned i = 0; calls->lines != NULL && i < calls->lines->count; i++) {
		struct line *line = &calls->lines->line[i];

		if (line->process != NULL && line->suspect && hangs(line) == 0)
			kill_process(line, "its process does not read on after a request has passed its time limit, and is killed");
		if (line->process == NULL || line->in_flight == 0)
			continue;
		wire_sleep(&line->in, false);
		read_line(line);
	}
}

int isolated_lines_next(const struct calls *calls)
{
	static const char one = 1;
	int wait = -1;

	for (unsigned i = 0; calls->lines != NULL && i < calls->lines->count; i++) {
		struct line *line = &calls->lines->line[i];

		if (line->process == NULL)
			continue;
		if ((line->wrote && wire_wakes_reader(&line->out)) || line->has_room)
			(void)!write(line->process->wake[line->thread], &one, 1); /* a full pipe wakes it, too */
		line->wrote = line->has_room = false;
		if (line->suspect && wait != 0) {
			const int until_ms = hangs(line);

			wait = wait < 0 || (until_ms >= 0 && until_ms < wait) ? until_ms : wait;
		}
		if (line->in_flight == 0)
			continue;
		wire_sleep(&line->in, true);
		if (wire_waits(&line->in) || !wire_reader_is_sane(&line->out))
			wait = 0;
	}
	return wait;
}

bool isolated_lines_open(struct calls *calls, const struct tux_engine_config *config, unsigned index)
{
	unsigned count = 0;
	struct isolated_lines *lines;

	for (unsigned i = 0; i < config->module_count && config->loaded != NULL; i++)
		count += config->loaded[i].isolated != NULL;
	if (count == 0)
		return true;
	lines = calloc(1, sizeof(*lines) + count * sizeof(lines->line[0]));
	if (lines == NULL)
		return false;
	calls->lines = lines;
	lines->buf = malloc(WIRE_RECORD);
	lines->content = malloc(WIRE_INLINE);
	for (unsigned i = 0; i < config->module_count; i++) {
		struct isolated *isolated = config->loaded[i].isolated;
		struct line *line = &lines->line[lines->count];

		if (isolated == NULL)
			continue;
		lines->count++;
		line->wake = (struct source){ .fd = isolated->wake[index], .readable = on_wake };
		line->calls = calls;
		line->isolated = isolated;
		line->thread = index;
		line->slot = calloc(WIRE_SLOTS, sizeof(*line->slot));
		if (line->slot == NULL || lines->buf == NULL || lines->content == NULL)
			return false;
		reset_slots(line);
	}
	return true;
}

void isolated_lines_free(struct calls *calls)
{
	struct isolated_lines *lines = calls->lines;

	for (unsigned i = 0; lines != NULL && i < lines->count; i++) {
		struct line *line = &lines->line[i];

		if (line->process != NULL)
			drop_process(line);
		free(line->slot);
	}
	if (lines != NULL) {
		free(lines->buf);
		free(lines->content);
	}
	free(lines);
	calls->lines = NULL;
}

bool isolated_lines_watch(struct calls *calls, const struct loop_ops *ops, struct loop *loop)
{
	for (unsigned i = 0; calls->lines != NULL && i < calls->lines->count; i++)
		if (!ops->watch(loop, &calls->lines->line[i].wake))
			return false;
	return true;
}
