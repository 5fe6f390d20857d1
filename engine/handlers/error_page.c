/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error_page.h"

#include "../log/access_record.h"
#include "../output.h"

static enum response_step respond_own_page(struct request *req, struct tux_head *head, const char *why);

enum response_step error_page_no_room(struct request *req, const struct tux_head *head)
{
	struct tux_head short_head;

	if (output_queued(req->conn))
		return RESPONSE_NO_ROOM;
	if (output_room(req->conn, 0) == NULL || (head->extra.len == 0 && head->location_len == 0)) { /* out of memory: close without a response */
		req->conn->close_after_response = true;
		return RESPONSE_QUEUED;
	}
	req->cause = because(WHY_FIELDS_LONG, 0);
	short_head = response_head(req, head->location_len > 0 ? 414 : 500);
	if (head->location_len == 0)
		short_head.extra.len = 0;
	return respond_own_page(req, &short_head, NULL);
}

/* Returns the site's page for a status. Returns NULL if the site lacks it, or if req->load.pending loads it. */
static struct object *page_of(struct request *req, uint16_t status)
{
	const struct tux_site *site = req->site;
	const struct tux_error_page *page = site->pages;
	struct object *object;

	while (page < site->pages + site->page_count && page->status != status)
		page++;
	if (page == site->pages + site->page_count)
		return NULL;
	object = response_lookup(req, (const uint8_t *)page->path.at, page->path.len);
	if (object != NULL && object->kind != OBJECT_FILE) {
		object_put(object);
		return NULL;
	}
	return object;
}

/* Queues the site's page, without validators: the page is not a version of the requested file. */
static enum response_step respond_page_file(struct request *req, struct tux_head *head, struct object *object)
{
	const struct representation *rep = &object->representation[TUX_CODING_IDENTITY];
	uint64_t body = response_wants_body(req) ? rep->stamp.size : 0;
	uint32_t len;

	head->has_length = true;
	head->content_length = rep->stamp.size;
	head->type = object->type;
	head->coding = (uint8_t)object_coding(object, TUX_CODING_IDENTITY);
	len = response_queue_head(req, head, response_copied(rep, body));
	if (len == 0)
		return error_page_no_room(req, head);
	response_queue_body(req, object, rep, (struct tux_range){ 0, body });
	access_record_answer(req, head->status, len + body);
	return RESPONSE_QUEUED;
}

/* Queues a built-in page; 204 and 304 have no body. */
static enum response_step respond_own_page(struct request *req, struct tux_head *head, const char *why)
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
	head_len = response_queue_head(req, head, page_len);
	if (head_len == 0)
		return error_page_no_room(req, head);
	if (req->head.method == TUX_HEAD || !output_copy(req->conn, page, page_len))
		page_len = 0;
	access_record_answer(req, head->status, head_len + page_len);
	return RESPONSE_QUEUED;
}

enum response_step error_page_respond(struct request *req, struct tux_head *head, const char *why)
{
	struct object *object = head->status >= 400 ? page_of(req, head->status) : NULL;
	enum response_step step;

	if (object == NULL && req->load.pending != NULL)
		return RESPONSE_WAIT;
	if (object == NULL)
		return respond_own_page(req, head, why);
	step = respond_page_file(req, head, object);
	object_put(object);
	return step;
}

enum response_step error_page_status(struct request *req, uint16_t status)
{
	struct tux_head head = response_head(req, status);

	head.allow = status == 204 || status == 405;
	return error_page_respond(req, &head, NULL);
}

enum response_step error_page_failure(struct request *req, uint16_t status, struct cause cause)
{
	req->cause = cause;
	return error_page_status(req, status);
}

enum response_step error_page_refusal(struct request *req)
{
	const enum tux_refusal refusal = (enum tux_refusal)req->head.refusal;
	struct tux_head head;
	enum response_step step;

	req->conn->close_after_response = true;
	req->cause = because_of(WHY_REQUEST, refusal, 0);
	head = response_head(req, tux_refusal_status(refusal));
	step = error_page_respond(req, &head, tux_refusal_text(refusal));
	if (step == RESPONSE_QUEUED) {
		req->conn->linger = true;
		count(&req->conn->worker->counters.refused, 1);
	}
	return step;
}
