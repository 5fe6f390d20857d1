/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../core/response.h"
#include "../core/target.h"
#include "handlers/fallback.h"
#include "files/lookup.h"
#include "log/access_record.h"
#include "stats/report.h"
#include "stats/status_query.h"
#include "output.h"
#include "stats/totals.h"

enum {
	LONGEST_PATH = 4096, /* that a file can have: PATH_MAX */
	COPY_BYTES = 4096, /* bodies up to this go out together with their head */
};

/* What every head begins with: who asked, and whether the connection goes on. */
static struct tux_head start_head(struct conn *conn, uint16_t status)
{
	struct worker *worker = conn->worker;

	if (!worker->request.keep_alive || (worker->leaving && !conn->followed) || conn->linger)
		conn->last = true;
	return (struct tux_head){
		.status = status,
		.minor = worker->request.minor,
		.keep_alive = !conn->last,
		.date = worker->date,
		.omit = conn->fields->omit,
		.extra = tux_fields_added(conn->fields, status),
	};
}

/* Whether the head alone is all: HEAD. */
static bool wants_body(const struct worker *worker)
{
	return worker->request.method != TUX_HEAD;
}

/*
 * Queues a head, so that body bytes behind it still have room. Returns its bytes; 0 when there is no room, or no memory: then
 * nothing is queued, and no_room() says what to do.
 */
static uint32_t queue_head(struct conn *conn, const struct tux_head *head, uint64_t body)
{
	uint32_t room = 0, date_off, len;
	uint8_t *out = body < OUT_BYTES ? send_room_left(conn, &room) : NULL;

	if (out == NULL || room < body)
		return 0;
	len = tux_response_head(out, room - (uint32_t)body, head, &date_off);
	send_wrote(conn, len);
	return len;
}

/* The bytes of a body in memory that are sent together with their head. */
static uint32_t copied(const struct representation *rep, uint64_t body)
{
	return rep->memory != NULL && body <= COPY_BYTES ? (uint32_t)body : 0;
}

/* Queues a body of one range: copied when it is small, else as a piece. */
static void queue_body(struct conn *conn, struct object *object, const struct representation *rep,
                       struct tux_range range)
{
	const uint8_t *memory = rep->memory != NULL ? rep->memory + range.first : NULL;

	if (range.len == 0 || (memory != NULL && range.len <= COPY_BYTES && send_copy(conn, memory, (uint32_t)range.len)))
		return;
	send_body(conn, object, rep->fd, (struct piece){ .memory = memory, .off = range.first, .len = range.len });
}

static enum reply reply_own_page(struct conn *conn, const uint8_t *buf, struct tux_head *head, const char *why);

/*
 * There was no room for a head: it may have some when what is queued has been sent. A head that is too long for an empty buffer is
 * answered with a short one: a Location beyond all measure is the client's, further fields are not.
 */
static enum reply no_room(struct conn *conn, const uint8_t *buf, const struct tux_head *head)
{
	struct tux_head short_head;

	if (send_queued(conn))
		return REPLY_NO_ROOM;
	if (send_room(conn, 0) == NULL || (head->extra.len == 0 && head->location_len == 0)) { /* no memory: the connection ends without */
		conn->last = true;
		return REPLY_DONE;
	}
	conn->cause = because(WHY_FIELDS_LONG, 0);
	short_head = start_head(conn, head->location_len > 0 ? 414 : 500);
	if (head->location_len == 0)
		short_head.extra.len = 0;
	return reply_own_page(conn, buf, &short_head, NULL);
}

/* The site's page for a status. NULL: it has none, or conn->miss brings it. */
static struct object *page_of(struct conn *conn, uint16_t status)
{
	const struct tux_site *site = conn->site;
	const struct tux_error_page *page = site->pages;
	struct object *object;

