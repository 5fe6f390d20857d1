/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread serves each pair of rings, and the first thread waits for the end of the server. Calls are those of the server
 * (engine/modules); only their surroundings are others: a request is a slot, and a reply becomes records.
 */
#define _GNU_SOURCE 1
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../io/error_log.h"
#include "../io/print.h"
#include "../modules/call.h"
#include "../modules/loaded.h"
#include "../modules/stream.h"
#include "control.h"
#include "wire.h"

enum {
	ERROR_BYTES = 512,
	NO_SLOT = UINT32_MAX,
	RUNS_AT_ONCE = 16, /* of resumed(), before others have a turn */
	STACK_BYTES = 1 << 20, /* of a thread: default ones of many threads would not fit the limit of memory */
	STOP_MS = 1000,    /* for threads that are in the module at the end */
	STOPPED = 0, /* exit statuses */
	FAILED = 1,
};

/* A request that the server has sent. */
struct seat {
	struct tux_req *call; /* NULL: none, or it has been answered or lost */
	uint32_t generation;
	uint64_t body_len;    /* bytes of the request body that have to come */
	bool queued;          /* the call is among those whose replies wait */
	bool paused;          /* the server knows that the module waits for a time */
	bool renews;          /* the time limit begins anew, which the server has to know */
	bool lookup_due;      /* the server has to look up a file */
	bool looks;           /* it does */
	struct reading *reading; /* the module waits for bytes of the file; NULL: it does not */
	bool streams;         /* the head of a reply in pieces was written */
	uint64_t sent;        /* bytes of its body */
	uint64_t taken;       /* by the server */
};

/* Bytes of a file that a thread of the module waits for, in its stack. */
struct reading {
	struct reading *next;
	struct tux_req *call;
	uint64_t off;
	uint8_t *to;
	uint32_t len;
	int result; /* bytes read, or a negative errno */
	bool done;  /* under the lock of the station */
};

/* A record that was put aside while the thread waited for another one. */
struct aside {
	struct aside *next;
	struct wire_record record;
	uint8_t bytes[];
};

/* What came of an attempt to write a reply. */
enum progress {
	PROGRESS_DONE,
	PROGRESS_ROOM,   /* the ring has no room */
	PROGRESS_WINDOW, /* the server has to take what it has */
	PROGRESS_IDLE,   /* the module has written nothing more */
};

struct station {
	struct calls calls;   /* first member */
	struct host *host;
	unsigned number;
	struct wire_end in;
	struct wire_end out;
	int wake_fd;          /* readable when the server has written */
	int server_fd;        /* wakes the server */
	bool wrote;
	struct tux_req *waiting; /* calls whose replies wait for room, linked by next */
	struct tux_req **waiting_last;
	struct seat *seat;
	uint8_t *buf;
	uint8_t *piece;          /* of a file */
	struct aside *aside;     /* oldest first: records that are handled before those of the ring */
	struct aside **aside_last;
	pthread_mutex_t lock;
	pthread_cond_t changed;  /* a reading is done */
	struct reading *asked;   /* under the lock: those of other threads */
	pthread_t id;
};

struct host {
	struct tux_loaded *loaded;
	struct tux_engine_config config;
	struct wire_pair *pair;
	struct station *station;
	unsigned stations;
	bool stopping;       /* atomic */
};

static _Thread_local const struct station *here; /* whose thread this is */

static void __attribute__((noreturn)) die(const struct station *station, const char *text)
{
	char front[128];

	print(front, sizeof(front), "module %s:", station->host->loaded->config->name);
	say(front, text, (uint32_t)strlen(text));
	_exit(FAILED);
}

static struct station *station_of(struct tux_req *call)
{
	return (struct station *)call->calls;
}

/* Ends a reading, which is the thread's that waits from then on. */
static void end_reading(struct station *station, struct reading *reading, int result)
{
	pthread_mutex_lock(&station->lock);
	reading->result = result;
	reading->done = true;
	pthread_cond_broadcast(&station->changed);
	pthread_mutex_unlock(&station->lock);
}

/* Ends the reading of a seat, if it has one. */
static void end_reading_of(struct station *station, struct seat *seat, int result)
{
	struct reading *const reading = seat->reading;

	seat->reading = NULL;
	if (reading != NULL)
		end_reading(station, reading, result);
}

