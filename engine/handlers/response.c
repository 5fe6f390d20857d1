/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "response.h"

#include "../log/access_record.h"

struct object *response_lookup(struct request *req, const uint8_t *path, uint32_t len)
{
	return lookup(req->thread->files, &req->load, req->host, path, len);
}

struct tux_head response_head(const struct request *req, uint16_t status)
{
	return (struct tux_head){ .status = status, .omit = req->fields->omit, .extra = tux_fields_added(req->fields, status, req->client->secure) };
}

/* Sends the body, unless the head is the whole response, and ends the response. */
static void finish(struct request *req, uint16_t status, const struct body_source *body)
{
	const bool wanted = body->count > 0 && req->head.method != TUX_HEAD;
	const bool sent = wanted && req->sink->body(req, body) == SINK_DONE;

	if (!sent)
		body_discard(body);
	access_record_answer(req, status);
	req->sink->end(req, sent || !wanted); /* without the body that the head announces, the connection ends */
}

/* Responds in place of a head that is too long. Without anything to shorten, the connection ends without a response. */
static enum response_step send_short(struct request *req, const struct tux_head *head)
{
	struct tux_head short_head;

	if (head->extra.len == 0 && head->location_len == 0) {
		req->sink->end(req, false);
		return RESPONSE_QUEUED;
	}
	req->cause = because(WHY_FIELDS_LONG, 0);
	short_head = response_head(req, head->location_len > 0 ? 414 : 500);
	if (head->location_len == 0)
		short_head.extra.len = 0;
	return response_send_page(req, &short_head, NULL);
}

enum response_step response_try(struct request *req, struct tux_head *head, const struct body_source *body)
{
	switch (req->sink->head(req, head)) {
	case SINK_DONE:
		finish(req, head->status, body);
		return RESPONSE_QUEUED;
	case SINK_WAITS:
		return RESPONSE_NO_ROOM;
	case SINK_UNFIT:
		body_discard(body);
		return send_short(req, head);
	case SINK_FAILED:
		break;
	}
	body_discard(body);
	req->sink->end(req, false);
	return RESPONSE_QUEUED;
}

enum response_step response_send(struct request *req, struct tux_head *head, const struct body_source *body)
{
	const enum response_step step = response_try(req, head, body);

	if (step == RESPONSE_NO_ROOM)
		body_discard(body);
	return step;
}

enum response_step response_send_file(struct request *req, struct object *object, const struct representation *rep, bool *fits)
{
	const enum sink_result result = req->sink->file_head(req, rep);
	struct body_source body = { .object = object, .fd = rep->fd, .count = rep->stamp.size > 0 };

	*fits = result != SINK_UNFIT;
	if (result != SINK_DONE)
		return RESPONSE_NO_ROOM;
	body.one = (struct body_part){ .memory = representation_memory(rep), .len = rep->stamp.size };
	finish(req, 200, &body);
	return RESPONSE_QUEUED;
}

enum response_step response_send_page(struct request *req, struct tux_head *head, const char *why)
{
	uint8_t page[TUX_MAX_ERROR_BODY];
	struct body_source body = response_no_body();

	if (head->status != 204 && head->status != 304) {
		body.count = 1;
		body.one.memory = page;
		body.one.len = tux_response_error_body(page, sizeof(page), head->status, why);
		head->has_length = true;
		head->content_length = body.one.len;
		head->type = TUX_TEXT("text/html; charset=utf-8");
		head->coding = TUX_CODING_IDENTITY;
	}
	return response_send(req, head, &body);
}