	while (page < site->pages + site->page_count && page->status != status)
		page++;
	if (page == site->pages + site->page_count)
		return NULL;
	object = lookup(conn, (const uint8_t *)page->path.at, page->path.len);
	if (object != NULL && object->kind != OBJECT_FILE) {
		object_put(object);
		return NULL;
	}
	return object;
}

/* The page is no version of what was asked for: none of its validators is told. */
static enum reply reply_page_file(struct conn *conn, const uint8_t *buf, struct tux_head *head, struct object *object)
{
	const struct representation *rep = &object->representation[TUX_CODING_IDENTITY];
	uint64_t body = wants_body(conn->worker) ? rep->stamp.size : 0;
	uint32_t len;

	head->has_length = true;
	head->content_length = rep->stamp.size;
	head->type = object->type;
	head->coding = (uint8_t)object_coding(object, TUX_CODING_IDENTITY);
	len = queue_head(conn, head, copied(rep, body));
	if (len == 0)
		return no_room(conn, buf, head);
	queue_body(conn, object, rep, (struct tux_range){ 0, body });
	access_record_answer(conn, buf, head->status, len + body);
	return REPLY_DONE;
}

/* A page of our own, or none with 204 and 304. */
static enum reply reply_own_page(struct conn *conn, const uint8_t *buf, struct tux_head *head, const char *why)
{
	uint8_t page[TUX_MAX_ERROR_BODY];
	uint32_t page_len = 0, head_len;

	if (head->status != 204 && head->status != 304) {
		page_len = tux_response_error_body(page, sizeof(page), head->status, why);
		head->has_length = true;
		head->content_length = page_len;
		head->type = TUX_TEXT("text/html; charset=utf-8");
		head->coding = TUX_CODING_IDENTITY;
	}
	head_len = queue_head(conn, head, page_len);
	if (head_len == 0)
		return no_room(conn, buf, head);
	if (conn->worker->request.method == TUX_HEAD || !send_copy(conn, page, page_len))
		page_len = 0;
	access_record_answer(conn, buf, head->status, head_len + page_len);
	return REPLY_DONE;
}

/* A short answer: with the site's page for its status, or with ours. */
static enum reply reply_page(struct conn *conn, const uint8_t *buf, struct tux_head *head, const char *why)
{
	struct object *object = head->status >= 400 ? page_of(conn, head->status) : NULL;
	enum reply reply;

	if (object == NULL && conn->miss != NULL)
		return REPLY_WAIT;
	if (object == NULL)
		return reply_own_page(conn, buf, head, why);
	reply = reply_page_file(conn, buf, head, object);
	object_put(object);
	return reply;
}

static enum reply reply_status(struct conn *conn, const uint8_t *buf, uint16_t status)
{
	struct tux_head head = start_head(conn, status);

	head.allow = status == 204 || status == 405;
	return reply_page(conn, buf, &head, NULL);
}

/* Like reply_status(), for 403 and 5xx, which the error log gives a cause of. */
static enum reply reply_failure(struct conn *conn, const uint8_t *buf, uint16_t status, struct cause cause)
{
	conn->cause = cause;
	return reply_status(conn, buf, status);
}

/* Responds with the status that tux_respond_method() gives. */
static enum reply reply_method(struct conn *conn, const uint8_t *buf, uint16_t status)
{
	return reply_failure(conn, buf, status, because(WHY_METHOD, 0));
}

/* Like reply_failure(), if lookup() returned no object: waits for the load, or there is none. */
static enum reply reply_loading(struct conn *conn, const uint8_t *buf)
{
	return conn->miss != NULL ? REPLY_WAIT : reply_failure(conn, buf, 503, because(WHY_LOADS, 0));
}

enum reply reply_refusal(struct conn *conn, const uint8_t *buf)
{
	static const uint8_t nothing[1];
	const enum tux_refusal refusal = (enum tux_refusal)conn->refused;
	struct worker *worker = conn->worker;
	struct tux_head head;
	enum reply reply;