/* Makes the call's slot unknown to this side. */
static void leave_seat(struct tux_req *call)
{
	if (call->slot != NO_SLOT) {
		end_reading_of(station_of(call), &station_of(call)->seat[call->slot], -ESTALE);
		station_of(call)->seat[call->slot].call = NULL;
	}
	call->slot = NO_SLOT;
}

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

static bool write_piece(struct station *station, const struct tux_req *call, enum wire_kind kind, uint8_t flags, const void *at, uint32_t len)
{
	struct wire_record record = { .kind = (uint8_t)kind, .flags = flags, .slot = call->slot, .generation = station->seat[call->slot].generation };
	const struct wire_part part = { at, len };

	if (!wire_write(&station->out, &record, &part, 1))
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
			return write_piece(station, call, WIRE_END, WIRE_CUT, NULL, 0) ? PROGRESS_DONE : PROGRESS_ROOM;
		write_piece(station, call, WIRE_DATA, 0, piece, len);
		seat->sent += len;
	}
	return write_piece(station, call, WIRE_END, 0, NULL, 0) ? PROGRESS_DONE : PROGRESS_ROOM;
}

/* Lets the server look up the file that the module waits for, after it has taken all that was written. */
static enum progress ask_file(struct station *station, struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];

	if (!seat->lookup_due)
		return PROGRESS_IDLE;
	if (!write_piece(station, call, WIRE_LOOKUP, 0, call->text.data, call->text.len))
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
		write_piece(station, call, WIRE_FILE, 0, &part, sizeof(part));
	else
		write_piece(station, call, WIRE_DATA, 0, piece->bytes.data, piece->bytes.len);
	seat->sent += piece->file_len > 0 ? piece->file_len : piece->bytes.len;
	buffer_forget(&piece->bytes);
	call_tell_room(call);
	if (!call->kept && call->result == CALL_WAITS)
		call_wake(call); /* it may wait for room */
}

/* Writes more of the stream of a module. The module has room again as soon as bytes were taken. */
static enum progress send_stream(struct tux_req *call)
{
	struct station *station = station_of(call);
	struct seat *seat = &station->seat[call->slot];
	struct wire_reply reply = { .status = call->status, .result = WIRE_STREAM };
	const struct wire_part nothing = { NULL, 0 };
	const bool waits = !call->kept && call->result == CALL_WAITS && call->wait.until == UNTIL_TIME;
	int64_t length;

	if ((waits != seat->paused || (seat->renews && !waits)) && !write_piece(station, call, WIRE_PAUSE, waits ? WIRE_WAITS : 0, NULL, 0))
		return PROGRESS_ROOM;
	seat->paused = waits;
	seat->renews = false;
	if (!stream_has_begun(&call->stream, &length))
		return ask_file(station, call);
	reply.total = length < 0 ? UINT64_MAX : (uint64_t)length;
	seat->streams = seat->streams || write_reply(station, call, &reply, &nothing, &nothing);
	if (!seat->streams)
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
			return ask_file(station, call);
		write_piece(station, call, WIRE_END, piece.state == STREAM_CUT ? WIRE_CUT : 0, NULL, 0);
		return PROGRESS_DONE;
	}
}

static bool has_content(const struct tux_req *call)
{
	return call->status != 204 && call->status != 304;
}

/* Writes the reply of a call whose body is no longer than WIRE_INLINE. Returns false without room for it. */
static bool send_reply(struct tux_req *call)
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

/* True if the response of a call is a stream, or may become one. Another thread may have the call. */
static bool may_stream(const struct tux_req *call)
{
	return call->kept || call->result == CALL_WAITS || call->reply == REPLY_STREAM;
}

/* Writes what a call has for the server. */
static enum progress answer(struct tux_req *call)
{
	bool sent;

	if (call->slot == NO_SLOT)
		return PROGRESS_DONE;
	if (may_stream(call))
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
		sent = send_reply(call);
	return sent ? PROGRESS_DONE : PROGRESS_ROOM;
}

/* Ends a call whose reply was written. A module that has it still gives it back. */
static void finish(struct tux_req *call)
{
	leave_seat(call);
	if (!call->kept && call->result != CALL_WAITS)
		call_put(call);
}

