/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>

#include "../log/error_line.h"
#include "exchange.h"

struct fetch {
	struct request *req;       /* of the fetch; NULL: it has ended */
	struct tux_route route;    /* to the upstream */
	struct tux_octets body;
	bool given;                /* the exchange has the body */
	bool complete;             /* the answer is whole */
	bool started;              /* fetch_start() has returned, or will not tell the end */
	uint32_t max_bytes;
	struct fetch_answer *answer;
	void (*done)(void *owner);
	void *owner;
};

void fetch_answer_forget(struct fetch_answer *answer)
{
	buffer_forget(&answer->octets);
	buffer_forget(&answer->content);
}

/* Keeps the first failure. */
static void fail(struct fetch *fetch, int error)
{
	if (fetch->answer->error == 0)
		fetch->answer->error = error;
}

/* Ends the fetch. The owner may free it meanwhile. */
static void finish(struct fetch *fetch)
{
	struct request *req = fetch->req;

	if (req->events != NULL)
		req->events->abandon(req);
	request_put(req);
	fetch->req = NULL;
	if (fetch->answer->error != 0)
		fetch_answer_forget(fetch->answer);
	if (fetch->started)
		fetch->done(fetch->owner);
}

/* Returns the errno for a missing answer. */
static int error_of(const struct request *req)
{
	const unsigned why = req->cause.why;

	if (why == WHY_MEMORY)
		return ENOMEM;
	if (why == WHY_NO_ADDRESS)
		return EHOSTUNREACH;
	if (why == WHY_CONNECT)
		return req->cause.error != 0 ? req->cause.error : ECONNREFUSED;
	if (why == WHY_TLS_HANDSHAKE || why == WHY_TLS_CERTIFICATE)
		return ECONNREFUSED;
	if (why == WHY_TLS || why == WHY_SEND || why == WHY_CLOSED || why == WHY_RESET || why == WHY_UNASKED)
		return ECONNRESET;
	return req->error_status == 504 ? ETIMEDOUT : EBADMSG;
}

/* Gives the body to the exchange when it takes it. */
static void give_body(struct fetch *fetch)
{
	struct request *req = fetch->req;
	enum tux_refusal refusal;

	if (fetch->given || fetch->body.len == 0 || !req->events->takes(req))
		return;
	fetch->given = true;
	req->events->body(req, fetch->body.at, fetch->body.len, &refusal);
}

/* Continues after an event of the exchange. */
static void step(struct fetch *fetch)
{
	struct request *req = fetch->req;

	if (fetch->answer->error != 0) { /* what follows is not wanted */
		finish(fetch);
		return;
	}
	give_body(fetch);
	switch (req->events->next(req)) {
	case NEXT_WAITS:
		return;
	case NEXT_OVER:
		if (!fetch->complete)
			fail(fetch, EBADMSG);
		break;
	case NEXT_RESPOND:
		error_line_answer(req, req->error_status);
		fail(fetch, error_of(req));
		break;
	case NEXT_QUEUED: /* the sink takes neither pipes nor bytes later */
	case NEXT_AGAIN:
	case NEXT_READY:
	case NEXT_INSIDE:
		fail(fetch, EBADMSG);
		break;
	}
	finish(fetch);
}

/* Takes the head of the answer. Interim responses are dropped. */
static bool take_head(struct request *req, const uint8_t *buf, const struct tux_response *res)
{
	struct fetch *fetch = req->fetch;
	struct fetch_answer *answer = fetch->answer;

	if (res->status < 200)
		return true;
	if (!buffer_keep(&answer->octets, buf, res->head_len)) {
		fail(fetch, ENOMEM);
		return false;
	}
	answer->head = *res;
	if (res->framing == TUX_FRAMING_LENGTH && res->content_length > fetch->max_bytes)
		fail(fetch, EFBIG);
	return true;
}

static bool take_content(struct request *req, const uint8_t *data, uint32_t len)
{
	struct fetch *fetch = req->fetch;
	struct fetch_answer *answer = fetch->answer;

	if (answer->error != 0)
		return true;
	if (len > fetch->max_bytes - answer->content.len) {
		fail(fetch, EFBIG);
		return true;
	}
	if (buffer_keep(&answer->content, data, len))
		return true;
	fail(fetch, ENOMEM);
	return false;
}

static bool take_end(struct request *req, const uint8_t *trailer, uint32_t len)
{
	(void)req;
	(void)trailer;
	(void)len;
	return true;
}

static void end(struct request *req, bool complete)
{
	req->fetch->complete = complete;
}

static void resume(struct request *req)
{
	if (req->fetch->started)
		step(req->fetch);
}

/* A fetch gets only responses of backends, whose bytes are copied. */
static const struct sink fetch_sink = {
	.backend_head = take_head,
	.content = take_content,
	.content_end = take_end,
	.end = end,
	.resume = resume,
};

/* Returns the request of a fetch; NULL if out of memory. */
static struct request *make_request(struct fetch *fetch, struct request *parent, const struct fetch_order *order)
{
	struct request *req = request_get(parent->thread);

	if (req == NULL)
		return NULL;
	req->fetch = fetch;
	req->client = parent->client;
	req->sink = &fetch_sink;
	req->host = parent->host;
	req->fields = parent->host->fields;
	req->max_body_bytes = UINT64_MAX;
	req->began_us = parent->thread->now_us;
	req->id = error_line_id(parent);
	req->route = &fetch->route;
	req->head = *order->head;
	if (!buffer_keep(&req->kept, order->octets.at, order->octets.len)) {
		request_put(req);
		return NULL;
	}
	req->bytes = req->kept.data;
	req->bytes_len = req->kept.len;
	return req;
}

struct fetch *fetch_start(struct request *parent, const struct fetch_order *order, struct fetch_answer *answer, void (*done)(void *owner),
                          void *owner)
{
	struct fetch *fetch = malloc(sizeof(*fetch));
	uint16_t status;

	answer->error = 0;
	if (fetch != NULL) {
		*fetch = (struct fetch){
			.route = { .handler = TUX_HANDLER_UPSTREAM, .argument = order->upstream },
			.body = order->body,
			.max_bytes = order->max_bytes,
			.answer = answer,
			.done = done,
			.owner = owner,
		};
		fetch->req = make_request(fetch, parent, order);
	}
	if (fetch == NULL || fetch->req == NULL) {
		answer->error = ENOMEM;
		free(fetch);
		return NULL;
	}
	status = exchange_start(fetch->req);
	if (status != 0) {
		fetch->req->error_status = status;
		error_line_answer(fetch->req, status);
		fail(fetch, error_of(fetch->req));
		finish(fetch);
	} else {
		step(fetch);
	}
	if (fetch->req == NULL) {
		free(fetch);
		return NULL;
	}
	fetch->started = true;
	return fetch;
}

void fetch_end(struct fetch *fetch)
{
	fetch->started = false;
	if (fetch->req != NULL)
		finish(fetch);
	free(fetch);
}

void fetch_free(struct fetch *fetch)
{
	struct request *req = fetch->req;

	if (req != NULL) {
		if (req->events != NULL)
			req->events->free(req);
		request_put(req);
	}
	free(fetch);
}