	worker->request.refusal = conn->refused;
	if (buf == NULL) { /* nothing of the scratch request is this one's */
		buf = nothing;
		conn->began_us = worker->now_us;
		worker->request.method_text = worker->request.target = (struct tux_span){ 0, 0 };
		tux_fields_clear(&worker->request.fields);
		worker->request.head_len = 0;
		worker->request.method = TUX_METHOD_UNKNOWN;
		worker->request.minor = 1;
	}
	conn->last = true;
	conn->cause = because_of(WHY_REQUEST, refusal, 0);
	head = start_head(conn, tux_refusal_status(refusal));
	reply = reply_page(conn, buf, &head, tux_refusal_text(refusal));
	if (reply == REPLY_DONE) {
		conn->linger = true;
		count(&worker->counters.refused, 1);
	}
	return reply;
}

void reply_continue(struct conn *conn)
{
	uint32_t len;
	const char *text = tux_response_continue(&len);

	send_copy(conn, (const uint8_t *)text, len); /* without room the client sends its body after a while all the same */
}

/* A whole representation with 200 on a connection of HTTP/1.1 that stays open: head prebuilt. */
static enum reply reply_whole(struct conn *conn, const uint8_t *buf, struct object *object, enum tux_coding coding)
{
	struct worker *worker = conn->worker;
	const struct representation *rep = &object->representation[coding];
	uint64_t body = wants_body(worker) ? rep->stamp.size : 0;
	const uint32_t room = rep->head_len + copied(rep, body);
	uint8_t *out = send_room(conn, room);

	if (out == NULL || tux_response_stamped(out, room, rep->head, rep->head_len, rep->date_off, worker->date) == 0)
		return REPLY_NO_ROOM;
	send_wrote(conn, rep->head_len);
	if (body > 0)
		queue_body(conn, object, rep, (struct tux_range){ 0, body });
	access_record_answer(conn, buf, 200, rep->head_len + body);
	return REPLY_DONE;
}

/* The pieces of multipart/byteranges. */
struct parts {
	struct piece *piece; /* malloc'ed */
	uint32_t count;
	uint8_t *text;       /* malloc'ed: the heads of the parts */
	uint64_t len;        /* of all pieces */
};

static void parts_forget(struct parts *parts)
{
	free(parts->piece);
	free(parts->text);
	*parts = (struct parts){ .piece = NULL };
}

/* Lays out multipart/byteranges: a part head before each range and the last boundary behind them. False without memory, or if a head is too long. */
static bool parts_make(struct parts *parts, const struct representation *rep, const struct tux_head *head, const struct tux_plan *plan)
{
	const uint32_t room = TUX_MAX_PART_HEAD + head->type.len;
	uint32_t at = 0;

	*parts = (struct parts){
		.piece = calloc(2 * (size_t)plan->range_count + 1, sizeof(*parts->piece)),
		.count = 2 * plan->range_count + 1,
		.text = malloc((size_t)room * (plan->range_count + 1)),
	};
	for (uint32_t i = 0; parts->piece != NULL && parts->text != NULL && i <= plan->range_count; i++) {
		const struct tux_range *range = i < plan->range_count ? &plan->range[i] : NULL;
		const uint32_t len = tux_response_part_head(parts->text + at, room, head, range);

		if (len == 0)
			break;
		parts->piece[2 * i] = (struct piece){ .memory = parts->text + at, .len = len };
		at += len;
		parts->len += len;
		if (range == NULL)
			return true;
		parts->piece[2 * i + 1] = (struct piece){
			.memory = rep->memory != NULL ? rep->memory + range->first : NULL,
			.off = range->first,
			.len = range->len,
		};
		parts->len += range->len;
	}
	parts_forget(parts);
	return false;
}

/* Queues the parts, which the answer then owns. */
static void queue_parts(struct conn *conn, struct object *object, const struct representation *rep, struct parts *parts)
{
	send_body(conn, object, rep->fd, (struct piece){ 0 });
	conn->answer.piece = parts->piece;
	conn->answer.count = parts->count;
	conn->answer.text = parts->text;
}

