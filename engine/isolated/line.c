/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../modules/file_api.h"
#include "../modules/stream_api.h"
#include "../thread.h"
#include "line_fetch.h"
#include "line_input.h"
#include "line_reply.h"
#include "process.h"

enum {
	RECORDS = 256,        /* read from a line in a turn */
	IDLE_WAKES = 10000,   /* wake-ups in a row without a record, after which a process is killed */
	LATE_RECORDS = 10000, /* records in a row for requests that have ended, likewise */
	HOLD_TURNS = 4,       /* of the loop, for which a wake-up is put off while more requests come */
	HANG_MS = 1000,       /* for a process to read on after a request has passed its time limit */
};

static const char nonsense[] = "its process has written nonsense, and is killed";

/* Lets go of a dead process. The requests that it had get 502. */
static void drop_process(struct line *line)
{
	struct isolated_process *process = line->process;

	for (uint32_t i = 0; i < WIRE_SLOTS; i++)
		if (line->slot[i].task != TASK_NONE)
			line->slot[i].call->slot = LINE_NO_SLOT; /* resumed() follows */
		else if (line->slot[i].call != NULL)
			line_fail_call(line->slot[i].call, 502, WHY_MODULE_ENDED);
	line_reset_slots(line);
	line->process = NULL;
	line->wrote = line->has_room = false;
	line->holds = 0;
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

static bool send_call(struct line *line, struct slot *slot)
{
	const struct tux_req *call = slot->call;
	const struct tux_request *head = call->head;
	struct wire_call fixed = {
		.body_len = slot->reads ? UINT64_MAX : call->body.len, .head_len = head->head_len, .path_len = call->path_len, .fields = head->fields.count,
		.client_port = call->client_port, .tls_len = (uint16_t)call->tls_len,
	};
	const struct wire_part part[] = {
		{ &fixed, sizeof(fixed) }, { head, (uint32_t)(offsetof(struct tux_request, fields.line) + head->fields.count * sizeof(struct tux_field)) },
		{ call->bytes, head->head_len }, { call->path, call->path_len }, { call->tls, call->tls_len },
	};

	memcpy(fixed.client_address, call->client_address, sizeof(fixed.client_address));
	return line_write(line, slot, WIRE_CALL, part, 5);
}

static bool send_room(struct line *line, struct slot *slot)
{
	const struct wire_room room = { .taken = slot->taken };
	const struct wire_part part = { &room, sizeof(room) };

	slot->room_due = slot->room_due && !line_write(line, slot, WIRE_ROOM, &part, 1);
	return !slot->room_due;
}

static bool send_found(struct line *line, struct slot *slot)
{
	struct wire_found found = { .zero = 0 };
	struct wire_part part[] = { { &found, sizeof(found) }, { line->calls->lines->content, 0 } };

	if (!slot->found_due)
		return true;
	found.error = api_file(slot->call, &found.size);
	if (slot->with_bytes && found.error == 0)
		part[1].len = found.size < CALL_FILE_BYTES ? (uint32_t)found.size : CALL_FILE_BYTES;
	if (!wire_fits(&line->out, part[0].len + part[1].len))
		return false;
	if (part[1].len > 0) { /* they are in memory */
		const int len = api_file_read(slot->call, 0, line->calls->lines->content, part[1].len);

		part[1].len = len > 0 ? (uint32_t)len : 0;
	}
	slot->found_due = false;
	return line_write(line, slot, WIRE_FOUND, part, 2);
}

static struct line *line_of(const struct tux_req *call)
{
	return &call->calls->lines->line[call->loaded->isolated->number];
}

/* Sends bytes that were read from the disk. */
static void on_content(struct read_waiter *waiter)
{
	struct slot *slot = waiter->owner;

	line_submit(line_of(slot->call), slot);
}

/* Reads bytes of the file for the process, or waits until they are in memory. */
static bool send_content(struct line *line, struct slot *slot)
{
	uint8_t *const content = line->calls->lines->content;
	uint32_t most = slot->read_len;
	int len;

	if (slot->read_len == 0 || slot->waiter.read != NULL)
		return true;
	if (!wire_fits(&line->out, slot->read_len))
		return false;
	slot->waiter.owner = slot;
	slot->waiter.ready = on_content;
	if (!line->calls->ops->find_file(slot->call, &slot->waiter, slot->read_off, &most))
		return true;
	len = api_file_read(slot->call, slot->read_off, content, most);
	slot->read_len = 0;
	return line_write(line, slot, WIRE_CONTENT, &(struct wire_part){ content, len > 0 ? (uint32_t)len : 0 }, 1);
}

/* Writes the request. Returns false if it needs more room. */
static bool send_request(struct line *line, struct slot *slot)
{
	slot->called = slot->called || send_call(line, slot);
	while (slot->called && slot->sent < slot->call->body.len) {
		const uint32_t left = slot->call->body.len - slot->sent;
		const struct wire_part part = { slot->call->body.data + slot->sent, left < WIRE_PIECE ? left : WIRE_PIECE };

		if (!line_write(line, slot, WIRE_BODY, &part, 1))
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
		if (slot->called && !slot->unused && !line_write(line, slot, WIRE_GONE, NULL, 0))
			return false;
		line_free_slot(line, slot);
		return true;
	}
	if (!slot->known && !send_request(line, slot))
		return false;
	if (slot->task != TASK_NONE) /* the server has the call */
		return true;
	return line_send_input(line, slot) && send_room(line, slot) && send_found(line, slot) && send_content(line, slot) &&
	       line_send_fetched(line, slot);
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
	if (line->unused == LINE_NO_SLOT)
		return refuse(call, WHY_MODULE_BUSY);
	if (call_suspend(call) != 0)
		return refuse(call, WHY_MEMORY);
	slot = line_take_slot(line, call);
	slot->reads = call->reads && (call->head->framing == TUX_FRAMING_CHUNKED || call->head->content_length > 0);
	slot->input_wanted = !call->head->expect_continue;
	line_submit(line, slot);
	return TUX_SUSPEND;
}

/* The resumed() of isolated modules: the file of the process was looked up, or its fetch is over. */
static enum tux_result resumed(struct tux_req *call)
{
	struct line *line = line_of(call);
	struct slot *slot;

	if (call->slot == LINE_NO_SLOT && call->reply == REPLY_STREAM) { /* the process has ended */
		api_stream_cut(call);
		return TUX_DONE;
	}
	if (call->slot == LINE_NO_SLOT) {
		call->failure = 502;
		call->why = WHY_MODULE_ENDED;
		return TUX_FAIL;
	}
	slot = &line->slot[call->slot];
	slot->found_due = slot->task == TASK_LOOKUP;
	slot->fetched_due = slot->task == TASK_FETCH;
	slot->task = TASK_NONE;
	if (call_suspend(call) != 0) {
		line_leave(line, slot);
		return TUX_FAIL;
	}
	line_submit(line, slot);
	return TUX_SUSPEND;
}

/* The gone() of isolated modules: the request has ended without its process. */
static void gone(struct tux_req *call)
{
	struct line *line = line_of(call);
	const uint64_t now_ms = line->calls->thread->now_ms;
	struct slot *slot;
	bool late;

	if (call->slot == LINE_NO_SLOT) /* so has the process */
		return;
	slot = &line->slot[call->slot];
	late = now_ms - slot->began_ms >= line->isolated->config->timeout_ms;
	line_leave(line, slot);
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

/* The writable() of isolated modules: a stream has room. */
static void writable(struct tux_req *call)
{
	struct line *line = line_of(call);

	if (line->process != NULL && !line_move(line, &line->slot[call->slot]))
		kill_process(line, nonsense);
}

/* The readable() of isolated modules: more of a body or of a tunnel has arrived. */
static void readable(struct tux_req *call)
{
	struct line *line = line_of(call);

	if (line->process != NULL)
		line_submit(line, &line->slot[call->slot]);
}

const struct tux_module isolated_module = {
	.size = sizeof(struct tux_module), .abi = TUX_MODULE_ABI, .api_bytes = sizeof(struct tux_api), .handle = handle, .gone = gone,
	.resumed = resumed, .writable = writable, .readable = readable,
};

/* Handles a record. Returns false if it is nonsense. */
static bool on_record(struct line *line, const struct wire_record *record, uint8_t *buf)
{
	struct slot *slot = record->slot < WIRE_SLOTS ? &line->slot[record->slot] : NULL;

	if (slot == NULL || (int32_t)(slot->generation - record->generation) < 0)
		return false;
	if (slot->generation != record->generation || slot->call == NULL)
		return ++line->late < LATE_RECORDS; /* the request has ended meanwhile */
	if (!slot->known || slot->task != TASK_NONE)
		return false; /* about a request that it does not have */
	line->late = 0;
	if (slot->fetch != NULL || record->kind == WIRE_FETCH || record->kind == WIRE_FETCH_BODY || record->kind == WIRE_RECEIVED)
		return line_take_fetch(line, slot, record, buf);
	if (record->kind == WIRE_TAKEN)
		return line_take_progress(line, slot, buf, record->len);
	return line_take_record(line, slot, record, buf);
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
	line_send_pending(line);
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
	else if (line->process != NULL && line->in_flight == 0) /* else isolated_lines_turn() follows */
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

/*
 * True if the wake-up of a process is put off for a turn of the loop. The turn sends responses, and the next requests of the clients that
 * get them go with the same wake-up: it costs as much as several requests.
 */
static bool holds(struct line *line)
{
	if (!line->wrote || line->has_room || line->in_flight < 2 || line->holds == HOLD_TURNS || (line->holds > 0 && line->held_at == line->out.at))
		return false;
	line->held_at = line->out.at;
	line->holds++;
	return true;
}

int isolated_lines_next(const struct calls *calls)
{
	static const char one = 1;
	int wait = -1;

	for (unsigned i = 0; calls->lines != NULL && i < calls->lines->count; i++) {
		struct line *line = &calls->lines->line[i];

		if (line->process == NULL)
			continue;
		if (holds(line)) {
			wait = 0;
		} else {
			if ((line->wrote && wire_wakes_reader(&line->out)) || line->has_room)
				(void)!write(line->process->wake[line->thread], &one, 1); /* a full pipe wakes it, too */
			line->wrote = line->has_room = false;
			line->holds = 0;
		}
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
	lines->send = send_slot;
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
		line_reset_slots(line);
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
