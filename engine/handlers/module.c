/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../backend/internal_redirect.h"
#include "../log/access_record.h"
#include "../log/backend_note.h"
#include "../isolated/line.h"
#include "../log/error_line.h"
#include "../tls/session.h"
#include "error_page.h"
#include "module_body.h"
#include "module_count.h"
#include "module_fetch.h"
#include "module_file.h"
#include "module_head.h"
#include "module_stream.h"
#include "module_wait.h"

enum {
	CLIENT_GONE = 499, /* log status of a request whose client disconnected, as in nginx */
	RUNS_AT_ONCE = 16, /* calls of resumed() for a request, before other requests get a turn */
};

_Static_assert((int)CALL_COPY_BYTES <= (int)SINK_COPY_BYTES, "a sink copies what is borrowed while handle() runs");

static const struct request_events module_events;

/* Memory that a module lends for a body by reference. */
struct loan {
	struct body_owner owner; /* first member */
	void (*drop)(void *argument); /* NULL: the memory stays for ever */
	void *argument;
};

static void loan_end(struct body_owner *owner)
{
	struct loan *loan = (struct loan *)owner;

	if (loan->drop != NULL)
		loan->drop(loan->argument);
	free(loan);
}

/* Makes the body the owner of the memory that the module lends. Returns false if out of memory. */
static bool lend_memory(const struct tux_req *call, struct body_source *body)
{
	struct loan *loan = malloc(sizeof(*loan));

	if (loan == NULL)
		return false;
	*loan = (struct loan){ .owner = { loan_end }, .drop = call->drop, .argument = call->argument };
	body->owner = &loan->owner;
	return true;
}

/* Makes an object the owner of the descriptor that the module gives. Returns false if out of memory. */
static bool lend_file(const struct tux_req *call, struct body_source *body)
{
	body->object = object_of_file(call->req->host, call->fd);
	body->fd = call->fd;
	return body->object != NULL;
}

/* True if the sink copies the reply's memory, which the call keeps. */
static bool is_copied(const struct tux_req *call)
{
	return call->reply == REPLY_COPY && call->len <= SINK_COPY_BYTES;
}

/* Lends what a reply needs to its body. Returns false if out of memory. */
static bool lend(const struct tux_req *call, struct body_source *body)
{
	switch ((enum call_reply)call->reply) {
	case REPLY_COPY:
		if (is_copied(call))
			return true;
		body->text = (uint8_t *)(uintptr_t)call->data;
		return true;
	case REPLY_MEMORY:
		return lend_memory(call, body);
	case REPLY_FD:
		return lend_file(call, body);
	case REPLY_NONE:
	case REPLY_SENT:
	case REPLY_BORROWED:
	case REPLY_TARGET:
	case REPLY_REDIRECT:
	case REPLY_STREAM:
		break;
	}
	return true;
}

/* Ends the loan. returned: the sink has taken nothing, and the call keeps it. */
static void lend_end(struct body_source *body, bool returned)
{
	if (returned)
		free(body->owner);
	if (body->object == NULL)
		return;
	if (returned)
		body->object->representation[TUX_CODING_IDENTITY]->fd = -1;
	object_put(body->object);
}

/*
 * Responds with an error. The page for it may have to be loaded, and dispatch_respond() is called again then: it must not call the module
 * a second time.
 */
static enum response_step fail_with(struct request *req, uint16_t status, enum why why)
{
	req->error_status = status;
	req->cause = because(why, 0);
	return error_page_failure(req, status, req->cause);
}

enum response_step module_respond_target(struct request *req, struct tux_octets name, struct tux_octets target, struct tux_octets lines)
{
	const uint16_t status = request_keep(req) ? internal_redirect_to(req, target, lines) : 503;

	backend_note(req, "module", name, 0);
	return status == 200 ? RESPONSE_ANEW : fail_with(req, status, status == 503 ? WHY_MEMORY : (enum why)req->cause.why);
}

/* Lets another target respond, with the fields that the module has added. */
static enum response_step respond_target(struct request *req, struct tux_req *call)
{
	const enum response_step step = module_respond_target(req, module_name(call->loaded), (struct tux_octets){ call->text.data, call->text.len },
	                                                      (struct tux_octets){ call->fields.data, call->fields.len });

	call_put(call);
	return step;
}

