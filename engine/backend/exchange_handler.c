/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exchange as a handler that takes time: the functions that http/ calls. */
#include "exchange.h"

#include "../log/access_record.h"
#include "exchange_state.h"

enum {
	CLIENT_GONE = 499, /* log status of a request whose client disconnected, as in nginx */
};

static const struct request_events exchange_events;

uint16_t exchange_start(struct request *req)
{
	const uint16_t status = exchange_open(req);

	if (status == 0)
		req->events = &exchange_events;
	return status;
}

static enum request_next next(struct request *req)
{
	struct exchange *exchange = req->exchange;

	if (exchange->state == EXCHANGE_NO_RESPONSE) {
		req->error_status = exchange->status;
		exchange_leave_to_request(exchange);
		if (!exchange->upload.done)
			req->unread = true;
		exchange_free(req);
		return NEXT_RESPOND;
	}
	if (exchange->state == EXCHANGE_ELSEWHERE) {
		if (!exchange->upload.done)
			req->unread = true;
		exchange_free(req);
		return NEXT_INSIDE;
	}
	if (req->ready.len > 0)
		return NEXT_READY;
	if (exchange_draw(exchange))
		return NEXT_QUEUED;
	if (req->ready.len > 0) /* the end of the content */
		return NEXT_READY;
	if (exchange->state != EXCHANGE_ENDED)
		return NEXT_WAITS;
	exchange_record(exchange);
	req->sink->end(req, !exchange->truncated);
	exchange_free(req);
	return NEXT_OVER;
}

static void writable(struct request *req)
{
	struct exchange *exchange = req->exchange;

	if (!exchange->paused || exchange->from == NULL) /* bytes already received may have ended it meanwhile */
		return;
	exchange->paused = false;
	peer_stream_receive(exchange->from, true);
	exchange_wait(exchange);
}

static bool answered(const struct request *req)
{
	return req->exchange->state >= EXCHANGE_BODY && req->exchange->state <= EXCHANGE_ENDED;
}

static bool body_ended(const struct request *req)
{
	return !exchange_awaits_body(req);
}

static bool moved(struct request *req)
{
	(void)req;
	return true; /* only bytes continue it */
}

static void received(struct request *req)
{
	(void)req; /* body() has sent the bytes on */
}

static bool client_ended(struct request *req)
{
	(void)req;
	return false;
}

static void drain(struct request *req)
{
	(void)req; /* the backend ends the tunnel */
}

static void client_closed(struct request *req)
{
	if (!answered(req))
		access_record_stream(req, CLIENT_GONE, exchange_backend(req->exchange).name);
	exchange_abandon(req);
}

static void stop(struct request *req)
{
	if (req->exchange != NULL)
		exchange_record(req->exchange);
}

static const struct request_events exchange_events = {
	.next = next,
	.writable = writable,
	.answered = answered,
	.is_tunnel = exchange_is_tunnel,
	.moved = moved,
	.received = received,
	.client_ended = client_ended,
	.drain = drain,
	.takes = exchange_takes,
	.awaits_body = exchange_awaits_body,
	.body_ended = body_ended,
	.body = exchange_body,
	.splices = exchange_splices_request,
	.splice = exchange_splice_request,
	.readable = exchange_readable,
	.client_closed = client_closed,
	.abandon = exchange_abandon,
	.stop = stop,
	.free = exchange_free,
};
