/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error_page.h"

#include "../files/lookup.h"
#include "../log/access_record.h"
#include "../output.h"

static enum response_step respond_own_page(struct conn *conn, const uint8_t *buf, struct tux_head *head, const char *why);

enum response_step error_page_no_room(struct conn *conn, const uint8_t *buf, const struct tux_head *head)
{
	struct tux_head short_head;

	if (output_queued(conn))
		return RESPONSE_NO_ROOM;
	if (output_room(conn, 0) == NULL || (head->extra.len == 0 && head->location_len == 0)) { /* out of memory: close without a response */
		conn->close_after_response = true;
		return RESPONSE_QUEUED;
	}
	conn->cause = because(WHY_FIELDS_LONG, 0);
	short_head = response_head(conn, head->location_len > 0 ? 414 : 500);
	if (head->location_len == 0)
		short_head.extra.len = 0;
	return respond_own_page(conn, buf, &short_head, NULL);
}

/* Returns the site's page for a status. Returns NULL if the site lacks it, or if conn->pending loads it. */
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

/* Queues the site's page, without validators: the page is not a version of the requested file. */
static enum response_step respond_page_file(struct conn *conn, const uint8_t *buf, struct tux_head *head, struct object *object)
{
	const struct representation *rep = &object->representation[TUX_CODING_IDENTITY];
	uint64_t body = response_wants_body(conn->worker) ? rep->stamp.size : 0;
	uint32_t len;

	head->has_length = true;
	head->content_length = rep->stamp.size;
	head->type = object->type;
	head->coding = (uint8_t)object_coding(object, TUX_CODING_IDENTITY);
	len = response_queue_head(conn, head, response_copied(rep, body));
	if (len == 0)
		return error_page_no_room(conn, buf, head);
	response_queue_body(conn, object, rep, (struct tux_range){ 0, body });
	access_record_answer(conn, buf, head->status, len + body);
	return RESPONSE_QUEUED;
}

/* Queues a built-in page; 204 and 304 have no body. */
static enum response_step respond_own_page(struct conn *conn, const uint8_t *buf, struct tux_head *head, const char *why)
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
	head_len = response_queue_head(conn, head, page_len);
	if (head_len == 0)
		return error_page_no_room(conn, buf, head);
	if (conn->worker->request.method == TUX_HEAD || !output_copy(conn, page, page_len))
		page_len = 0;
	access_record_answer(conn, buf, head->status, head_len + page_len);
	return RESPONSE_QUEUED;
}

enum response_step error_page_respond(struct conn *conn, const uint8_t *buf, struct tux_head *head, const char *why)
{
	struct object *object = head->status >= 400 ? page_of(conn, head->status) : NULL;
	enum response_step step;

	if (object == NULL && conn->pending != NULL)
		return RESPONSE_WAIT;
	if (object == NULL)
		return respond_own_page(conn, buf, head, why);
	step = respond_page_file(conn, buf, head, object);
	object_put(object);
	return step;
}

enum response_step error_page_status(struct conn *conn, const uint8_t *buf, uint16_t status)
{
	struct tux_head head = response_head(conn, status);

	head.allow = status == 204 || status == 405;
	return error_page_respond(conn, buf, &head, NULL);
}

enum response_step error_page_failure(struct conn *conn, const uint8_t *buf, uint16_t status, struct cause cause)
{
	conn->cause = cause;
	return error_page_status(conn, buf, status);
}

enum response_step error_page_refusal(struct conn *conn, const uint8_t *buf)
{
	static const uint8_t nothing[1];
	const enum tux_refusal refusal = (enum tux_refusal)conn->refused;
	struct worker *worker = conn->worker;
	struct tux_head head;
	enum response_step step;

	worker->request.refusal = conn->refused;
	if (buf == NULL) { /* the scratch request belongs to an earlier head */
		buf = nothing;
		conn->began_us = worker->now_us;
		worker->request.method_text = worker->request.target = (struct tux_span){ 0, 0 };
		tux_fields_clear(&worker->request.fields);
		worker->request.head_len = 0;
		worker->request.method = TUX_METHOD_UNKNOWN;
		worker->request.minor = 1;
	}
	conn->close_after_response = true;
	conn->cause = because_of(WHY_REQUEST, refusal, 0);
	head = response_head(conn, tux_refusal_status(refusal));
	step = error_page_respond(conn, buf, &head, tux_refusal_text(refusal));
	if (step == RESPONSE_QUEUED) {
		conn->linger = true;
		count(&worker->counters.refused, 1);
	}
	return step;
}