/*
 * Responds with a reply. RESPONSE_NO_ROOM: the reply stays in the call. at_once: handle() runs, so the reply stays in the call without
 * memory, too.
 */
static enum response_step respond_reply(struct request *req, struct tux_req *call, bool at_once)
{
	char room[MODULE_MAX_LINES];
	struct body_source body = response_no_body();
	struct tux_head head;
	const bool fits = module_head(req, call, room, &head);
	enum response_step step;

	if (!fits || !lend(call, &body)) {
		if (at_once)
			return RESPONSE_NO_ROOM;
		step = fits ? fail_with(req, 503, WHY_MEMORY) : fail_with(req, 500, WHY_FIELDS_LONG);
		call_forget_reply(call);
		call->reply = REPLY_SENT;
		return step;
	}
	head.has_length = module_has_content(call->status);
	if (call->reply == REPLY_REDIRECT) {
		head.location = call->text.data;
		head.location_len = call->text.len;
		head.type.len = 0;
	} else if (head.has_length) {
		body.count = call->len > 0;
		body.one = (struct body_part){ .memory = call->reply == REPLY_FD ? NULL : call->data, .off = call->off, .len = call->len };
		head.content_length = call->len;
	}
	if (call->status >= 500 || call->status == 403) {
		req->cause = because(WHY_MODULE_STATUS, 0);
		backend_note(req, "module", module_name(call->loaded), 0);
	}
	step = response_try(req, &head, &body);
	lend_end(&body, step == RESPONSE_NO_ROOM);
	if (step != RESPONSE_NO_ROOM && is_copied(call))
		call_forget_reply(call);
	if (step != RESPONSE_NO_ROOM)
		call->reply = REPLY_SENT; /* the body has what the call had */
	return step;
}

static bool send_now(struct tux_req *call)
{
	if (call->reply == REPLY_TARGET)
		return false;
	return respond_reply(call->req, call, true) != RESPONSE_NO_ROOM;
}

static enum response_step respond_failure(struct request *req, struct tux_req *call)
{
	const uint16_t status = call->failure != 0 ? call->failure : 500;
	const enum why why = call->failure != 0 ? (enum why)call->why : WHY_MODULE_FAILED;

	backend_note(req, "module", module_name(call->loaded), 0);
	call_put(call);
	return fail_with(req, status, why);
}

/* Responds with the result of a call. */
static enum response_step respond_result(struct request *req, struct tux_req *call, enum call_result result)
{
	enum response_step step;

	if (result != CALL_KEPT && result != CALL_WAITS && call->reply != REPLY_STREAM)
		module_count_result(call, result);
	switch (result) {
	case CALL_DONE:
		break;
	case CALL_DECLINED:
		call_put(call);
		return RESPONSE_DECLINED;
	case CALL_KEPT:
	case CALL_WAITS:
		return RESPONSE_BY_HANDLER;
	case CALL_FAILED:
		return respond_failure(req, call);
	}
	if (call->reply == REPLY_TARGET)
		return respond_target(req, call);
	if (call->reply == REPLY_STREAM)
		return RESPONSE_BY_HANDLER;
	step = call->reply == REPLY_SENT ? RESPONSE_QUEUED : respond_reply(req, call, false);
	if (step != RESPONSE_NO_ROOM)
		call_put(call);
	return step;
}

/* Shows the request to the module, unless the call has a copy. */
static void show(struct tux_req *call)
{
	const struct request *req = call->req;

	if (call->copy != NULL)
		return;
	call->bytes = req->bytes;
	call->head = &req->head;
	call->path = req->path;
	call->path_len = req->path_len;
}

/*
 * Returns a new call. Until it is put back, the module's events are the request's: whatever ends the request tells them.
 */
static struct tux_req *begin(struct request *req, struct tux_loaded *loaded)
{
	struct tux_req *call = call_get(req->thread->calls, loaded);

	if (call == NULL)
		return NULL;
	call->req = req;
	show(call);
	if (req->client->secure) {
		const struct buffer texts = tls_texts_of(req->client->channel);

		if (texts.len == 0) { /* the module would take the connection for a plain one */
			call_put(call);
			return NULL;
		}
		call->tls = texts.data;
		call->tls_len = texts.len;
	}
	call->client_port = req->client->port;
	memcpy(call->client_address, req->client->address, sizeof(call->client_address));
	if (!request_has_body(req))
		body_queue_end(&call->queue, 0);
	req->call = call;
	req->events = &module_events;
	return call;
}