/* Returns the Content-Type of a file: an application that names the file may have set one. */
static struct tux_text type_of(const struct conn *conn, const struct object *object)
{
	return conn->fields->type.len > 0 ? conn->fields->type : object->type;
}

/* Everything else about a file, its head written anew. */
static enum reply reply_plan(struct conn *conn, const uint8_t *buf, struct object *object, enum tux_coding coding,
                             const struct tux_plan *plan)
{
	struct worker *worker = conn->worker;
	const struct representation *rep = &object->representation[coding];
	struct tux_facts facts;
	struct tux_head head;
	struct tux_range range = { 0, 0 };
	struct parts parts = { .piece = NULL };
	uint64_t body;
	uint32_t len;

	head = start_head(conn, plan->status);
	if (plan->status == 412)
		return reply_page(conn, buf, &head, NULL);
	facts = object_facts(object, coding, worker->now_s);
	tux_head_describe(&head, &facts, object_coding(object, coding), object->available, type_of(conn, object));
	if (plan->status == 416) {
		head.content_range = TUX_CONTENT_RANGE_UNSATISFIED;
		head.etag_len = 0;
		head.has_last_modified = false;
		return reply_page(conn, buf, &head, NULL);
	}
	if (plan->range_count > 1) {
		head.boundary = rep->etag + rep->etag_len - 17; /* 16 digits of a keyed hash, then the quote */
		head.boundary_len = 16;
		if (!parts_make(&parts, rep, &head, plan))
			return reply_failure(conn, buf, 503, because(WHY_MEMORY, 0));
		head.has_length = true;
		head.content_length = parts.len;
	} else {
		range = tux_head_plan(&head, plan);
	}
	if (plan->status == 304)
		return reply_page(conn, buf, &head, NULL);
	body = wants_body(worker) ? head.content_length : 0;
	len = queue_head(conn, &head, plan->range_count > 1 ? 0 : copied(rep, body));
	if (len == 0) {
		parts_forget(&parts);
		return no_room(conn, buf, &head);
	}
	if (body == 0)
		parts_forget(&parts);
	else if (parts.piece != NULL)
		queue_parts(conn, object, rep, &parts);
	else
		queue_body(conn, object, rep, range);
	access_record_answer(conn, buf, plan->status, len + body);
	return REPLY_DONE;
}

static enum reply reply_file(struct conn *conn, const uint8_t *buf, struct object *object)
{
	struct worker *worker = conn->worker;
	const struct tux_request *req = &worker->request;
	enum tux_coding coding = tux_respond_coding(buf, req, object->available);
	const struct representation *rep = &object->representation[coding];
	struct tux_facts facts = object_facts(object, coding, worker->now_s);
	struct tux_plan plan;

	tux_respond_decide(buf, req, &facts, &plan);
	if (tux_respond_prebuilt(req, &plan, rep->last_modified, worker->now_s) && rep->head != NULL &&
	    conn->fields == object->fields && !worker->leaving && !conn->linger)
		return reply_whole(conn, buf, object, coding);
	return reply_plan(conn, buf, object, coding, &plan);
}

/* Redirects to the same path with a slash. The Location is a path: it tells nothing of hosts or ports behind a proxy. */
static enum reply reply_slash(struct conn *conn, const uint8_t *buf, uint16_t status, const uint8_t *path, uint32_t path_len)
{
	const struct tux_request *req = &conn->worker->request;
	struct tux_head head = start_head(conn, status);
	uint8_t location[3 * LONGEST_PATH + 1];
	uint32_t len = 0;

	if (path_len <= LONGEST_PATH)
		len = tux_target_escape(path, path_len, location, sizeof(location) - 1);
	if (len == 0)
		return reply_status(conn, buf, 414);
	location[len++] = '/';
	head.location = location;
	head.location_len = len;
	if (req->query.len > 0) {
		head.location_query = buf + req->query.off;
		head.location_query_len = req->query.len;
	}
	return reply_page(conn, buf, &head, NULL);
}

