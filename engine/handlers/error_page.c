/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error_page.h"

/* Returns the host's page for a status. Returns NULL if the host lacks it, or if req->load.pending loads it. */
static struct object *page_of(struct request *req, uint16_t status)
{
	const struct tux_host *host = req->host;
	struct object *object;
	unsigned i = 0;

	while (i < host->page_count && host->pages[i].status != status)
		i++;
	if (i == host->page_count)
		return NULL;
	object = response_lookup(req, (const uint8_t *)host->pages[i].path.at, host->pages[i].path.len);
	if (object != NULL && object->kind != OBJECT_FILE) {
		object_put(object);
		return NULL;
	}
	return object;
}

/* Sends the host's page, without validators: the page is not a version of the requested file. */
static enum response_step respond_page_file(struct request *req, struct tux_head *head, struct object *object)
{
	const struct representation *rep = object->representation[TUX_CODING_IDENTITY];
	struct body_source body = { .object = object, .fd = rep->fd, .count = rep->stamp.size > 0 };

	head->has_length = true;
	head->content_length = rep->stamp.size;
	head->type = object->type;
	head->coding = (uint8_t)object_coding(object, TUX_CODING_IDENTITY);
	body.one = (struct body_part){ .memory = representation_memory(rep), .len = rep->stamp.size };
	return response_send(req, head, &body);
}

enum response_step error_page_respond(struct request *req, struct tux_head *head, const char *why)
{
	struct object *object = head->status >= 400 ? page_of(req, head->status) : NULL;
	enum response_step step;

	if (object == NULL && req->load.pending != NULL)
		return RESPONSE_WAIT;
	if (object == NULL)
		return response_send_page(req, head, why);
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

	req->unread = true;
	req->cause = because_of(WHY_REQUEST, refusal, 0);
	head = response_head(req, tux_refusal_status(refusal));
	step = error_page_respond(req, &head, tux_refusal_text(refusal));
	if (step == RESPONSE_QUEUED)
		count(&req->thread->counters.refused, 1);
	return step;
}