/* Runs handle() or resumed() in this thread. The result is the call's, unless the module keeps it: another thread sets it then, at any time. */
static enum call_result call_module(struct tux_req *call)
{
	const enum call_result result = call_run(call);

	if (result != CALL_KEPT)
		call->result = (uint8_t)result;
	return result;
}

enum response_step module_respond(struct request *req, struct tux_loaded *loaded)
{
	struct tux_req *call = req->call;

	if (call != NULL)
		return respond_result(req, call, (enum call_result)call->result);
	if (loaded->pool != NULL || request_has_body(req))
		return RESPONSE_BY_HANDLER;
	call = begin(req, loaded);
	if (call == NULL)
		return fail_with(req, 503, WHY_MEMORY);
	call->body_done = call->direct = call->begun = true;
	module_count_begin(call);
	return respond_result(req, call, call_module(call));
}

/* Calls handle() or resumed(). The call has a result, unless the module keeps it: then it has one when it is delivered. */
static void run(struct tux_req *call)
{
	if (!call->begun)
		module_count_begin(call);
	call->begun = true;
	call->direct = false;
	show(call);
	if (call->loaded->pool == NULL)
		call_module(call);
	else if (call_detach(call))
		call_submit(call);
	else
		call->result = CALL_FAILED;
}

uint16_t module_start(struct request *req, struct tux_loaded *loaded)
{
	const struct tux_request *head = &req->head;
	struct tux_req *call = req->call;

	if (call != NULL) { /* module_respond() has called the module, which keeps the call or waits. The head has moved since then */
		show(call);
		return 0;
	}
	call = begin(req, loaded);
	if (call == NULL) {
		req->cause = because(WHY_MEMORY, 0);
		return 503;
	}
	call->body_done = !request_has_body(req);
	tux_body_start(&req->body, (enum tux_framing)head->framing, head->content_length);
	return 0;
}

/* Writes the bytes of both sides into the access record of a stream. */
static void record(const struct request *req)
{
	if (req->record == NULL || req->module_stream == MODULE_STREAM_NONE)
		return;
	req->record->sent_bytes = req->sent_bytes;
	req->record->received_bytes = request_client_head(req)->head_len + req->body.total + req->tunnel_bytes;
}

/* Separates a call from its request, which goes on or ends without the module. */
static void separate(struct tux_req *call)
{
	module_wait_end(call);
	timer_stop(&call->timer);
	call->req->call = NULL;
	call->req = NULL;
}

/* Separates a call from its request, which ends without the module. */
static void lose(struct tux_req *call)
{
	module_count_gone(call); /* unless it has ended otherwise */
	if (!call->body_done) /* the rest is not the next request */
		call->req->unread = true;
	separate(call);
	call_lose(call);
}

/* Ends the response of a stream. The module may still have the call. */
static enum request_next end_stream(struct request *req, bool complete)
{
	struct tux_req *call = req->call;

	if (call != NULL && (!call->body_done || (call->tunnel && complete && !call->input_ended)))
		req->unread = true;
	if (call != NULL)
		module_count_result(call, complete ? CALL_DONE : CALL_FAILED);
	if (call != NULL && !complete)
		lose(call);
	else if (call != NULL && call->kept)
		separate(call);
	else if (call != NULL)
		call_put(call);
	record(req);
	req->events = NULL;
	req->sink->end(req, complete);
	return NEXT_OVER;
}

/* Reports that a stream ends before its end, for req->cause. */
static void tell_cut(struct request *req, const struct tux_loaded *loaded)
{
	count(&req->thread->counters.errors, 1);
	error_line_cut(req, req->cause, (struct error_line_backend){ "module", module_name(loaded) });
}

/* Continues a stream, or waits for one. */
static enum request_next next_of_stream(struct request *req, struct tux_req *call)
{
	switch (module_stream_step(req, call)) {
	case STREAM_STEP_READY:
		return NEXT_READY;
	case STREAM_STEP_QUEUED:
		return NEXT_QUEUED;
	case STREAM_STEP_WAITS:
		return NEXT_WAITS;
	case STREAM_STEP_OVER:
		return end_stream(req, true);
	case STREAM_STEP_BROKEN:
		if (!call->tunnel || req->cause.why != WHY_MODULE_CUT) /* the end of a tunnel is the module's affair */
			tell_cut(req, call->loaded);
		return end_stream(req, false);
	case STREAM_STEP_FAILED:
		backend_note(req, "module", module_name(call->loaded), 0);
		module_count_result(call, CALL_FAILED);
		lose(call);
		break;
	}
	req->events = NULL;
	return NEXT_RESPOND;
}