/* A route's redirect. */
static enum reply reply_route(struct conn *conn, const uint8_t *buf, const struct tux_route *route, uint32_t path_len)
{
	const struct tux_request *req = &conn->worker->request;
	const struct tux_redirect *redirect = &conn->site->redirects[route->argument];
	struct tux_head head = start_head(conn, redirect->status);
	uint8_t location[3 * LONGEST_PATH + 1];
	const uint8_t *rest = conn->worker->path + route->prefix_len;
	uint32_t rest_len = path_len - route->prefix_len;
	uint32_t len = redirect->len;

	if (len == 0 || len > sizeof(location))
		return reply_failure(conn, buf, 500, because(WHY_REDIRECT_LONG, 0));
	memcpy(location, redirect->to, len);
	if (rest_len > 0 && rest[0] == '/' && location[len - 1] == '/') { /* "//" would begin the name of a host */
		rest++;
		rest_len--;
	}
	if (redirect->rest && rest_len > 0) {
		uint32_t escaped = tux_target_escape(rest, rest_len, location + len, (uint32_t)sizeof(location) - len);

		if (escaped == 0)
			return reply_status(conn, buf, 414);
		len += escaped;
	}
	head.location = location;
	head.location_len = len;
	if (redirect->rest && req->query.len > 0) {
		head.location_query = buf + req->query.off;
		head.location_query_len = req->query.len;
	}
	return reply_page(conn, buf, &head, NULL);
}

static enum reply reply_listing(struct conn *conn, const uint8_t *buf, const struct object *object)
{
	struct worker *worker = conn->worker;
	const struct tux_request *req = &worker->request;
	bool json = tux_negotiate_json(buf, req);
	struct tux_head head;
	uint32_t len;

	if (conn->listing_failed)
		return reply_failure(conn, buf, 500, because(WHY_LISTING, 0));
	if (conn->listing == NULL && !lookup_listing(conn, object, buf + req->query.off, req->query.len, json))
		return reply_failure(conn, buf, 503, because(WHY_LOADS, 0));
	if (conn->listing == NULL)
		return REPLY_WAIT;
	head = start_head(conn, 200);
	head.vary_accept = true;
	head.has_length = true;
	head.content_length = conn->listing->len;
	head.type = json ? TUX_TEXT("application/json") :
	                   TUX_TEXT("text/html; charset=utf-8");
	len = queue_head(conn, &head, 0);
	if (len == 0)
		return no_room(conn, buf, &head);
	if (wants_body(worker) && conn->listing->len > 0) {
		send_body(conn, NULL, -1, (struct piece){ .memory = conn->listing->text, .len = conn->listing->len });
		conn->answer.page = conn->listing;
		conn->listing = NULL;
	}
	access_record_answer(conn, buf, 200, len + send_left(conn));
	return REPLY_DONE;
}

/* Whether the server that connections are handed over to answers instead of us; then worker->route says so. */
static bool reply_to_handover(struct conn *conn)
{
	const struct tux_route *handover = conn->worker->config->handover;

	if (handover == NULL || conn->hidden)
		return false;
	conn->worker->route = handover;
	return true;
}

/* Responds for a module that is not loaded. It may be later, so the client may come again. */
static enum reply reply_module(struct conn *conn, const uint8_t *buf, const char *name)
{
	enum reply reply;

	backend_note(conn, "module", (struct tux_octets){ (const uint8_t *)name, (uint32_t)strlen(name) }, 0);
	reply = reply_failure(conn, buf, 503, because(WHY_MODULE, 0));
	if (reply == REPLY_DONE)
		count(&conn->worker->counters.modules_absent, 1);
	return reply;
}

/* A file that is a program: it is told of the path of that file, which for a directory is its index. */
static enum reply reply_program(struct conn *conn, const uint8_t *buf, const struct object *object)
{
	struct worker *worker = conn->worker;
	const size_t len = strlen(object->file);