/* Writes what a call has for the server, now or when there is room. */
static void conclude(struct station *station, struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];

	if (seat->queued)
		return;
	switch (station->waiting == NULL || may_stream(call) ? answer(call) : PROGRESS_ROOM) {
	case PROGRESS_DONE:
		finish(call);
		return;
	case PROGRESS_IDLE:
		return;
	case PROGRESS_ROOM:
	case PROGRESS_WINDOW:
		break;
	}
	seat->queued = true;
	call->next = NULL;
	*station->waiting_last = call;
	station->waiting_last = &call->next;
}

/* Removes the call at *at from those whose replies wait. */
static void remove_waiting(struct station *station, struct tux_req **at)
{
	const struct tux_req *call = *at;

	if (call->slot != NO_SLOT)
		station->seat[call->slot].queued = false;
	*at = call->next;
	if (station->waiting_last == &call->next)
		station->waiting_last = at;
}

/* Writes the replies that wait. One that waits for the server does not hold up the others. */
static void send_waiting(struct station *station)
{
	struct tux_req **at = &station->waiting;
	bool wanted = false;

	while (*at != NULL) {
		struct tux_req *call = *at;

		switch (answer(call)) {
		case PROGRESS_DONE:
			remove_waiting(station, at);
			finish(call);
			break;
		case PROGRESS_IDLE:
			remove_waiting(station, at);
			break;
		case PROGRESS_WINDOW:
			at = &call->next;
			break;
		case PROGRESS_ROOM:
			if (wanted)
				return;
			wire_want_room(&station->out); /* then look once more */
			wanted = true;
			break;
		}
	}
}

static bool send_now(struct tux_req *call)
{
	return station_of(call)->waiting == NULL && send_reply(call);
}

static void keep(struct tux_req *call)
{
	(void)call; /* the server limits the time */
}

static void end_wait(struct tux_req *call)
{
	if (!call->wait.begun) /* else a thread of the module may be setting the next one */
		return;
	deadline_stop(&call->calls->deadlines, &call->wait.deadline);
	if (call->wait.fd >= 0) {
		epoll_ctl(call->calls->ready.fd, EPOLL_CTL_DEL, call->wait.fd, NULL);
		close(call->wait.fd);
		call->wait.fd = -1;
	}
	call->wait.begun = false;
}

static void put(struct tux_req *call)
{
	end_wait(call);
	leave_seat(call);
}

static int read_file(const struct tux_req *call, uint64_t off, void *to, uint32_t len);

static const struct call_ops host_ops = { .send = send_now, .keep = keep, .put = put, .read_file = read_file, .raw_paths = true };