/* Continues a request that the module has lost. */
static enum request_next next_of_lost(struct request *req)
{
	if (req->module_stream != MODULE_STREAM_NONE)
		return end_stream(req, false);
	req->events = NULL;
	return NEXT_RESPOND;
}

/* Calls resumed() while a wait of the module is over. */
static void resume(struct tux_req *call)
{
	unsigned runs = 0;

	while (call_waits(call) && module_wait_is_over(call)) {
		if (++runs > RUNS_AT_ONCE) {
			call_wake(call);
			break;
		}
		module_wait_end(call);
		call->again = true;
		run(call);
	}
}

static enum request_next next(struct request *req)
{
	struct tux_req *call = req->call;

	if (call == NULL)
		return next_of_lost(req);
	if (call->no_memory) {
		call_put(call);
		req->unread = true;
		req->error_status = 503;
		req->cause = because(WHY_MEMORY, 0);
		return NEXT_RESPOND;
	}
	if (!module_body_permits_handle(call))
		return NEXT_WAITS;
	if (!call->begun)
		run(call);
	resume(call);
	call_tell_body(call);
	if (module_body_asks(req, call))
		return NEXT_QUEUED;
	if (body_queue_has_room_again(&call->queue))
		return NEXT_AGAIN;
	if (!call_is_returned(call) || call->reply == REPLY_STREAM)
		return next_of_stream(req, call);
	if (!call->body_done) /* its end is unknown */
		req->unread = true;
	return NEXT_RESPOND;
}

static void abandon(struct request *req)
{
	record(req);
	req->events = NULL;
	if (req->call != NULL)
		lose(req->call);
}

/* Like abandon(), but after the loop has ended. */
static void release(struct request *req)
{
	if (req->call != NULL)
		module_fetch_free(req->call);
	abandon(req);
}

static void client_closed(struct request *req)
{
	if (req->module_stream == MODULE_STREAM_NONE)
		access_record_stream(req, CLIENT_GONE, module_name(req->module));
	abandon(req);
}

static bool answered(const struct request *req)
{
	return req->module_stream != MODULE_STREAM_NONE;
}

static void stop(struct request *req)
{
	record(req);
}

static bool always(const struct request *req)
{
	(void)req;
	return true;
}

static bool never(const struct request *req)
{
	(void)req;
	return false;
}

static bool is_tunnel(const struct request *req)
{
	return req->call != NULL && req->call->tunnel;
}

static bool moved(struct request *req)
{
	const bool moved = req->call->moved;

	req->call->moved = false;
	return moved;
}

static void received(struct request *req)
{
	if (req->call == NULL)
		return;
	resume(req->call);
	call_tell_body(req->call);
}

static bool client_ended(struct request *req)
{
	struct tux_req *call = req->call;

	if (call == NULL || !call->tunnel)
		return false;
	if (!call->input_ended) {
		call->input_ended = true;
		body_queue_end(&call->queue, 0);
		call_tell_body(call);
	}
	return true;
}

static void drain(struct request *req)
{
	body_queue_shut(&req->call->queue);
	call_tell_body(req->call);
}

static bool splice(struct request *req)
{
	return always(req);
}

static void nothing(struct request *req)
{
	(void)req;
}

static const struct request_events module_events = {
	.next = next,
	.writable = nothing,
	.answered = answered,
	.is_tunnel = is_tunnel,
	.moved = moved,
	.received = received,
	.client_ended = client_ended,
	.drain = drain,
	.takes = module_body_takes,
	.awaits_body = module_body_is_awaited,
	.body_ended = module_body_has_ended,
	.body = module_body_receive,
	.splices = never,
	.splice = splice,
	.readable = nothing,
	.client_closed = client_closed,
	.abandon = abandon,
	.stop = stop,
	.free = release,
};

static void keep(struct tux_req *call)
{
	struct thread *thread = call->calls->thread;
	const size_t number = (size_t)(call->loaded - thread->config->loaded);

	if (call->paused)
		return;
	timer_start(&call->calls->limits[number], &call->timer, TIMER_RESPONSE, thread->now_ms);
}

