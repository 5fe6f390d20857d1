/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "../backend/internal_redirect.h"
#include "../log/access_record.h"
#include "../log/backend_note.h"
#include "error_page.h"
#include "module_count.h"

enum {
	CLIENT_GONE = 499, /* log status of a request whose client disconnected, as in nginx */
	MAX_LINES = 3 * TUX_MAX_FIELD_LINES, /* bytes of the configured fields, those of an application, and those of the module */
};

_Static_assert((int)CALL_COPY_BYTES <= (int)SINK_COPY_BYTES, "a sink copies what is borrowed while handle() runs");

static const struct request_events module_events;

static struct tux_octets name_of(const struct tux_loaded *loaded)
{
	return (struct tux_octets){ (const uint8_t *)loaded->config->name, (uint32_t)strlen(loaded->config->name) };
}

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

/* Lends what a reply needs to its body. Returns false if out of memory. */
static bool lend(const struct tux_req *call, struct body_source *body)
{
	switch ((enum call_reply)call->reply) {
	case REPLY_COPY:
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

/* Lets another target respond, with the fields that the module has added. */
static enum response_step respond_target(struct request *req, struct tux_req *call)
{
	const struct tux_octets target = { call->text.data, call->text.len };
	const uint16_t status = request_keep(req) ? internal_redirect_to(req, target, (struct tux_octets){ call->fields.data, call->fields.len }) : 503;

	backend_note(req, "module", name_of(call->loaded), 0);
	call_put(call);
	return status == 200 ? RESPONSE_ANEW : fail_with(req, status, status == 503 ? WHY_MEMORY : (enum why)req->cause.why);
}

/*
 * Responds with a reply. RESPONSE_NO_ROOM: the reply stays in the call. at_once: handle() runs, so the reply stays in the call without
 * memory, too.
 */
static enum response_step respond_reply(struct request *req, struct tux_req *call, bool at_once)
{
	char room[MAX_LINES];
	struct body_source body = response_no_body();
	struct tux_head head = response_head(req, call->status);
	enum response_step step;

	if (head.extra.len + call->fields.len > sizeof(room) || !lend(call, &body)) {
		if (at_once)
			return RESPONSE_NO_ROOM;
		step = head.extra.len + call->fields.len > sizeof(room) ? fail_with(req, 500, WHY_FIELDS_LONG) : fail_with(req, 503, WHY_MEMORY);
		call_forget_reply(call);
		call->reply = REPLY_SENT;
		return step;
	}
	if (call->fields.len > 0) {
		if (head.extra.len > 0)
			memcpy(room, head.extra.at, head.extra.len);
		memcpy(room + head.extra.len, call->fields.data, call->fields.len);
		head.extra = (struct tux_text){ room, head.extra.len + call->fields.len };
	}
	head.type = (struct tux_text){ (const char *)call->type.data, call->type.len };
	head.has_length = call->status != 204 && call->status != 304;
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
		backend_note(req, "module", name_of(call->loaded), 0);
	}
	step = response_try(req, &head, &body);
	lend_end(&body, step == RESPONSE_NO_ROOM);
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

/* Responds with the result of a call that is the server's again. */
static enum response_step respond_result(struct request *req, struct tux_req *call, enum tux_result result)
{
	enum response_step step;

	if (result != TUX_SUSPEND)
		module_count_result(call, result);
	switch (result) {
	case TUX_DONE:
		break;
	case TUX_DECLINE:
		call_put(call);
		return RESPONSE_DECLINED;
	case TUX_SUSPEND:
		return RESPONSE_BY_HANDLER;
	case TUX_FAIL:
		backend_note(req, "module", name_of(call->loaded), 0);
		call_put(call);
		return fail_with(req, 500, WHY_MODULE_FAILED);
	}
	if (call->reply == REPLY_TARGET)
		return respond_target(req, call);
	step = call->reply == REPLY_SENT ? RESPONSE_QUEUED : respond_reply(req, call, false);
	if (step == RESPONSE_NO_ROOM)
		call->result = TUX_DONE;
	else
		call_put(call);
	return step;
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
	call->bytes = req->bytes;
	call->head = &req->head;
	call->path = req->path;
	call->path_len = req->path_len;
	call->client_port = req->client->port;
	memcpy(call->client_address, req->client->address, sizeof(call->client_address));
	req->call = call;
	req->events = &module_events;
	return call;
}

enum response_step module_respond(struct request *req, struct tux_loaded *loaded)
{
	struct tux_req *call = req->call;

	if (call != NULL)
		return respond_result(req, call, (enum tux_result)call->result);
	if (loaded->pool != NULL || request_has_body(req))
		return RESPONSE_BY_HANDLER;
	call = begin(req, loaded);
	if (call == NULL)
		return fail_with(req, 503, WHY_MEMORY);
	call->body_done = call->direct = call->begun = true;
	module_count_begin(call);
	return respond_result(req, call, call_run(call));
}

/* Calls the module after the body has arrived. Returns true if the call is the server's again. */
static bool call_module(struct tux_req *call)
{
	enum tux_result result = TUX_FAIL;

	call->begun = true;
	module_count_begin(call);
	if (call->loaded->pool != NULL && call_detach(call)) {
		call_submit(call);
		return false;
	}
	if (call->loaded->pool == NULL)
		result = call_run(call);
	if (result != TUX_SUSPEND) /* else the call has its result when it is delivered */
		call->result = (uint8_t)result;
	return result != TUX_SUSPEND;
}

uint16_t module_start(struct request *req, struct tux_loaded *loaded)
{
	const struct tux_request *head = &req->head;
	struct tux_req *call = req->call;

	if (call != NULL) /* module_respond() has called the module, which keeps the call */
		return 0;
	call = begin(req, loaded);
	if (call == NULL) {
		req->cause = because(WHY_MEMORY, 0);
		return 503;
	}
	call->body_done = !request_has_body(req);
	tux_body_start(&req->body, (enum tux_framing)head->framing, head->content_length);
	return 0;
}

static enum request_next next(struct request *req)
{
	struct tux_req *call = req->call;

	if (call == NULL) { /* its time has passed */
		req->events = NULL;
		return NEXT_RESPOND;
	}
	if (call->no_memory) {
		call_put(call);
		req->unread = true;
		req->error_status = 503;
		req->cause = because(WHY_MEMORY, 0);
		return NEXT_RESPOND;
	}
	if (!call->body_done || call->kept || (!call->begun && !call_module(call)))
		return NEXT_WAITS;
	return NEXT_RESPOND;
}

static bool takes(const struct request *req)
{
	return req->call != NULL && !req->call->body_done && !req->call->no_memory;
}

static uint32_t body(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal)
{
	struct tux_req *call = req->call;
	uint32_t used = 0;

	*refusal = TUX_ACCEPTED;
	while (used < len && !call->body_done) {
		struct tux_span content;
		uint32_t consumed;
		const enum tux_verdict verdict = tux_body_read(&req->body, buf + used, len - used, &consumed, &content);

		if (verdict == TUX_REFUSED)
			*refusal = (enum tux_refusal)req->body.refusal;
		else if (req->body.total > req->max_body_bytes)
			*refusal = TUX_REFUSED_BODY_LONG;
		else
			call->no_memory = !buffer_keep(&call->body, buf + used + content.off, content.len);
		if (*refusal != TUX_ACCEPTED || call->no_memory)
			return len;
		used += consumed;
		call->body_done = verdict == TUX_PARSED;
	}
	return used;
}

/* Takes the call from its request, which ends without the module. */
static void lose(struct tux_req *call)
{
	module_count_gone(call); /* unless its time has passed */
	timer_stop(&call->timer);
	call->req->call = NULL;
	call->req = NULL;
	call_lose(call);
}

static void abandon(struct request *req)
{
	req->events = NULL;
	if (req->call != NULL)
		lose(req->call);
}

static void client_closed(struct request *req)
{
	access_record_stream(req, CLIENT_GONE, name_of(req->module));
	abandon(req);
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
	.answered = never,
	.is_tunnel = never,
	.takes = takes,
	.awaits_body = takes,
	.body = body,
	.splices = never,
	.splice = splice,
	.readable = nothing,
	.client_closed = client_closed,
	.abandon = abandon,
	.stop = nothing,
	.free = abandon,
};

static void keep(struct tux_req *call)
{
	struct thread *thread = call->calls->thread;
	const size_t number = (size_t)(call->loaded - thread->config->loaded);

	timer_start(&call->calls->limits[number], &call->timer, TIMER_RESPONSE, thread->now_ms);
}

static void put(struct tux_req *call)
{
	timer_stop(&call->timer);
	if (call->req == NULL)
		return;
	call->req->call = NULL;
	call->req->events = NULL;
	call->req = NULL;
}

static const struct call_ops module_ops = { .send = send_now, .keep = keep, .put = put };

bool modules_open(struct calls *calls, struct thread *thread)
{
	const unsigned count = thread->config->module_count;

	calls->thread = thread;
	calls->inbox.event_fd = -1;
	if (count == 0)
		return true;
	calls->limits = calloc(count, sizeof(*calls->limits));
	thread->modules = calloc(count, sizeof(*thread->modules));
	if (calls->limits == NULL || thread->modules == NULL)
		return false;
	for (unsigned i = 0; i < count; i++) {
		timers_init(&calls->limits[i]);
		calls->limits[i].duration_ms[TIMER_RESPONSE] = thread->config->modules[i].timeout_ms;
	}
	return calls_open(calls, &module_ops);
}

bool modules_free(struct calls *calls)
{
	const bool freed = calls_free(calls); /* stops timers, so the lists are still needed */

	free(calls->limits);
	calls->limits = NULL;
	if (calls->thread != NULL) {
		free(calls->thread->modules);
		calls->thread->modules = NULL;
	}
	return freed;
}

void modules_returned(struct calls *calls)
{
	struct job *job = inbox_take(&calls->inbox);

	while (job != NULL) {
		struct job *next_job = job->next;
		struct tux_req *call = (struct tux_req *)job;

		call->kept = false;
		timer_stop(&call->timer);
		if (call->req != NULL)
			call->req->sink->resume(call->req);
		else
			call_put(call);
		job = next_job;
	}
}

void modules_expire(struct calls *calls)
{
	const struct thread *thread = calls->thread;

	for (unsigned i = 0; calls->out > 0 && i < thread->config->module_count; i++) {
		struct timer *timer;

		while ((timer = timer_expired(&calls->limits[i], thread->now_ms)) != NULL) {
			struct tux_req *call = (struct tux_req *)((char *)timer - offsetof(struct tux_req, timer));
			struct request *req = call->req;

			req->error_status = 504;
			req->cause = because(WHY_MODULE_TIME, 0);
			backend_note(req, "module", name_of(call->loaded), 0);
			module_count_timeout(call);
			lose(call);
			req->sink->resume(req);
		}
	}
}

int modules_next(const struct calls *calls)
{
	const struct thread *thread = calls->thread;
	int first = -1;

	for (unsigned i = 0; calls->out > 0 && i < thread->config->module_count; i++) {
		const int next_ms = timers_next(&calls->limits[i], thread->now_ms);

		if (first < 0 || (next_ms >= 0 && next_ms < first))
			first = next_ms;
	}
	return first;
}