	if (len + 1 > sizeof(worker->path))
		return reply_status(conn, buf, 414);
	worker->path[0] = '/';
	memcpy(worker->path + 1, object->file, len);
	worker->path_len = (uint32_t)len + 1;
	worker->route = &conn->site->program;
	return REPLY_PEER;
}

static enum reply reply_object(struct conn *conn, const uint8_t *buf, struct object *object)
{
	switch ((enum object_kind)object->kind) {
	case OBJECT_FILE:
		return reply_file(conn, buf, object);
	case OBJECT_DIRECTORY:
		return reply_slash(conn, buf, 301, object->key, object->key_len);
	case OBJECT_LISTABLE:
		return reply_listing(conn, buf, object);
	case OBJECT_MISSING:
		return reply_to_handover(conn) ? REPLY_PEER : reply_status(conn, buf, 404);
	case OBJECT_FORBIDDEN:
		return reply_failure(conn, buf, 403, object->cause);
	case OBJECT_PROGRAM:
		return reply_program(conn, buf, object);
	case OBJECT_MODULE:
		return reply_module(conn, buf, object->file);
	case OBJECT_REDIRECT:
		return reply_to_handover(conn) ? REPLY_PEER : reply_failure(conn, buf, 403, because(WHY_NO_HANDOVER, 0));
	case OBJECT_BUSY:
		return reply_failure(conn, buf, 503, object->cause);
	case OBJECT_BROKEN:
		break;
	}
	return reply_failure(conn, buf, 500, object->cause);
}

static enum reply reply_path(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct worker *worker = conn->worker;
	struct object *object;
	enum reply reply;

	if (!conn->site->dot_files && tux_target_has_dot_file(worker->path, len))
		return reply_status(conn, buf, 404);
	object = fallback_lookup(conn, worker->path, len);
	if (object == NULL)
		return reply_loading(conn, buf);
	reply = reply_object(conn, buf, object);
	object_put(object);
	return reply;
}

/* A number that nobody can guess, in hexadecimal. */
static bool nonce_make(char nonce[33])
{
	uint8_t octets[16];

	if (getrandom(octets, sizeof(octets), GRND_NONBLOCK) != (ssize_t)sizeof(octets))
		return false;
	for (unsigned i = 0; i < sizeof(octets); i++)
		snprintf(nonce + 2 * i, 3, "%02x", octets[i]);
	return true;
}

/* False for a name that may lead a browser here from elsewhere; a Unix socket is out of a browser's reach. */
static bool host_permits(const struct conn *conn, const uint8_t *buf)
{
	char machine[HOST_NAME_MAX + 1] = "";

	if (conn->port == 0 || gethostname(machine, sizeof(machine) - 1) != 0)
		return true;
	return report_host_permits(&conn->worker->config->hosts, conn->listener, buf, conn->worker->request.host, machine);
}

/* A route's status. */
static enum reply reply_report(struct conn *conn, const uint8_t *buf, const struct tux_status_route *route)
{
	struct worker *worker = conn->worker;
	enum tux_report_form form;
	struct tux_head head;
	char nonce[33];
	uint32_t head_len;
	size_t len;
	char *text;