/* Gives a module that reads bodies in pieces the whole one. */
static void give_body(struct tux_req *call)
{
	const bool added = body_queue_add(&call->queue, call->body.data, call->body.len);

	body_queue_end(&call->queue, added ? 0 : -ENOMEM);
	buffer_forget(&call->body);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Watches the descriptor, once. Returns false if that fails: for a regular file, which is always ready, or if out of memory. */
static bool watch(struct tux_req *call)
{
	struct epoll_event event = { .events = EPOLLONESHOT, .data.ptr = call };

	if (call->wait.events & POLLIN)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (call->wait.events & POLLOUT)
		event.events |= EPOLLOUT;
	return epoll_ctl(call->calls->ready.fd, EPOLL_CTL_ADD, call->wait.fd, &event) == 0;
}

/* Begins a wait. Without memory it is over at once. */
static void begin_wait(struct tux_req *call)
{
	struct call_wait *wait = &call->wait;

	wait->begun = wait->over = true;
	if (wait->until == UNTIL_TIME)
		wait->over = !deadline_start(&call->calls->deadlines, &wait->deadline, now_ms() + wait->ms);
	if (wait->until == UNTIL_READY)
		wait->over = !watch(call);
	if (wait->until == UNTIL_FILE)
		wait->over = false;
	if (call->slot == NO_SLOT)
		return;
	station_of(call)->seat[call->slot].renews |= wait->until == UNTIL_READY;
	station_of(call)->seat[call->slot].lookup_due = wait->until == UNTIL_FILE;
}

/* True if resumed() is due. Begins the wait if need be. */
static bool wait_is_over(struct tux_req *call)
{
	struct call_wait *wait = &call->wait;

	if (!wait->begun)
		begin_wait(call);
	if (wait->until == UNTIL_ROOM)
		wait->over = stream_has_room(&call->stream);
	return wait->over;
}

/* Removes a call from those whose replies wait, if it is there. */
static void unqueue(struct station *station, const struct tux_req *call)
{
	for (struct tux_req **at = &station->waiting; *at != NULL; at = &(*at)->next)
		if (*at == call) {
			remove_waiting(station, at);
			return;
		}
}

/* Calls handle() or resumed(). */
static void run(struct station *station, struct tux_req *call)
{
	call->direct = !call->begun;
	call->begun = true;
	if (!call->again && call_streams_body(call))
		give_body(call);
	if (call->loaded->pool == NULL) {
		call->result = (uint8_t)call_run(call);
		return;
	}
	if (call->slot != NO_SLOT && station->seat[call->slot].queued)
		unqueue(station, call); /* a pool has a list of its own */
	call_submit(call);
}

/* Continues a call: its module is called again if its wait is over, and the server gets what it has. */
static void proceed(struct station *station, struct tux_req *call)
{
	unsigned runs = 0;

	while (!call->kept && call->result == CALL_WAITS && wait_is_over(call)) {
		if (++runs > RUNS_AT_ONCE) {
			call_wake(call);
			break;
		}
		end_wait(call);
		call->again = true;
		run(station, call);
	}
	if (call->slot == NO_SLOT) {
		if (!call->kept && call->result != CALL_WAITS)
			call_put_lost(call);
		return;
	}
	conclude(station, call);
}

static void start_call(struct station *station, struct tux_req *call)
{
	run(station, call);
	proceed(station, call);
}

static bool is_inside(struct tux_span span, uint32_t len)
{
	return span.off <= len && span.len <= len - span.off;
}

/* True if all spans of a head lie in its bytes. */
static bool head_is_valid(const struct tux_request *head, const struct wire_call *fixed)
{
	bool valid = head->head_len == fixed->head_len && head->fields.count == fixed->fields;

	valid = valid && is_inside(head->method_text, head->head_len) && is_inside(head->target, head->head_len) && is_inside(head->path, head->head_len) &&
	        is_inside(head->query, head->head_len) && is_inside(head->host, head->head_len);
	for (uint32_t i = 0; i < head->fields.count && valid; i++)
		valid = is_inside(head->fields.line[i].name, head->head_len) && is_inside(head->fields.line[i].value, head->head_len);
	return valid;
}

/* Makes the call of a record. Returns NULL if out of memory. */
static struct tux_req *call_of(struct station *station, const struct wire_call *fixed, const uint8_t *at, uint32_t head_bytes)
{
	struct tux_req *call = call_get(&station->calls, station->host->loaded);

	if (call == NULL)
		return NULL;
	call->slot = NO_SLOT;
	call->copy = malloc(sizeof(*call->copy) + fixed->head_len + fixed->path_len);
	if (call->copy == NULL) {
		call_put(call);
		return NULL;
	}
	memcpy(&call->copy->head, at, head_bytes);
	memcpy(call->copy->bytes, at + head_bytes, fixed->head_len + fixed->path_len);
	if (!head_is_valid(&call->copy->head, fixed))
		die(station, "the server has sent nonsense");
	call->head = &call->copy->head;
	call->bytes = call->copy->bytes;
	call->path = call->copy->bytes + fixed->head_len;
	call->path_len = fixed->path_len;
	call->client_port = fixed->client_port;
	memcpy(call->client_address, fixed->client_address, sizeof(call->client_address));
	return call;
}

static void on_call(struct station *station, const struct wire_record *record, const uint8_t *buf)
{
	struct seat *seat = &station->seat[record->slot];
	struct wire_call fixed = { 0 };
	struct tux_req *call;
	uint32_t head_bytes;

	if (record->len < sizeof(fixed) || seat->call != NULL)
		die(station, "the server has sent nonsense");
	memcpy(&fixed, buf, sizeof(fixed));
	head_bytes = (uint32_t)offsetof(struct tux_request, fields.line);
	if (fixed.fields <= TUX_MAX_FIELDS)
		head_bytes += fixed.fields * (uint32_t)sizeof(struct tux_field);
	if (!wire_call_valid(&fixed, record->len, head_bytes))
		die(station, "the server has sent nonsense");
	call = call_of(station, &fixed, buf + sizeof(fixed), head_bytes);
	if (call == NULL)
		die(station, "out of memory");
	call->slot = record->slot;
	*seat = (struct seat){ .call = call, .generation = record->generation, .body_len = fixed.body_len };
	if (fixed.body_len == 0)
		start_call(station, call);
}

static void on_body(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	struct tux_req *call = seat->call;

	if (call == NULL || call->begun || record->len == 0 || record->len > seat->body_len)
		die(station, "the server has sent nonsense");
	if (!buffer_keep(&call->body, buf, record->len))
		die(station, "out of memory");
	seat->body_len -= record->len;
	if (seat->body_len == 0)
		start_call(station, call);
}

static void on_gone(struct station *station, struct seat *seat)
{
	struct tux_req *call = seat->call;

	if (call == NULL)
		return;
	if (seat->queued)
		unqueue(station, call);
	leave_seat(call);
	end_wait(call);
	call_lose(call);
}

static void on_room(const struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	struct wire_room room = { 0 };

	if (record->len == sizeof(room))
		memcpy(&room, buf, sizeof(room));
	if (record->len != sizeof(room) || room.taken > seat->sent || room.taken < seat->taken)
		die(station, "the server has sent nonsense");
	seat->taken = room.taken;
}

static void on_found(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	struct wire_found found = { 0 };
	struct tux_req *call = seat->call;

	if (record->len == sizeof(found))
		memcpy(&found, buf, sizeof(found));
	if (record->len != sizeof(found) || call == NULL || !seat->looks || found.error > 0)
		die(station, "the server has sent nonsense");
	seat->looks = false;
	call->file = (struct call_file){ .asked = true, .error = found.error, .size = found.size };
	call->wait.over = true;
	proceed(station, call);
}

/* Gives bytes of a file to the thread that waits for them, if it still does. */
static void on_content(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	if (seat->reading == NULL)
		return;
	if (record->len > seat->reading->len)
		die(station, "the server has sent nonsense");
	memcpy(seat->reading->to, buf, record->len);
	end_reading_of(station, seat, record->len > 0 ? (int)record->len : -EIO);
}

static void on_record(struct station *station, const struct wire_record *record, const uint8_t *buf)
{
	struct seat *seat;

	if (record->slot >= WIRE_SLOTS)
		die(station, "the server has sent nonsense");
	seat = &station->seat[record->slot];
	if (record->kind == WIRE_CALL)
		on_call(station, record, buf);
	else if (seat->generation != record->generation)
		die(station, "the server has sent nonsense");
	else if (record->kind == WIRE_BODY)
		on_body(station, seat, record, buf);
	else if (record->kind == WIRE_GONE)
		on_gone(station, seat);
	else if (record->kind == WIRE_ROOM)
		on_room(station, seat, record, buf);
	else if (record->kind == WIRE_FOUND)
		on_found(station, seat, record, buf);
	else if (record->kind == WIRE_CONTENT)
		on_content(station, seat, record, buf);
}

static void wake_server(struct station *station)
{
	static const char one = 1;

	(void)!write(station->server_fd, &one, 1);
}

/* Handles the records that were put aside. Each may lead to others. */
static void take_aside(struct station *station)
{
	while (station->aside != NULL) {
		struct aside *const aside = station->aside;

		station->aside = aside->next;
		if (station->aside == NULL)
			station->aside_last = &station->aside;
		on_record(station, &aside->record, aside->bytes);
		free(aside);
	}
}

/* Puts a record aside, unless a thread waits for it. */
static void put_aside(struct station *station, const struct wire_record *record)
{
	struct seat *seat = record->slot < WIRE_SLOTS ? &station->seat[record->slot] : NULL;
	struct aside *aside;

	if (seat != NULL && seat->generation == record->generation && record->kind == WIRE_CONTENT) {
		on_content(station, seat, record, station->buf);
		return;
	}
	if (seat != NULL && seat->generation == record->generation && record->kind == WIRE_GONE)
		end_reading_of(station, seat, -ESTALE);
	aside = malloc(sizeof(*aside) + record->len);
	if (aside == NULL)
		die(station, "out of memory");
	aside->next = NULL;
	aside->record = *record;
	memcpy(aside->bytes, station->buf, record->len);
	*station->aside_last = aside;
	station->aside_last = &aside->next;
}

/* True if the end of a request is among the records that were put aside. */
static bool is_gone_aside(const struct station *station, uint32_t slot)
{
	for (const struct aside *aside = station->aside; aside != NULL; aside = aside->next)
		if (aside->record.kind == WIRE_GONE && aside->record.slot == slot && aside->record.generation == station->seat[slot].generation)
			return true;
	return false;
}

/* Waits until the server has done something. */
static void wait_for_server(struct station *station)
{
	struct pollfd wake = { .fd = station->wake_fd, .events = POLLIN };
	struct wire_record record;
	enum wire_read result;
	char bytes[64];

	if (station->wrote && wire_wakes_reader(&station->out))
		wake_server(station);
	station->wrote = false;
	wire_sleep(&station->in, true);
	if (!wire_waits(&station->in))
		poll(&wake, 1, -1);
	wire_sleep(&station->in, false);
	if (wake.revents != 0)
		(void)!read(station->wake_fd, bytes, sizeof(bytes));
	while ((result = wire_read(&station->in, &record, station->buf)) == WIRE_READ)
		put_aside(station, &record);
	if (result == WIRE_BROKEN)
		die(station, "the server has sent nonsense");
	if (wire_wakes_writer(&station->in))
		wake_server(station);
}

/* Asks the server for the bytes of a reading. */
static void start_reading(struct station *station, struct reading *reading)
{
	const struct wire_part_of_file part = { .off = reading->off, .len = reading->len };
	struct tux_req *call = reading->call;

	if (call->slot == NO_SLOT || is_gone_aside(station, call->slot) || station->seat[call->slot].reading != NULL) {
		end_reading(station, reading, -ESTALE);
		return;
	}
	station->seat[call->slot].reading = reading;
	while (!write_piece(station, call, WIRE_READ_FILE, 0, &part, sizeof(part))) {
		wire_want_room(&station->out);
		if (write_piece(station, call, WIRE_READ_FILE, 0, &part, sizeof(part)))
			break;
		wait_for_server(station);
		if (station->seat[call->slot].reading != reading) /* the request has ended meanwhile */
			return;
	}
}

/* Waits for the bytes of a reading. */
static void await_reading(struct station *station, struct reading *reading)
{
	static const uint64_t one = 1;

	if (here == station) {
		start_reading(station, reading);
		while (!reading->done)
			wait_for_server(station);
		return;
	}
	pthread_mutex_lock(&station->lock);
	reading->next = station->asked;
	station->asked = reading;
	(void)!write(station->calls.inbox.event_fd, &one, sizeof(one));
	while (!reading->done)
		pthread_cond_wait(&station->changed, &station->lock);
	pthread_mutex_unlock(&station->lock);
}

/* Starts the readings of other threads. */
static void take_asked(struct station *station)
{
	struct reading *reading;

	pthread_mutex_lock(&station->lock);
	reading = station->asked;
	station->asked = NULL;
	pthread_mutex_unlock(&station->lock);
	while (reading != NULL) {
		struct reading *const next = reading->next;

		start_reading(station, reading);
		reading = next;
	}
}

/* The read_file() of calls: the server reads. */
static int read_file(const struct tux_req *call, uint64_t off, void *to, uint32_t len)
{
	uint32_t done = 0;

	while (done < len) {
		struct reading reading = { .call = (struct tux_req *)(uintptr_t)call, .off = off + done, .to = (uint8_t *)to + done, .len = WIRE_INLINE };

		if (reading.len > len - done)
			reading.len = len - done;
		await_reading(station_of(reading.call), &reading);
		if (reading.result <= 0)
			return done > 0 ? (int)done : reading.result;
		done += (uint32_t)reading.result;
	}
	return (int)done;
}

static void read_ring(struct station *station)
{
	struct wire_record record;
	enum wire_read read;

	take_aside(station);
	while ((read = wire_read(&station->in, &record, station->buf)) == WIRE_READ) {
		on_record(station, &record, station->buf);
		take_aside(station);
	}
	if (read == WIRE_BROKEN)
		die(station, "the server has sent nonsense");
	if (wire_wakes_writer(&station->in))
		wake_server(station);
}

static void take_returned(struct station *station)
{
	struct job *job = inbox_take(&station->calls.inbox);

	while (job != NULL) {
		struct tux_req *call = (struct tux_req *)job;
		unsigned news;

		job = job->next;
		news = call_take_news(call);
		if (news & NEWS_RETURNED)
			call->kept = false;
		if (news & NEWS_RETURNED && call->slot == NO_SLOT)
			call_put_lost(call);
		else if (news != 0 && call->slot != NO_SLOT)
			proceed(station, call);
	}
}

/* Continues calls whose descriptors are ready, one by one: each may end the wait of another. */
static void take_ready(struct station *station)
{
	struct epoll_event event;

	for (unsigned i = 0; i < RUNS_AT_ONCE && epoll_wait(station->calls.ready.fd, &event, 1, 0) == 1; i++) {
		struct tux_req *call = event.data.ptr;

		call->wait.over = true;
		proceed(station, call);
	}
}

static void *serve(void *argument)
{
	struct station *const station = argument;
	struct pollfd polls[] = { { .fd = station->wake_fd, .events = POLLIN }, { .fd = station->calls.inbox.event_fd, .events = POLLIN },
		                  { .fd = station->calls.ready.fd, .events = POLLIN } };

	here = station;
	while (!__atomic_load_n(&station->host->stopping, __ATOMIC_ACQUIRE)) {
		struct deadline *deadline;
		char bytes[64];

		read_ring(station);
		send_waiting(station);
		if (station->wrote && wire_wakes_reader(&station->out))
			wake_server(station);
		station->wrote = false;
		wire_sleep(&station->in, true);
		if (!wire_waits(&station->in) && station->aside == NULL)
			poll(polls, 3, deadlines_next(&station->calls.deadlines, now_ms()));
		wire_sleep(&station->in, false);
		if (polls[0].revents != 0)
			(void)!read(station->wake_fd, bytes, sizeof(bytes));
		if (polls[1].revents != 0)
			take_returned(station);
		if (polls[2].revents != 0)
			take_ready(station);
		polls[0].revents = polls[1].revents = polls[2].revents = 0;
		take_asked(station);
		for (unsigned i = 0; i < RUNS_AT_ONCE && (deadline = deadline_passed(&station->calls.deadlines, now_ms())) != NULL; i++) {
			struct tux_req *call = (struct tux_req *)((char *)deadline - offsetof(struct tux_req, wait.deadline));

			call->wait.over = true;
			proceed(station, call);
		}
	}
	return NULL;
}

/* Receives the shared memory and the pipes. Returns false with errno, also if the server has ended. */
static bool meet_server(struct host *host, int control_fd)
{
	struct control_hello hello = { 0 };
	struct stat st;
	int memory_fd;
	unsigned count;

	errno = EPROTO;
	if (control_receive(control_fd, &hello, sizeof(hello), &memory_fd, 1, &count) != (int)sizeof(hello) || count != 1 || hello.version != WIRE_VERSION ||
	    hello.threads == 0 || hello.threads > TUX_MAX_THREADS || hello.bytes != hello.threads * sizeof(struct wire_pair) ||
	    fstat(memory_fd, &st) != 0 || (uint64_t)st.st_size != hello.bytes)
		return false;
	host->pair = mmap(NULL, hello.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	close(memory_fd);
	if (host->pair == MAP_FAILED)
		return false;
	host->station = calloc(hello.threads, sizeof(*host->station));
	if (host->station == NULL)
		return false;
	while (host->stations < hello.threads) {
		struct control_threads group = { 0 };
		int fds[2 * CONTROL_GROUP];

		errno = EPROTO;
		if (control_receive(control_fd, &group, sizeof(group), fds, 2 * CONTROL_GROUP, &count) != (int)sizeof(group) || group.first != host->stations ||
		    group.count == 0 || group.count > hello.threads - host->stations || count != 2 * group.count)
			return false;
		for (unsigned i = 0; i < group.count; i++) {
			struct station *station = &host->station[host->stations++];

			station->wake_fd = fds[2 * i];
			station->server_fd = fds[2 * i + 1];
		}
	}
	return true;
}

/* Starts the threads. Returns false with errno. */
static bool start_stations(struct host *host)
{
	for (unsigned i = 0; i < host->stations; i++) {
		struct station *station = &host->station[i];

		station->host = host;
		station->number = i;
		station->in = (struct wire_end){ .ring = &host->pair[i].to_module };
		station->out = (struct wire_end){ .ring = &host->pair[i].to_server };
		station->waiting_last = &station->waiting;
		station->aside_last = &station->aside;
		pthread_mutex_init(&station->lock, NULL);
		pthread_cond_init(&station->changed, NULL);
		station->seat = calloc(WIRE_SLOTS, sizeof(*station->seat));
		station->buf = malloc(WIRE_RECORD);
		station->piece = malloc(WIRE_PIECE);
		if (station->seat == NULL || station->buf == NULL || station->piece == NULL || !calls_open(&station->calls, &host_ops))
			return false;
		station->calls.ready.fd = epoll_create1(EPOLL_CLOEXEC);
		if (station->calls.ready.fd < 0)
			return false;
	}
	for (unsigned i = 0; i < host->stations; i++) {
		const int error = pthread_create(&host->station[i].id, NULL, serve, &host->station[i]);

		errno = error;
		if (error != 0)
			return false;
	}
	return true;
}

/* Ends the threads. Returns false if one does not return from the module. */
static bool stop_stations(struct host *host)
{
	const uint64_t until = now_ms() + STOP_MS, one = 1;
	struct timespec end;
	bool all = true;

	__atomic_store_n(&host->stopping, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < host->stations; i++)
		(void)!write(host->station[i].calls.inbox.event_fd, &one, sizeof(one));
	end = (struct timespec){ (time_t)(until / 1000), (long)(until % 1000) * 1000000 };
	for (unsigned i = 0; i < host->stations && all; i++)
		all = pthread_clockjoin_np(host->station[i].id, NULL, CLOCK_MONOTONIC, &end) == 0;
	return all;
}

/* Sets the stacks of all threads of the process. */
static void limit_stacks(void)
{
	pthread_attr_t attributes;

	if (pthread_attr_init(&attributes) != 0)
		return;
	if (pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0)
		pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

static void fail(const struct tux_module_config *module, const char *error)
{
	char front[128];

	/* errors of modules_load() name the module already */
	print(front, sizeof(front), "module %s:", module->name);
	if (strncmp(error, front, strlen(front)) == 0)
		error += strlen(front) + 1;
	say(front, error, (uint32_t)strlen(error));
}

/* Requests to upstreams cannot be had through the rings yet. */
static int no_fetch(struct tux_req *call, const struct tux_fetch_request *ask)
{
	(void)call;
	(void)ask;
	return -ENOSYS;
}

int isolated_host(const struct tux_module_config *module, int object_fd, int control_fd, const struct isolated_host_steps *steps)
{
	static struct host host;
	static const char ready[] = "ready";
	char error[ERROR_BYTES] = "";
	struct pollfd end = { .fd = control_fd, .events = POLLIN };

	limit_stacks();
	host.config = (struct tux_engine_config){ .modules = module, .module_count = 1 };
	host.loaded = modules_load_copy(module, object_fd, error, sizeof(error));
	if (host.loaded != NULL) {
		host.loaded->api.fetch = no_fetch;
	}
	if (host.loaded == NULL || !steps->enclose(steps->context, error, sizeof(error))) {
		fail(module, error);
		return FAILED;
	}
	if (!meet_server(&host, control_fd)) {
		print(error, sizeof(error), "the server cannot be understood: %s", strerror(errno));
		fail(module, error);
		return FAILED;
	}
	host.config.threads = host.stations;
	if (!modules_start(host.loaded, &host.config, error, sizeof(error)) || !steps->restrain(steps->context, error, sizeof(error))) {
		fail(module, error);
		return FAILED;
	}
	if (!start_stations(&host) || !control_send(control_fd, ready, sizeof(ready), NULL, 0)) {
		print(error, sizeof(error), "its threads cannot be started: %s", strerror(errno));
		fail(module, error);
		return FAILED;
	}
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	if (stop_stations(&host) && modules_stop(host.loaded, 1))
		modules_unload(host.loaded, 1);
	_exit(STOPPED);
}
