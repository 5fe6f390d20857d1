/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "static.h"

#include <stdlib.h>

#include "error_page.h"

/* Parts of a multipart/byteranges body. */
struct parts {
	struct body_part *part;  /* malloc'ed */
	uint32_t count;
	uint8_t *text;       /* malloc'ed: the heads of the parts */
	uint64_t len;        /* bytes of all parts */
};

static void parts_forget(struct parts *parts)
{
	free(parts->part);
	free(parts->text);
	*parts = (struct parts){ .part = NULL };
}

/* Lays out a part head before each range, and the last boundary. Returns false if out of memory, or if a head is too long. */
static bool parts_make(struct parts *parts, const struct representation *rep, const struct tux_head *head, const struct tux_plan *plan)
{
	const uint32_t room = TUX_MAX_PART_HEAD + head->type.len;
	uint32_t at = 0;

	*parts = (struct parts){
		.part = calloc(2 * (size_t)plan->range_count + 1, sizeof(*parts->part)),
		.count = 2 * plan->range_count + 1,
		.text = malloc((size_t)room * (plan->range_count + 1)),
	};
	for (uint32_t i = 0; parts->part != NULL && parts->text != NULL && i <= plan->range_count; i++) {
		const struct tux_range *range = i < plan->range_count ? &plan->range[i] : NULL;
		const uint32_t len = tux_response_part_head(parts->text + at, room, head, range);

		if (len == 0)
			break;
		parts->part[2 * i] = (struct body_part){ .memory = parts->text + at, .len = len };
		at += len;
		parts->len += len;
		if (range == NULL)
			return true;
		parts->part[2 * i + 1] = (struct body_part){
			.memory = rep->in_memory ? rep->bytes + range->first : NULL,
			.off = range->first,
			.len = range->len,
		};
		parts->len += range->len;
	}
	parts_forget(parts);
	return false;
}

/* Returns the Content-Type of a file. An application that sends the file with X-Sendfile may have set it. */
static struct tux_text type_of(const struct request *req, const struct object *object)
{
	return req->fields->type.len > 0 ? req->fields->type : object->type;
}

/* Sends any other response for a file, with a new head. */
static enum response_step respond_plan(struct request *req, struct object *object, enum tux_coding coding,
                             const struct tux_plan *plan)
{
	const struct representation *rep = object->representation[coding];
	struct body_source body = response_no_body();
	struct tux_head head = response_head(req, plan->status);
	struct tux_facts facts;
	struct tux_range range;
	struct parts parts;

	if (plan->status == 412)
		return error_page_respond(req, &head, NULL);
	facts = object_facts(object, coding, req->thread->now_s);
	tux_head_describe(&head, &facts, object_coding(object, coding), object->available, type_of(req, object));
	if (plan->status == 416) {
		head.content_range = TUX_CONTENT_RANGE_UNSATISFIED;
		head.etag_len = 0;
		head.has_last_modified = false;
		return error_page_respond(req, &head, NULL);
	}
	body.object = object;
	body.fd = rep->fd;
	if (plan->range_count > 1) {
		head.boundary = rep->etag + rep->etag_len - 17; /* 16 digits of a keyed hash, then the quote */
		head.boundary_len = 16;
		if (!parts_make(&parts, rep, &head, plan))
			return error_page_failure(req, 503, because(WHY_MEMORY, 0));
		head.has_length = true;
		head.content_length = parts.len;
		body.parts = parts.part;
		body.count = parts.count;
		body.text = parts.text;
		return response_send(req, &head, &body);
	}
	range = tux_head_plan(&head, plan);
	if (plan->status == 304)
		return error_page_respond(req, &head, NULL);
	body.count = range.len > 0;
	body.one = (struct body_part){ .memory = rep->in_memory ? rep->bytes + range.first : NULL, .off = range.first, .len = range.len };
	return response_send(req, &head, &body);
}

enum response_step static_file(struct request *req, struct object *object)
{
	const int64_t now_s = req->thread->now_s;
	enum tux_coding coding = tux_respond_coding(req->bytes, &req->head, object->available);
	const struct representation *rep = object->representation[coding];
	struct tux_facts facts = object_facts(object, coding, now_s);
	struct tux_plan plan;

	tux_respond_decide(req->bytes, &req->head, &facts, &plan);
	if (rep->head_len > 0 && req->fields == object->fields && (req->client->secure || req->fields->secure_len == 0) &&
	    tux_respond_prebuilt(&req->head, &plan, representation_modified(rep), now_s)) {
		bool fits;
		const enum response_step step = response_send_file(req, object, rep, &fits);

		if (fits)
			return step;
	}
	return respond_plan(req, object, coding, &plan);
}

enum response_step static_listing(struct request *req, const struct object *object)
{
	bool json = tux_negotiate_json(req->bytes, &req->head);
	struct body_source body = response_no_body();
	struct tux_head head;

	if (req->load.listing_failed)
		return error_page_failure(req, 500, because(WHY_LISTING, 0));
	if (req->load.listing == NULL &&
	    !lookup_listing(req->thread->files, &req->load, object, req->bytes + req->head.query.off, req->head.query.len, json))
		return error_page_failure(req, 503, because(WHY_LOADS, 0));
	if (req->load.listing == NULL)
		return RESPONSE_WAIT;
	head = response_head(req, 200);
	head.vary_accept = true;
	head.has_length = true;
	head.content_length = req->load.listing->len;
	head.type = json ? TUX_TEXT("application/json") :
	                   TUX_TEXT("text/html; charset=utf-8");
	body.count = req->load.listing->len > 0;
	body.one = (struct body_part){ .memory = req->load.listing->text, .len = req->load.listing->len };
	body.page = page_get(req->load.listing);
	return response_send(req, &head, &body);
}