	if (!report_permits(route, conn->address, conn->port))
		return reply_failure(conn, buf, 403, because(WHY_STATUS_CLIENT, 0));
	if (!host_permits(conn, buf))
		return reply_failure(conn, buf, 403, because(WHY_STATUS_HOST, 0));
	if (!report_form_wanted(buf, &worker->request, &form))
		return reply_status(conn, buf, 400);
	text = nonce_make(nonce) ? tally_report(worker->tally, form, nonce, &len) : NULL;
	if (text == NULL)
		return reply_failure(conn, buf, 503, because(WHY_STATUS_PAGE, errno));
	conn->cause = because(WHY_STOPPING, 0);
	head = start_head(conn, form == TUX_REPORT_READY && !tally_ready(worker->tally) ? 503 : 200);
	head.extra = conn->fields->lines;
	head.nonce = (struct tux_text){ nonce, sizeof(nonce) - 1 };
	head.vary_accept = true;
	head.has_length = true;
	head.content_length = len;
	head.type = (struct tux_text){ report_type(form), (uint32_t)strlen(report_type(form)) };
	head_len = queue_head(conn, &head, 0);
	if (head_len == 0) {
		free(text);
		return no_room(conn, buf, &head);
	}
	if (wants_body(worker)) {
		send_body(conn, NULL, -1, (struct piece){ .memory = (uint8_t *)text, .len = len });
		conn->answer.text = (uint8_t *)text;
	} else {
		free(text);
	}
	access_record_answer(conn, buf, head.status, head_len + send_left(conn));
	return REPLY_DONE;
}

void reply_choose_site(struct conn *conn, const uint8_t *buf)
{
	const struct tux_engine_config *config = conn->worker->config;

	conn->site = config->sites;
	if (config->site_count > 1 && buf == NULL)
		conn->site += config->hosts.fallback[conn->listener];
	else if (config->site_count > 1)
		conn->site += tux_host_find(&config->hosts, conn->listener, buf, conn->worker->request.host);
	conn->fields = &conn->site->fields;
}

/* Puts the path of the request in worker->request, normalised, into worker->path, and its route into worker->route. */
static enum tux_refusal find_route(struct conn *conn, const uint8_t *buf, uint32_t *len)
{
	struct worker *worker = conn->worker;
	const struct tux_request *req = &worker->request;
	const struct tux_routes *routes = &conn->site->routes;
	enum tux_refusal refusal = TUX_ACCEPTED;
	uint32_t route;

	worker->route = NULL;
	conn->fields = conn->own != NULL ? conn->own : &conn->site->fields;
	*len = 1;
	if (req->path.len == 0) /* http://host means its root */
		worker->path[0] = '/';
	else
		refusal = tux_target_normalise(buf + req->path.off, req->path.len, worker->path, len);
	if (refusal != TUX_ACCEPTED)
		return refusal;
	worker->path_len = *len;
	route = tux_route_find(routes, worker->path, *len);
	conn->max_body_bytes = tux_site_max_body(conn->site, route);
	if (conn->own == NULL)
		conn->fields = tux_site_fields(conn->site, route);
	if (route < routes->count)
		worker->route = &routes->route[route];
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_HANDOVER && worker->config->handover != NULL)
		worker->route = worker->config->handover;
	return TUX_ACCEPTED;
}

/* Whether a route's handler is a peer, which takes any method and bodies. */
static bool is_peer(const struct tux_route *route)
{
	return route != NULL && (route->handler == TUX_HANDLER_UPSTREAM || route->handler == TUX_HANDLER_CGI);
}

static bool is_static(const struct tux_route *route)
{
	return route == NULL || route->handler == TUX_HANDLER_STATIC;
}

static bool has_path(const struct tux_request *req)
{
	return req->form == TUX_FORM_ORIGIN || req->form == TUX_FORM_ABSOLUTE;
}

/* Whether anybody but us may answer a request of a method or with a body that files have no use for. */
static bool has_others(const struct conn *conn)
{
	return has_path(&conn->worker->request) &&
	       (conn->site->routes.count > 0 || conn->worker->config->handover != NULL || tux_selection_any(&conn->site->selection));
}

void reply_measure(struct conn *conn, const uint8_t *buf)
{
	uint32_t len;

	conn->max_body_bytes = conn->site->max_body_bytes;
	if (conn->site->route_max_body != NULL && has_path(&conn->worker->request))
		find_route(conn, buf, &len); /* a path that is none is refused later */
}

bool reply_is_for_peer(struct conn *conn, const uint8_t *buf)
{
	uint32_t len;

	if (!has_others(conn) || find_route(conn, buf, &len) != TUX_ACCEPTED)
		return false;
	if (is_static(conn->worker->route))
		return !tux_selection_any(&conn->site->selection) && reply_to_handover(conn);
	return is_peer(conn->worker->route);
}

