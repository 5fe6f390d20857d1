/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "station.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../io/clock.h"
#include "../modules/loaded.h"
#include "../modules/stream.h"

enum {
	RUNS_AT_ONCE = 16, /* of resumed(), before others have a turn */
};

/* Makes the call's slot unknown to this side. */
static void leave_seat(struct tux_req *call)
{
	if (call->slot != NO_SLOT) {
		station_file_end(station_of(call), &station_of(call)->seat[call->slot], -ESTALE);
		station_of(call)->seat[call->slot].call = NULL;
	}
	call->slot = NO_SLOT;
}

/* Ends a call whose reply was written. A module that has it still gives it back. */
static void finish(struct tux_req *call)
{
	leave_seat(call);
	if (call_is_returned(call))
		call_put(call);
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

/* Writes what a call has for the server, now or when there is room. */
static void conclude(struct station *station, struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];

	if (seat->queued)
		return;
	switch (station->waiting == NULL || station_may_stream(call) ? station_answer(call) : PROGRESS_ROOM) {
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

/* Writes the replies that wait. One that waits for the server does not hold up the others. */
static void send_waiting(struct station *station)
{
	struct tux_req **at = &station->waiting;
	bool wanted = false;

	while (*at != NULL) {
		struct tux_req *call = *at;

		switch (station_answer(call)) {
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
	const bool sent = station_of(call)->waiting == NULL && station_send_reply(call);

	if (sent)
		call->copied = call->reply; /* the module runs, and shall not be told now that its memory is free */
	return sent;
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
	call_unwatch(call);
	call->wait.begun = false;
}

static void put(struct tux_req *call)
{
	end_wait(call);
	leave_seat(call);
	buffer_forget(&call->file.first);
	if (call->reply == REPLY_SENT)
		call->reply = call->copied;
}

static const struct call_ops station_ops = { .send = send_now, .keep = keep, .put = put, .read_file = station_file_read, .raw_paths = true,
	                                   .find_upstream = station_find_upstream };

bool station_open(struct station *station)
{
	station->waiting_last = &station->waiting;
	station->aside_last = &station->aside;
	pthread_mutex_init(&station->lock, NULL);
	pthread_cond_init(&station->changed, NULL);
	station->seat = calloc(WIRE_SLOTS, sizeof(*station->seat));
	station->buf = malloc(WIRE_RECORD);
	station->piece = malloc(WIRE_PIECE);
	if (station->seat == NULL || station->buf == NULL || station->piece == NULL || !calls_open(&station->calls, &station_ops))
		return false;
	station->calls.ready.fd = epoll_create1(EPOLL_CLOEXEC);
	return station->calls.ready.fd >= 0;
}

/* Gives a module that reads bodies in pieces the whole one. */
static void give_body(struct tux_req *call)
{
	const bool added = body_queue_add(&call->queue, call->body.data, call->body.len);

	body_queue_end(&call->queue, added ? 0 : -ENOMEM);
	buffer_forget(&call->body);
}

/* Begins a wait. Without memory it is over at once. */
static void begin_wait(struct tux_req *call)
{
	struct call_wait *wait = &call->wait;

	wait->begun = wait->over = true;
	if (wait->until == UNTIL_TIME)
		wait->over = !deadline_start(&call->calls->deadlines, &wait->deadline, clock_ms() + wait->ms);
	if (wait->until == UNTIL_READY)
		wait->over = !call_watch(call);
	if (wait->until == UNTIL_FILE || wait->until == UNTIL_BODY || wait->until == UNTIL_FETCHED)
		wait->over = false;
	if (call->slot == NO_SLOT)
		return;
	station_of(call)->seat[call->slot].renews |= wait->until == UNTIL_READY;
	station_of(call)->seat[call->slot].lookup_due = wait->until == UNTIL_FILE;
	station_of(call)->seat[call->slot].fetch_due = wait->until == UNTIL_FETCHED;
}

/* True if resumed() is due. Begins the wait if need be. */
static bool wait_is_over(struct tux_req *call)
{
	struct call_wait *wait = &call->wait;

	if (!wait->begun)
		begin_wait(call);
	if (wait->until == UNTIL_ROOM)
		wait->over = stream_has_room(&call->stream);
	if (wait->until == UNTIL_BODY)
		wait->over = body_queue_is_ready(&call->queue);
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

/* True if the body of a call comes in pieces. */
static bool reads_pieces(const struct station *station, const struct tux_req *call)
{
	return call->slot != NO_SLOT && station->seat[call->slot].reads;
}

/* Calls handle() or resumed(). */
static void run(struct station *station, struct tux_req *call)
{
	call->direct = !call->begun && call->loaded->pool == NULL; /* only this thread writes into the ring */
	call->begun = true;
	if (!call->again && call->reads && !reads_pieces(station, call))
		give_body(call);
	if (call->loaded->pool == NULL) {
		const enum call_result result = call_run(call);

		if (result != CALL_KEPT) /* else another thread sets it, at any time */
			call->result = (uint8_t)result;
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

	while (call_waits(call) && wait_is_over(call)) {
		if (++runs > RUNS_AT_ONCE) {
			call_wake(call);
			break;
		}
		end_wait(call);
		call->again = true;
		run(station, call);
	}
	if (call->slot == NO_SLOT) {
		if (call_is_returned(call))
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

/* Makes the call of a record. Returns NULL if out of memory. */
static struct tux_req *call_of(struct station *station, const struct wire_call *fixed, const uint8_t *at, uint32_t head_bytes)
{
	struct tux_req *call = call_get(&station->calls, station->loaded);

	if (call == NULL)
		return NULL;
	call->slot = NO_SLOT;
	call->copy = malloc(sizeof(*call->copy) + fixed->head_len + fixed->path_len + fixed->tls_len);
	if (call->copy == NULL) {
		call_put(call);
		return NULL;
	}
	memcpy(&call->copy->head, at, head_bytes);
	memcpy(call->copy->bytes, at + head_bytes, fixed->head_len + fixed->path_len + fixed->tls_len);
	if (!wire_head_valid(&call->copy->head, fixed->head_len, fixed->fields))
		station_die(station, "the server has sent nonsense");
	call->head = &call->copy->head;
	call->bytes = call->copy->bytes;
	call->path = call->copy->bytes + fixed->head_len;
	call->path_len = fixed->path_len;
	call->tls = call->path + fixed->path_len;
	call->tls_len = fixed->tls_len;
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
		station_die(station, "the server has sent nonsense");
	memcpy(&fixed, buf, sizeof(fixed));
	head_bytes = (uint32_t)offsetof(struct tux_request, fields.line);
	if (fixed.fields <= TUX_MAX_FIELDS)
		head_bytes += fixed.fields * (uint32_t)sizeof(struct tux_field);
	if (!wire_call_valid(&fixed, record->len, head_bytes))
		station_die(station, "the server has sent nonsense");
	call = call_of(station, &fixed, buf + sizeof(fixed), head_bytes);
	if (call == NULL)
		station_die(station, "out of memory");
	call->slot = record->slot;
	*seat = (struct seat){ .call = call, .generation = record->generation, .body_len = fixed.body_len, .reads = fixed.body_len == UINT64_MAX };
	if (seat->reads && !call->reads)
		station_die(station, "the server has sent nonsense");
	if (fixed.body_len == 0 || seat->reads)
		start_call(station, call);
}

static void on_body(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	struct tux_req *call = seat->call;

	if (call == NULL || call->begun || seat->reads || record->len == 0 || record->len > seat->body_len)
		station_die(station, "the server has sent nonsense");
	if (!buffer_keep(&call->body, buf, record->len))
		station_die(station, "out of memory");
	seat->body_len -= record->len;
	if (seat->body_len == 0)
		start_call(station, call);
}

/* Handles input in pieces, or its end. */
static void on_input(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	station_input_take(station, seat, record, buf);
	if (seat->call != NULL)
		proceed(station, seat->call);
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
	if (record->len != sizeof(room) || !wire_taken_valid(room.taken, seat->taken, seat->sent))
		station_die(station, "the server has sent nonsense");
	seat->taken = room.taken;
}

static void on_found(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	struct wire_found found = { 0 };
	struct tux_req *call = seat->call;
	struct buffer first = { NULL, 0, 0 };

	if (record->len >= sizeof(found))
		memcpy(&found, buf, sizeof(found));
	if (record->len < sizeof(found) || record->len - sizeof(found) > found.size || call == NULL || !seat->looks || found.error > 0)
		station_die(station, "the server has sent nonsense");
	seat->looks = false;
	buffer_keep(&first, buf + sizeof(found), record->len - (uint32_t)sizeof(found)); /* without memory the module waits for them later */
	buffer_forget(&call->file.first);
	call->file = (struct call_file){ .asked = true, .error = found.error, .size = found.size, .first = first };
	call->wait.over = true;
	proceed(station, call);
}

/* Handles the result of a fetch, or a part of its answer. */
static void on_fetched(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	if (station_fetch_take(station, seat, record, buf))
		seat->call->wait.over = true;
	proceed(station, seat->call);
}

static void on_record(struct station *station, const struct wire_record *record, const uint8_t *buf)
{
	struct seat *seat;

	if (record->slot >= WIRE_SLOTS)
		station_die(station, "the server has sent nonsense");
	seat = &station->seat[record->slot];
	if (record->kind == WIRE_CALL)
		on_call(station, record, buf);
	else if (seat->generation != record->generation)
		station_die(station, "the server has sent nonsense");
	else if (record->kind == WIRE_BODY)
		on_body(station, seat, record, buf);
	else if (record->kind == WIRE_INPUT || record->kind == WIRE_INPUT_END || record->kind == WIRE_CLOSING)
		on_input(station, seat, record, buf);
	else if (record->kind == WIRE_GONE)
		on_gone(station, seat);
	else if (record->kind == WIRE_ROOM)
		on_room(station, seat, record, buf);
	else if (record->kind == WIRE_FOUND)
		on_found(station, seat, record, buf);
	else if (record->kind == WIRE_CONTENT)
		station_file_content(station, seat, record, buf);
	else if (record->kind == WIRE_FETCHED || record->kind == WIRE_ANSWER)
		on_fetched(station, seat, record, buf);
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
		station_die(station, "the server has sent nonsense");
	if (wire_wakes_writer(&station->in))
		station_wake_server(station);
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
		if (news & NEWS_RETURNED && call->slot == NO_SLOT) {
			call_put_lost(call);
		} else if (news != 0 && call->slot != NO_SLOT) {
			call_tell_body(call);
			proceed(station, call);
		}
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

void *station_serve(void *argument)
{
	struct station *const station = argument;
	struct pollfd polls[] = { { .fd = station->wake_fd, .events = POLLIN }, { .fd = station->calls.inbox.event_fd, .events = POLLIN },
		                  { .fd = station->calls.ready.fd, .events = POLLIN } };

	station_file_here(station);
	while (!__atomic_load_n(station->stopping, __ATOMIC_ACQUIRE)) {
		struct deadline *deadline;
		char bytes[64];

		read_ring(station);
		send_waiting(station);
		if (station->wrote && wire_wakes_reader(&station->out))
			station_wake_server(station);
		station->wrote = false;
		wire_sleep(&station->in, true);
		if (!wire_waits(&station->in) && station->aside == NULL)
			poll(polls, 3, deadlines_next(&station->calls.deadlines, clock_ms()));
		wire_sleep(&station->in, false);
		if (polls[0].revents != 0)
			(void)!read(station->wake_fd, bytes, sizeof(bytes));
		if (polls[1].revents != 0)
			take_returned(station);
		if (polls[2].revents != 0)
			take_ready(station);
		polls[0].revents = polls[1].revents = polls[2].revents = 0;
		station_file_take_asked(station);
		for (unsigned i = 0; i < RUNS_AT_ONCE && (deadline = deadline_passed(&station->calls.deadlines, clock_ms())) != NULL; i++) {
			struct tux_req *call = (struct tux_req *)((char *)deadline - offsetof(struct tux_req, wait.deadline));

			call->wait.over = true;
			proceed(station, call);
		}
	}
	return NULL;
}