static void put(struct tux_req *call)
{
	struct request *req = call->req;

	module_file_forget(call);
	if (req == NULL)
		return;
	separate(call);
	req->events = NULL;
}

static const struct call_ops module_ops = { .send = send_now, .keep = keep, .put = put, .find_file = module_file_find, .read_file = module_file_read,
	                                   .find_upstream = module_find_upstream };

static void on_ready(struct source *source, void *owner)
{
	(void)owner;
	module_waits_ready((struct calls *)((char *)source - offsetof(struct calls, ready)));
}

bool modules_open(struct calls *calls, struct thread *thread, unsigned index)
{
	const unsigned count = thread->config->module_count;

	calls->thread = thread;
	calls->inbox.event_fd = -1;
	calls->ready = (struct source){ .fd = -1, .readable = on_ready };
	if (count == 0)
		return true;
	calls->limits = calloc(count, sizeof(*calls->limits));
	thread->modules = calloc(count, sizeof(*thread->modules));
	calls->ready.fd = epoll_create1(EPOLL_CLOEXEC);
	if (calls->limits == NULL || thread->modules == NULL || calls->ready.fd < 0)
		return false;
	for (unsigned i = 0; i < count; i++) {
		timers_init(&calls->limits[i]);
		calls->limits[i].duration_ms[TIMER_RESPONSE] = thread->config->modules[i].timeout_ms;
	}
	return calls_open(calls, &module_ops) && isolated_lines_open(calls, thread->config, index);
}

bool modules_free(struct calls *calls)
{
	bool freed;

	isolated_lines_free(calls);
	freed = calls_free(calls); /* stops timers, so the lists are still needed */

	deadlines_free(&calls->deadlines);
	if (calls->ready.fd >= 0)
		close(calls->ready.fd);
	calls->ready.fd = -1;
	free(calls->limits);
	calls->limits = NULL;
	if (calls->thread != NULL) {
		free(calls->thread->modules);
		calls->thread->modules = NULL;
	}
	return freed;
}

/* Continues the requests of calls that were taken out of the inbox. */
static void take_returned(struct job *job)
{
	while (job != NULL) {
		struct tux_req *call = (struct tux_req *)job;
		unsigned news;

		job = job->next;
		news = call_take_news(call);
		if (news & NEWS_RETURNED) {
			call->kept = false;
			timer_stop(&call->timer);
		} else if (news != 0 && call->req != NULL) { /* else the client left after the module had written */
			module_stream_time(call);
		}
		if (news != 0 && call->req != NULL)
			call->req->sink->resume(call->req);
		else if (news & NEWS_RETURNED)
			call_put_lost(call);
	}
}

void modules_returned(struct calls *calls)
{
	take_returned(inbox_take(&calls->inbox));
}

void modules_expire(struct calls *calls)
{
	const struct thread *thread = calls->thread;

	if (calls->lines != NULL) {
		calls_gather(calls);
		isolated_lines_turn(calls);
		take_returned(calls_gathered(calls));
	}
	for (unsigned i = 0; calls->out > 0 && i < thread->config->module_count; i++) {
		struct timer *timer;

		while ((timer = timer_expired(&calls->limits[i], thread->now_ms)) != NULL) {
			struct tux_req *call = (struct tux_req *)((char *)timer - offsetof(struct tux_req, timer));
			struct request *req = call->req;

			if (module_stream_excuses(call) || module_wait_excuses(call))
				continue;
			req->error_status = 504;
			req->cause = because(WHY_MODULE_TIME, 0);
			module_count_timeout(call);
			if (req->module_stream != MODULE_STREAM_NONE)
				tell_cut(req, call->loaded);
			else
				backend_note(req, "module", module_name(call->loaded), 0);
			lose(call);
			req->sink->resume(req);
		}
	}
	module_waits_expire(calls);
}

int modules_next(const struct calls *calls)
{
	const struct thread *thread = calls->thread;
	const int lines = isolated_lines_next(calls);
	int first = module_waits_next(calls);

	if (first < 0 || (lines >= 0 && lines < first))
		first = lines;
	for (unsigned i = 0; calls->out > 0 && i < thread->config->module_count; i++) {
		const int next_ms = timers_next(&calls->limits[i], thread->now_ms);

		if (first < 0 || (next_ms >= 0 && next_ms < first))
			first = next_ms;
	}
	return first;
}
