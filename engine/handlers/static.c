/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "static.h"

#include <stdlib.h>

#include "../files/lookup.h"
#include "../log/access_record.h"
#include "../output.h"
#include "error_page.h"

/* Queues a whole representation with its prebuilt head: 200 on a persistent connection of HTTP/1.1. */
static enum response_step respond_whole(struct request *req, struct object *object, enum tux_coding coding)
{
	struct worker *worker = req->conn->worker;
	const struct representation *rep = &object->representation[coding];
	uint64_t body = response_wants_body(req) ? rep->stamp.size : 0;
	const uint32_t room = rep->head_len + response_copied(rep, body);
	uint8_t *out = output_room(req->conn, room);

	if (out == NULL || tux_response_stamped(out, room, rep->head, rep->head_len, rep->date_off, worker->date) == 0)
		return RESPONSE_NO_ROOM;
	output_wrote(req->conn, rep->head_len);
	if (body > 0)
		response_queue_body(req, object, rep, (struct tux_range){ 0, body });
	access_record_answer(req, 200, rep->head_len + body);
	return RESPONSE_QUEUED;
}

/* Parts of a multipart/byteranges body. */
struct parts {
	struct body_part *piece; /* malloc'ed */
	uint32_t count;
	uint8_t *text;       /* malloc'ed: the heads of the parts */
	uint64_t len;        /* bytes of all parts */
};

static void parts_forget(struct parts *parts)
{
	free(parts->piece);
	free(parts->text);
	*parts = (struct parts){ .piece = NULL };
}

/* Lays out a part head before each range, and the last boundary. Returns false if out of memory, or if a head is too long. */
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
		parts->piece[2 * i] = (struct body_part){ .memory = parts->text + at, .len = len };
		at += len;
		parts->len += len;
		if (range == NULL)
			return true;
		parts->piece[2 * i + 1] = (struct body_part){
			.memory = rep->memory != NULL ? rep->memory + range->first : NULL,
			.off = range->first,
			.len = range->len,
		};
		parts->len += range->len;
	}
	parts_forget(parts);
	return false;
}

/* Queues the parts. The connection owns them from then on. */
static void queue_parts(struct request *req, struct object *object, const struct representation *rep, struct parts *parts)
{
	output_body(req->conn, object, rep->fd, (struct body_part){ 0 });
	req->conn->source.piece = parts->piece;
	req->conn->source.count = parts->count;
	req->conn->source.text = parts->text;
}

/* Returns the Content-Type of a file. An application that sends the file with X-Sendfile may have set it. */
static struct tux_text type_of(const struct request *req, const struct object *object)
{
	return req->fields->type.len > 0 ? req->fields->type : object->type;
}

/* Queues any other response for a file, with a new head. */
static enum response_step respond_plan(struct request *req, struct object *object, enum tux_coding coding,
                             const struct tux_plan *plan)
{
	struct worker *worker = req->conn->worker;
	const struct representation *rep = &object->representation[coding];
	struct tux_facts facts;
	struct tux_head head;
	struct tux_range range = { 0, 0 };
	struct parts parts = { .piece = NULL };
	uint64_t body;
	uint32_t len;

	head = response_head(req, plan->status);
	if (plan->status == 412)
		return error_page_respond(req, &head, NULL);
	facts = object_facts(object, coding, worker->now_s);
	tux_head_describe(&head, &facts, object_coding(object, coding), object->available, type_of(req, object));
	if (plan->status == 416) {
		head.content_range = TUX_CONTENT_RANGE_UNSATISFIED;
		head.etag_len = 0;
		head.has_last_modified = false;
		return error_page_respond(req, &head, NULL);
	}
	if (plan->range_count > 1) {
		head.boundary = rep->etag + rep->etag_len - 17; /* 16 digits of a keyed hash, then the quote */
		head.boundary_len = 16;
		if (!parts_make(&parts, rep, &head, plan))
			return error_page_failure(req, 503, because(WHY_MEMORY, 0));
		head.has_length = true;
		head.content_length = parts.len;
	} else {
		range = tux_head_plan(&head, plan);
	}
	if (plan->status == 304)
		return error_page_respond(req, &head, NULL);
	body = response_wants_body(req) ? head.content_length : 0;
	len = response_queue_head(req, &head, plan->range_count > 1 ? 0 : response_copied(rep, body));
	if (len == 0) {
		parts_forget(&parts);
		return error_page_no_room(req, &head);
	}
	if (body == 0)
		parts_forget(&parts);
	else if (parts.piece != NULL)
		queue_parts(req, object, rep, &parts);
	else
		response_queue_body(req, object, rep, range);
	access_record_answer(req, plan->status, len + body);
	return RESPONSE_QUEUED;
}

enum response_step static_file(struct request *req, struct object *object)
{
	struct worker *worker = req->conn->worker;
	enum tux_coding coding = tux_respond_coding(req->bytes, &req->head, object->available);
	const struct representation *rep = &object->representation[coding];
	struct tux_facts facts = object_facts(object, coding, worker->now_s);
	struct tux_plan plan;

	tux_respond_decide(req->bytes, &req->head, &facts, &plan);
	if (tux_respond_prebuilt(&req->head, &plan, rep->last_modified, worker->now_s) && rep->head != NULL &&
	    req->fields == object->fields && !worker->leaving && !req->conn->linger)
		return respond_whole(req, object, coding);
	return respond_plan(req, object, coding, &plan);
}

enum response_step static_listing(struct request *req, const struct object *object)
{
	struct worker *worker = req->conn->worker;
	bool json = tux_negotiate_json(req->bytes, &req->head);
	struct tux_head head;
	uint32_t len;

	if (req->load.listing_failed)
		return error_page_failure(req, 500, because(WHY_LISTING, 0));
	if (req->load.listing == NULL && !lookup_listing(&worker->files, &req->load, object, req->bytes + req->head.query.off, req->head.query.len, json))
		return error_page_failure(req, 503, because(WHY_LOADS, 0));
	if (req->load.listing == NULL)
		return RESPONSE_WAIT;
	head = response_head(req, 200);
	head.vary_accept = true;
	head.has_length = true;
	head.content_length = req->load.listing->len;
	head.type = json ? TUX_TEXT("application/json") :
	                   TUX_TEXT("text/html; charset=utf-8");
	len = response_queue_head(req, &head, 0);
	if (len == 0)
		return error_page_no_room(req, &head);
	if (response_wants_body(req) && req->load.listing->len > 0) {
		output_body(req->conn, NULL, -1, (struct body_part){ .memory = req->load.listing->text, .len = req->load.listing->len });
		req->conn->source.page = req->load.listing;
		req->load.listing = NULL;
	}
	access_record_answer(req, 200, len + output_left(req->conn));
	return RESPONSE_QUEUED;
}
