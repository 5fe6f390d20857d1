/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwards request bodies and tunnel bytes from the client to the backend. */
#include "exchange_state.h"

#include "../io/transport.h"
#include "backends.h"

bool exchange_takes(const struct request *req)
{
	const struct exchange *exchange = req->exchange;

	if (exchange->state == EXCHANGE_KEEPING)
		return !exchange->upload.done;
	if (exchange->to == NULL || exchange->state == EXCHANGE_CONNECTING)
		return false;
	return (!exchange->upload.done || exchange->state == EXCHANGE_TUNNEL) && request_body_takes(&exchange->upload, exchange->to);
}

bool exchange_is_tunnel(const struct request *req)
{
	return req->exchange->state == EXCHANGE_TUNNEL;
}

bool exchange_awaits_body(const struct request *req)
{
	return !req->exchange->upload.done;
}

bool exchange_splices_request(const struct request *req)
{
	return req->exchange->upload.splicing.state != SPLICE_NOT;
}

/* True if the rest of the request body or of the tunnel can be spliced. Everything received so far has been consumed. */
static bool is_upload_for_splicing(const struct exchange *exchange)
{
	const struct request *req = exchange->req;

	if (exchange->to == NULL || exchange->upload.deaf || exchange->upload.splicing.state != SPLICE_NOT || thread_copies_bodies(req->thread) ||
	    !transport_is_plain(req->client->channel) || !transport_is_plain(&exchange->to->channel))
		return false;
	if (exchange->state == EXCHANGE_TUNNEL)
		return peer_stream_unsent(exchange->to) >= PEER_STREAM_ROOM;
	return exchange->measured && tux_body_ahead(&req->body) >= SPLICE_BYTES;
}

/* Ends the upload: the backend has the whole request body. */
static void end_upload(struct exchange *exchange)
{
	splice_end(&exchange->upload.splicing, &exchange->req->thread->backends->pipes);
	exchange->upload.done = true;
	exchange_end_input(exchange);
}

bool exchange_splice_request(struct request *req)
{
	struct exchange *exchange = req->exchange;
	struct request_body *upload = &exchange->upload;
	struct tux_body *body = exchange->state == EXCHANGE_TUNNEL ? NULL : &req->body;
	uint64_t moved = 0;
	bool client_open = true;

	if (!exchange_splices_request(req) || exchange->to == NULL || upload->deaf)
		return true;
	switch (request_body_draw(upload, &req->thread->backends->streams, exchange->to, req->client->channel, body, &moved)) {
	case REQUEST_BODY_WAITS:
		break;
	case REQUEST_BODY_WHOLE:
		end_upload(exchange);
		break;
	case REQUEST_BODY_ENDED:
		client_open = false;
		break;
	case REQUEST_BODY_DEAF:
		exchange_deafen(exchange);
		break;
	case REQUEST_BODY_FAILED:
		exchange_break(exchange, because(WHY_REQUEST_BODY, 0));
		break;
	}
	if (body == NULL)
		req->tunnel_bytes += moved;
	if (exchange->upstream != NULL)
		count(&exchange->server->counters->sent_bytes, moved);
	exchange_wait(exchange);
	return client_open;
}

void exchange_readable(struct request *req)
{
	splice_readable(&req->exchange->upload.splicing);
}

/* Like exchange_body(), but spools the body. */
static uint32_t keep(struct exchange *exchange, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal)
{
	struct request *req = exchange->req;
	uint32_t used;
	int error;

	switch (request_body_keep(&exchange->upload, &req->thread->config->spool, &req->body, req->max_body_bytes, buf, len, &used, refusal,
	                          &error)) {
	case TUX_MORE:
		break;
	case TUX_PARSED:
		exchange->upload.done = true;
		exchange_give(exchange);
		break;
	case TUX_REFUSED:
		used = len;
		if (*refusal != TUX_ACCEPTED)
			break;
		exchange_keep_failed(exchange, 503, because(WHY_KEEP, error));
		break;
	}
	return used;
}

uint32_t exchange_body(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal)
{
	struct exchange *exchange = req->exchange;
	struct thread *thread = req->thread;
	struct request_body *upload = &exchange->upload;
	const uint64_t before = req->body.total;
	uint32_t used = len;

	*refusal = TUX_ACCEPTED;
	if (exchange->state == EXCHANGE_KEEPING)
		return keep(exchange, buf, len, refusal);
	if (exchange->state == EXCHANGE_TUNNEL) {
		req->tunnel_bytes += len;
		if (exchange->upstream != NULL)
			count(&exchange->server->counters->sent_bytes, len);
		if (!peer_stream_send(exchange->to, buf, len))
			exchange_break(exchange, because(WHY_MEMORY, 0));
	} else {
		switch (request_body_read(upload, exchange->to, &req->body, req->max_body_bytes, buf, len, &used, refusal)) {
		case TUX_MORE:
			break;
		case TUX_PARSED:
			end_upload(exchange);
			break;
		case TUX_REFUSED: /* also if out of memory */
			if (*refusal == TUX_ACCEPTED)
				exchange_break(exchange, because(WHY_MEMORY, 0));
			return len;
		}
		if (exchange->upstream != NULL)
			count(&exchange->server->counters->sent_bytes, req->body.total - before);
	}
	if (exchange->to != NULL && used == len && is_upload_for_splicing(exchange) &&
	    splice_begin(&upload->splicing, &thread->backends->pipes, thread->ops, thread->loop, req->client->channel, !exchange->to->channel.pipe))
		thread->ops->receive_stop(thread->loop, req->client->channel);
	exchange_wait(exchange);
	return used;
}