bool reply_is_for_file(struct conn *conn, const uint8_t *buf)
{
	uint32_t len;

	return has_path(&conn->worker->request) && tux_selection_any(&conn->site->selection) &&
	       find_route(conn, buf, &len) == TUX_ACCEPTED && is_static(conn->worker->route);
}

/* A request that no file is an answer to: by its method, which status says, or its body. Unless the file selects who answers. */
static enum reply reply_for_file(struct conn *conn, const uint8_t *buf, uint32_t len, uint16_t status)
{
	struct object *object = NULL;
	enum reply reply;

	if (conn->site->dot_files || !tux_target_has_dot_file(conn->worker->path, len)) {
		object = fallback_lookup(conn, conn->worker->path, len);
		if (object == NULL)
			return reply_loading(conn, buf);
	}
	if (object != NULL && (object->kind == OBJECT_PROGRAM || object->kind == OBJECT_MODULE || object->kind == OBJECT_REDIRECT))
		reply = reply_object(conn, buf, object);
	else
		reply = reply_to_handover(conn) ? REPLY_PEER : reply_method(conn, buf, status);
	if (object != NULL)
		object_put(object);
	return reply;
}

/* True if a path that no file or other route answers lacks the slash of a route's prefix: "/app" where the route is "/app/". */
static bool may_lack_slash(const struct conn *conn, uint32_t len)
{
	const struct tux_routes *routes = &conn->site->routes;
	uint32_t found;

	if (!is_static(conn->worker->route) || conn->worker->config->handover != NULL)
		return false;
	found = tux_route_find_slash(routes, conn->worker->path, len);
	return found < routes->count && routes->route[found].handler != TUX_HANDLER_STATIC && routes->route[found].handler != TUX_HANDLER_HIDDEN;
}

enum reply reply_request(struct conn *conn, const uint8_t *buf)
{
	struct worker *worker = conn->worker;
	struct tux_request *req = &worker->request;
	uint16_t status = tux_respond_method(req);
	enum tux_refusal refusal;
	uint32_t len;

	if (conn->failed != 0)
		return reply_failure(conn, buf, conn->failed, conn->cause);
	if (status == 0 && !has_path(req))
		status = 400;
	/* A redirect holds for every method, a peer knows what it takes; without routes nothing need be known of the path. */
	if (status != 0 && !has_others(conn))
		return reply_method(conn, buf, status);
	refusal = find_route(conn, buf, &len);
	if (refusal != TUX_ACCEPTED) {
		conn->refused = (uint8_t)refusal;
		return reply_refusal(conn, buf);
	}
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_REDIRECT && status != 501)
		return reply_route(conn, buf, worker->route, len);
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_MODULE)
		return reply_module(conn, buf, worker->config->modules[worker->route->argument]);
	if (is_peer(worker->route))
		return REPLY_PEER;
	if (may_lack_slash(conn, len) && status != 501) {
		struct object *object = lookup(conn, worker->path, len);
		const bool missing = object != NULL && object->kind == OBJECT_MISSING;

		if (object == NULL)
			return reply_loading(conn, buf);
		object_put(object);
		if (missing)
			return reply_slash(conn, buf, 308, worker->path, len);
	}
	if (status != 0 && is_static(worker->route) && tux_selection_any(&conn->site->selection))
		return reply_for_file(conn, buf, len, status);
	if (status != 0 && is_static(worker->route) && reply_to_handover(conn))
		return REPLY_PEER;
	if (status != 0)
		return reply_method(conn, buf, status);
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_HIDDEN && !conn->hidden)
		return reply_status(conn, buf, 404);
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_STATUS)
		return reply_report(conn, buf, &conn->site->statuses[worker->route->argument]);
	return reply_path(conn, buf, len);
}
