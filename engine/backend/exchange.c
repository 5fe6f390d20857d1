/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/forward.h"
#include "../io/address.h"
#include "../io/transport.h"
#include "../log/access_record.h"
#include "../upgrade.h"
#include "backends.h"
#include "exchange.h"
#include "request_head.h"
#include "internal_redirect.h"
#include "upstream.h"

static const struct peer_stream_events peer_events;

/* Releases the program and its streams. kill: also ends the program. */
static void release_program(struct exchange *exchange, bool kill)
{
	if (exchange->to != NULL && !kill && exchange->upload.done && !exchange->upload.deaf && spool_left(&exchange->upload.spool) == 0)
		peer_stream_finish(exchange->to); /* it may still read bytes under way */
	else if (exchange->to != NULL)
		peer_stream_close(exchange->to);
	if (exchange->from != NULL)
		peer_stream_close(exchange->from);
	if (exchange->program != NULL)
		cgi_leave(exchange->program, kill);
	exchange->to = exchange->from = NULL;
	exchange->program = NULL;
}

/* Releases the backend. keep: keeps the connection for another request, if both messages have ended. */
static void release_peer(struct exchange *exchange, bool keep)
{
	struct peer_stream *to = exchange->to, *from = exchange->from;

	if (from != NULL || exchange->program != NULL)
		exchange->ended_us = exchange->req->thread->now_us;
	if (exchange->upstream == NULL) {
		release_program(exchange, !keep);
		return;
	}
	if (from == NULL)
		return;
	exchange->to = exchange->from = NULL;
	exchange->server->active--;
	count(&exchange->server->counters->active, UINT64_MAX);
	if (keep && exchange->upload.done && request_body_unsent(&exchange->upload, to) == 0 && exchange->down.state != SPLICE_WAITS &&
	    !exchange->req->thread->draining && !exchange->upstream->config->proxy_protocol)
		upstream_keep(exchange->server, from);
	else
		peer_stream_close(from);
}

void exchange_free(struct request *req)
{
	struct exchange *exchange = req->exchange;

	if (exchange == NULL)
		return;
	req->exchange = NULL;
	req->events = NULL;
	buffer_forget(&req->ready); /* interim responses that were not sent */
	splice_end(&exchange->down, &req->thread->backends->pipes);
	splice_end(&exchange->upload.splicing, &req->thread->backends->pipes);
	buffer_forget(&exchange->request);
	buffer_forget(&exchange->head);
	buffer_forget(&exchange->program_name);
	spool_free(&exchange->upload.spool);
	response_body_free(&exchange->relay);
	free(exchange);
}

/*
 * Lets the program continue after its client disconnected. Returns false unless its kind allows it and it gets the whole request.
 */
static bool leave_running(struct exchange *exchange)
{
	struct cgi_program *program = exchange->program;
	const bool awaited = exchange->down.state == SPLICE_WAITS;

	if (program == NULL || !exchange->upload.done || (!exchange->upload.deaf && spool_left(&exchange->upload.spool) > 0) ||
	    !exchange->req->thread->config->cgi[exchange->rule].finish_unwatched)
		return false;
	if (exchange->to != NULL)
		peer_stream_finish(exchange->to);
	splice_end(&exchange->down, &exchange->req->thread->backends->pipes);
	cgi_leave_running(program, exchange->from, awaited);
	exchange->to = exchange->from = NULL;
	exchange->program = NULL;
	return true;
}

void exchange_abandon(struct request *req)
{
	struct exchange *exchange = req->exchange;

	if (exchange == NULL)
		return;
	if (!leave_running(exchange))
		release_peer(exchange, false);
	exchange_record(exchange);
	exchange_free(req);
}

/* Ends the response: the sink has all of it that will come. */
static void end_response(struct exchange *exchange)
{
	exchange->state = EXCHANGE_ENDED;
	if (!exchange->upload.done) /* the rest of the body cannot be distinguished from a request */
		exchange->req->unread = true;
}

/*
 * Truncates a response or a tunnel that has begun. Otherwise prepares an error response with status. The caller resumes the connection.
 */
static void cut(struct exchange *exchange, uint16_t status, struct cause cause)
{
	exchange->cause = cause;
	if (exchange->from != NULL && exchange->upstream != NULL) /* otherwise it is already counted, or no server was chosen */
		count(&exchange->server->counters->errors, 1);
	if (exchange->program != NULL && status == 502)
		cgi_garbled(exchange->program);
	release_peer(exchange, false);
	if (exchange->state == EXCHANGE_BODY || exchange->state == EXCHANGE_TUNNEL) {
		exchange->truncated = true;
		if (exchange->state == EXCHANGE_BODY || cause.why == WHY_TLS) { /* backends reset tunnels, or leave them idle, every day */
			if (exchange->req->fetch == NULL)
				count(&exchange->req->thread->counters.errors, 1);
			error_line_cut(exchange->req, cause, exchange_backend(exchange));
		}
		end_response(exchange);
	} else {
		exchange->state = EXCHANGE_NO_RESPONSE;
		exchange->status = status;
	}
}

void exchange_break(struct exchange *exchange, struct cause cause)
{
	cut(exchange, 503, cause);
}

static void fail(struct exchange *exchange, uint16_t status, struct cause cause)
{
	cut(exchange, status, cause);
	exchange->req->sink->resume(exchange->req);
}

/* Queues the request head. It is sent after the connection is established. Returns false if out of memory. */
static bool send_request(struct exchange *exchange, struct peer_stream *stream)
{
	const struct request *req = exchange->req;
	struct address client = { .port = req->client->port }, server;
	uint8_t header[PROXY_PROTOCOL_BYTES];
	uint32_t len;

	if (exchange->upstream->config->proxy_protocol) {
		memcpy(client.octets, req->client->address, sizeof(client.octets));
		server = address_of_socket(req->client->channel->fd);
		len = proxy_protocol_header(&client, &server, header);
		if (!(stream->channel.tls != NULL ? tls_send_before(&stream->channel, header, len) : peer_stream_send(stream, header, len)))
			return false;
	}
	count(&exchange->server->counters->sent_bytes, exchange->request.len);
	return peer_stream_send(stream, exchange->request.data, exchange->request.len);
}

/* Queues bytes of a spooled body, up to PEER_STREAM_ROOM. Returns false with errno if the rest cannot be sent. */
static bool feed(struct exchange *exchange)
{
	int64_t fed;

	if (exchange->to == NULL || spool_left(&exchange->upload.spool) == 0)
		return true;
	fed = request_body_feed(&exchange->upload, exchange->to);
	if (fed < 0) {
		errno = (int)-fed;
		return false;
	}
	if (exchange->upstream != NULL)
		count(&exchange->server->counters->sent_bytes, (uint64_t)fed);
	if (spool_left(&exchange->upload.spool) == 0)
		exchange_end_input(exchange);
	return true;
}

/*
 * Sends the request to the next server. Returns false if all servers have been tried. Then exchange->cause has the error of the
 * last attempt.
 */
static bool try_next(struct exchange *exchange)
{
	struct upstream_server *server;

	while ((server = upstream_choose(exchange->upstream, &exchange->tried)) != NULL) {
		struct peer_stream *stream = exchange->upstream->config->proxy_protocol ? NULL : upstream_take(server, &peer_events, exchange);

		exchange->state = stream != NULL ? EXCHANGE_HEAD : EXCHANGE_CONNECTING;
		if (stream == NULL) {
			stream = upstream_connect(server, &peer_events, exchange);
			count(&server->counters->connections, 1);
		}
		count(&server->counters->requests, 1);
		if (stream == NULL) {
			exchange->cause = because(WHY_CONNECT, errno);
			exchange->server = server;
			count(&server->counters->errors, 1);
			upstream_failed(server);
			continue;
		}
		server->active++;
		count(&server->counters->active, 1);
		exchange->asked_us = exchange->req->thread->now_us;
		exchange->server = server;
		exchange->to = exchange->from = stream;
		spool_rewind(&exchange->upload.spool);
		exchange->upload.deaf = false;
		if (!send_request(exchange, stream) || !feed(exchange)) {
			exchange->cause = because(WHY_REQUEST_BODY, errno);
			release_peer(exchange, false);
			return false;
		}
		if (exchange->state == EXCHANGE_HEAD)
			peer_stream_receive(stream, true);
		exchange_wait(exchange);
		return true;
	}
	return false;
}

/* Handles a server that closed or timed out. Retries with another server if the lost one cannot have had side effects. */
static void lose_server(struct exchange *exchange, uint16_t status, struct cause cause)
{
	const struct error_line_backend backend = exchange_backend(exchange);
	const bool unanswered = exchange->state == EXCHANGE_CONNECTING || (exchange->state == EXCHANGE_HEAD && exchange->head.len == 0);
	const bool again = unanswered && !exchange->upload.begun && (exchange->repeatable || exchange->state == EXCHANGE_CONNECTING);
	struct tux_peer_counters *counters = exchange->server->counters;

	const bool unused = unanswered && exchange->from->used && status == 502;

	exchange->cause = cause;
	if (unused) /* an idle connection was closed: the server has not failed */
		exchange->tried &= ~(UINT64_C(1) << (exchange->server - exchange->upstream->server));
	else
		upstream_failed(exchange->server);
	count(&counters->errors, 1);
	if (status == 504)
		count(&counters->timeouts, 1);
	release_peer(exchange, false);
	if (!again || !try_next(exchange)) {
		fail(exchange, status, exchange->cause);
		return;
	}
	count(&counters->retried, 1);
	if (!unused)
		error_line_retry(exchange->req, cause, backend);
}

/* Handles a backend that closed or timed out before its response. */
static void lose_peer(struct exchange *exchange, uint16_t status, struct cause cause)
{
	if (exchange->upstream != NULL)
		lose_server(exchange, status, cause);
	else
		fail(exchange, status, cause);
}

/* True if the rest of the response or of the tunnel is long enough to be spliced. */
static bool is_for_splicing(const struct exchange *exchange)
{
	const struct response_body *relay = &exchange->relay;

	if (exchange->from == NULL || exchange->paused || exchange->req->fetch != NULL || thread_copies_bodies(exchange->req->thread) ||
	    !transport_sends_files(exchange->req->client->channel) || !transport_is_plain(&exchange->from->channel))
		return false;
	if (exchange->state == EXCHANGE_TUNNEL)
		return exchange->req->ready.len >= PEER_STREAM_ROOM;
	if (exchange->until_close) /* the length is unknown */
		return exchange->state == EXCHANGE_BODY && relay->body.total >= SPLICE_BYTES;
	return exchange->state == EXCHANGE_BODY && !relay->bodiless && tux_body_ahead(&relay->body) >= SPLICE_BYTES;
}

/* Resumes the connection, which sends the content. Pauses the backend while PEER_STREAM_ROOM bytes of it wait. */
static void relayed(struct exchange *exchange)
{
	struct thread *thread = exchange->req->thread;

	if (exchange->down.state == SPLICE_NOT && is_for_splicing(exchange) &&
	    splice_begin(&exchange->down, &thread->backends->pipes, thread->ops, thread->loop, &exchange->from->channel, !exchange->from->channel.pipe))
		peer_stream_receive(exchange->from, false);
	if (exchange->from != NULL && exchange->req->ready.len >= PEER_STREAM_ROOM && !exchange->paused && exchange->down.state == SPLICE_NOT) {
		exchange->paused = true;
		peer_stream_receive(exchange->from, false);
	}
	exchange_wait(exchange);
	exchange->req->sink->resume(exchange->req);
}

/* Ends a complete response. keep: the backend's connection may carry another request. The caller resumes the connection. */
static void finish(struct exchange *exchange, bool keep)
{
	if (exchange->upstream != NULL)
		upstream_answered(exchange->server);
	release_peer(exchange, keep && (exchange->keep_alive || exchange->upstream == NULL));
	if (!exchange->req->sink->content_end(exchange->req, exchange->relay.trailer.data, exchange->relay.trailer.len))
		exchange->truncated = true;
	end_response(exchange);
}

static void complete(struct exchange *exchange, bool keep)
{
	finish(exchange, keep);
	exchange->req->sink->resume(exchange->req);
}

/* Handles the end of the backend's stream after the response head. error: errno, or 0. The caller resumes the connection. */
static void end_peer(struct exchange *exchange, int error)
{
	const bool ends_whole = exchange->state == EXCHANGE_TUNNEL || (exchange->state == EXCHANGE_BODY && exchange->until_close);

	if (ends_whole && error == 0)
		finish(exchange, exchange->program != NULL);
	else
		cut(exchange, 502, exchange_stream_cause(exchange->from, WHY_CLOSED_IN_BODY, error));
}

/* Gives the sink n bytes in the splice pipe or the program's pipe. Returns false if out of memory. */
static bool move_on(struct exchange *exchange, uint32_t n)
{
	struct request *req = exchange->req;
	const struct pipe *pipe = exchange->down.pipe;
	const enum tux_verdict verdict = exchange->state == EXCHANGE_TUNNEL ? TUX_MORE : tux_body_pass(&exchange->relay.body, n);

	if (verdict == TUX_REFUSED || !req->sink->content_pipe(req, pipe != NULL ? pipe->fd[0] : exchange->from->channel.fd, n))
		return false;
	exchange->whole = verdict == TUX_PARSED;
	return true;
}

bool exchange_draw(struct exchange *exchange)
{
	struct request *req = exchange->req;
	struct thread *thread = req->thread;
	struct splice *down = &exchange->down;
	uint64_t ahead = exchange->state == EXCHANGE_TUNNEL ? PIPE_BYTES : tux_body_ahead(&exchange->relay.body);
	int64_t n;
	int error;

	if (exchange->from == NULL || down->state != SPLICE_READY)
		return false;
	down->filled = 0; /* those bytes have been sent */
	if (exchange->whole) {
		finish(exchange, true);
		return false;
	}
	if (ahead == 0) { /* chunk framing is next, and must be parsed */
		splice_end(down, &thread->backends->pipes);
		peer_stream_receive(exchange->from, true);
		exchange_wait(exchange);
		return false;
	}
	n = splice_fill(down, thread->ops, thread->loop, &exchange->from->channel, ahead);
	error = n == SPLICE_FAILED ? errno : 0;
	exchange_wait(exchange);
	if (n == SPLICE_AGAIN)
		return false;
	if (n == SPLICE_ENDED || n == SPLICE_FAILED) {
		end_peer(exchange, error);
		return false;
	}
	if (exchange->upstream != NULL)
		count(&exchange->server->counters->received_bytes, (uint64_t)n);
	if (!move_on(exchange, (uint32_t)n)) {
		cut(exchange, 502, because(WHY_MEMORY, 0));
		return false;
	}
	return true;
}

/* Gives the content of response body bytes to the sink, and resumes the connection. */
static void take_content(struct exchange *exchange, const uint8_t *data, uint32_t len)
{
	uint32_t used;

	switch (response_body_read(&exchange->relay, exchange->req, data, len, &used)) {
	case TUX_REFUSED:
		fail(exchange, 502, exchange->relay.body.refusal != TUX_ACCEPTED ? because_of(WHY_BODY, exchange->relay.body.refusal, 0) : because(WHY_MEMORY, 0));
		break;
	case TUX_PARSED:
		complete(exchange, used == len);
		break;
	case TUX_MORE:
		relayed(exchange);
		break;
	}
}

/* Starts the response after its head was parsed. Returns false if the new head cannot be written. */
static bool begin_response(struct exchange *exchange)
{
	struct request *req = exchange->req;
	const struct tux_response *res = &req->thread->backends->received;

	exchange->keep_alive = res->keep_alive && !exchange->upload.deaf;
	exchange->until_close = res->framing == TUX_FRAMING_CLOSE;
	response_body_start(&exchange->relay, res);
	if (!req->sink->backend_head(req, exchange->head.data, res))
		return false;
	access_record_stream(req, res->status, exchange_backend(exchange).name);
	exchange->state = res->status == 101 ? EXCHANGE_TUNNEL : EXCHANGE_BODY;
	buffer_forget(&exchange->request); /* a retry is no longer possible */
	return true;
}

/* Processes the bytes after the response head: the start of the body, or of the tunnel. */
static void take_rest(struct exchange *exchange, uint32_t head_len)
{
	struct buffer head = exchange->head;
	const struct tux_response *res = &exchange->req->thread->backends->received;
	const uint32_t rest = head.len - head_len;

	exchange->head = (struct buffer){ NULL, 0, 0 };
	if (exchange->state == EXCHANGE_TUNNEL) {
		if (rest == 0 || exchange->req->sink->content(exchange->req, head.data + head_len, rest))
			relayed(exchange);
		else
			fail(exchange, 502, because(WHY_MEMORY, 0));
	} else if (exchange->relay.bodiless || (res->framing == TUX_FRAMING_LENGTH && res->content_length == 0)) {
		complete(exchange, rest == 0);
	} else {
		take_content(exchange, head.data + head_len, rest);
	}
	buffer_forget(&head);
}

/* Ends the exchange for an internal redirect, and discards the backend's body. status: 200, or the status of a failure. */
static void go_elsewhere(struct exchange *exchange, uint16_t status)
{
	if (status != 200) {
		fail(exchange, status, exchange->req->cause);
		return;
	}
	if (exchange->upstream != NULL)
		upstream_answered(exchange->server);
	release_peer(exchange, exchange->upstream == NULL);
	exchange->state = EXCHANGE_ELSEWHERE;
	exchange->req->sink->resume(exchange->req);
}

static enum tux_verdict parse_head(const struct exchange *exchange, struct tux_response *res)
{
	const struct buffer *head = &exchange->head;

	if (exchange->upstream != NULL)
		return tux_response_parse(head->data, head->len, exchange->seen, exchange->upstream->config->max_response_head,
		                          exchange->head_request, res);
	return tux_response_parse_cgi(head->data, head->len, exchange->seen,
	                              exchange->req->thread->config->cgi[exchange->rule].max_response_head, exchange->head_request, res);
}

static void take_head(struct exchange *exchange, const uint8_t *data, uint32_t len)
{
	struct tux_response *res = &exchange->req->thread->backends->received;
	uint16_t status;

	if (!buffer_keep(&exchange->head, data, len)) {
		fail(exchange, 502, because(WHY_MEMORY, 0));
		return;
	}
	for (;;) {
		switch (parse_head(exchange, res)) {
		case TUX_MORE:
			exchange->seen = exchange->head.len;
			relayed(exchange);
			return;
		case TUX_REFUSED:
			fail(exchange, 502, exchange_head_cause(exchange, res));
			return;
		case TUX_PARSED:
			break;
		}
		if (res->status >= 200 || res->status == 101)
			break;
		if (!exchange->req->sink->backend_head(exchange->req, exchange->head.data, res)) {
			fail(exchange, 502, because(WHY_HEAD_WRITE, 0));
			return;
		}
		buffer_drop(&exchange->head, res->head_len);
		exchange->seen = 0;
	}
	status = exchange->req->fetch != NULL ? 0 : internal_redirect_begin(exchange->req, exchange->head.data);
	if (status != 0) {
		go_elsewhere(exchange, status);
		return;
	}
	if (res->status == 101 && !(exchange->upgrade && res->upgrade && request_head_asked_for(exchange->req, exchange->head.data))) { /* not requested */
		fail(exchange, 502, because(WHY_UPGRADE, 0));
		return;
	}
	if (exchange->upstream != NULL) {
		const int64_t us = exchange->req->thread->now_us - exchange->asked_us;

		histogram_add(&exchange->server->counters->latency, us > 0 ? (uint64_t)us : 0, 1);
	}
	if (!begin_response(exchange)) {
		fail(exchange, 502, because(WHY_HEAD_WRITE, 0));
		return;
	}
	take_rest(exchange, res->head_len);
}

static void on_connected(struct peer_stream *stream, int error)
{
	struct exchange *exchange = stream->owner;

	if (error != 0) {
		lose_peer(exchange, 502, exchange_stream_cause(stream, WHY_CONNECT, error));
		return;
	}
	exchange->state = EXCHANGE_HEAD;
	peer_stream_receive(stream, true);
	exchange_wait(exchange);
	exchange->req->sink->resume(exchange->req);
}

static void on_received(struct peer_stream *stream, const uint8_t *data, uint32_t len)
{
	struct exchange *exchange = stream->owner;

	if (exchange->upstream != NULL)
		count(&exchange->server->counters->received_bytes, len);
	switch ((enum exchange_state)exchange->state) {
	case EXCHANGE_HEAD:
		if (stream->unheard) /* sent on a kept connection before the request: not a response to it */
			lose_peer(exchange, 502, because(WHY_UNASKED, 0));
		else
			take_head(exchange, data, len);
		return;
	case EXCHANGE_BODY:
		take_content(exchange, data, len);
		return;
	case EXCHANGE_TUNNEL:
		if (exchange->req->sink->content(exchange->req, data, len))
			relayed(exchange);
		else
			fail(exchange, 502, because(WHY_MEMORY, 0));
		return;
	case EXCHANGE_KEEPING:
	case EXCHANGE_CONNECTING:
	case EXCHANGE_ENDED:
	case EXCHANGE_NO_RESPONSE:
	case EXCHANGE_ELSEWHERE:
		return;
	}
}

static void on_ended(struct peer_stream *stream, int error)
{
	struct exchange *exchange = stream->owner;

	if (exchange->program != NULL && exchange->state == EXCHANGE_HEAD && exchange->end_status == 0) {
		peer_stream_close(stream); /* the exit of the program decides the status */
		exchange->from = NULL;
		exchange->from_ended = true;
	} else if (exchange->state == EXCHANGE_HEAD && exchange->end_status != 0) {
		lose_peer(exchange, exchange->end_status, exchange->end_cause);
	} else if (exchange->state == EXCHANGE_HEAD) {
		const enum why why = error != 0 ? WHY_RESET : exchange->head.len > 0 ? WHY_CLOSED_IN_HEAD : WHY_CLOSED;

		lose_peer(exchange, 502, exchange_stream_cause(stream, why, error));
	} else {
		end_peer(exchange, error);
		exchange->req->sink->resume(exchange->req);
	}
}

static void on_readable(struct peer_stream *stream)
{
	struct exchange *exchange = stream->owner;

	if (!splice_readable(&exchange->down))
		return;
	exchange_wait(exchange);
	exchange->req->sink->resume(exchange->req);
}

static void on_drained(struct peer_stream *stream)
{
	struct exchange *exchange = stream->owner;

	if (!feed(exchange)) {
		fail(exchange, 502, because(WHY_REQUEST_BODY, errno));
		return;
	}
	if (exchange->upload.done && spool_left(&exchange->upload.spool) == 0)
		exchange_end_input(exchange);
	exchange_wait(exchange);
	if (!exchange->upload.done || exchange->state == EXCHANGE_TUNNEL)
		exchange->req->sink->resume(exchange->req);
}

/*
 * Handles a failed send. A backend that has closed its input may still respond. After any other error it would wait for the rest of
 * the request.
 */
static void on_failed(struct peer_stream *stream, int error)
{
	struct exchange *exchange = stream->owner;

	if (error == EPIPE || error == ECONNRESET)
		exchange_deafen(exchange);
	else if (exchange->upstream != NULL && (exchange->state == EXCHANGE_CONNECTING || exchange->state == EXCHANGE_HEAD))
		lose_server(exchange, 502, because(WHY_SEND, error));
	else
		fail(exchange, 503, because(WHY_SEND, error));
}

static void on_writable(struct peer_stream *stream)
{
	struct exchange *exchange = stream->owner;

	exchange->upload.blocked = false;
	exchange_wait(exchange);
	exchange->req->sink->resume(exchange->req);
}

static void on_expired(struct peer_stream *stream)
{
	struct exchange *exchange = stream->owner;

	const bool unsent = exchange->to != NULL && request_body_unsent(&exchange->upload, exchange->to) > 0;

	if (exchange->state == EXCHANGE_CONNECTING)
		lose_peer(exchange, 504, exchange_connect_time_cause(stream));
	else if (exchange->state == EXCHANGE_HEAD)
		lose_peer(exchange, 504, because(unsent ? WHY_SEND_TIME : WHY_HEAD_TIME, 0));
	else
		fail(exchange, 504, because(unsent ? WHY_SEND_TIME : WHY_BODY_TIME, 0));
}

static const struct peer_stream_events peer_events = {
	.connected = on_connected,
	.received = on_received,
	.ended = on_ended,
	.drained = on_drained,
	.failed = on_failed,
	.readable = on_readable,
	.writable = on_writable,
	.expired = on_expired,
};

/* Handles the end of the program. Its remaining output is still read. */
static void on_program_ended(void *owner, uint16_t status, struct cause cause)
{
	struct exchange *exchange = owner;

	exchange->end_status = status;
	exchange->end_cause = cause;
	if (exchange->from_ended)
		fail(exchange, status, cause);
}

const struct cgi_events exchange_cgi_events = { .ended = on_program_ended };

/* Starts the program of the route. Returns 0, or the status of an error response. */
static uint16_t start_program(struct exchange *exchange, const struct tux_route *route)
{
	struct request *req = exchange->req;
	struct thread *thread = req->thread;
	struct buffer environment = { NULL, 0, 0 };
	struct cgi_start start = {
		.order = { .rule = route->argument, .path = req->path, .path_len = req->path_len, .prefix_len = route->prefix_len },
		.stream_events = &peer_events,
		.owner = exchange,
	};
	uint16_t status = request_head_environment(req, &exchange->framing, &environment);

	exchange_name_program(exchange, route);
	exchange->cause = because(WHY_MEMORY, 0);
	if (status == 0) {
		start.order.environment = environment.data;
		start.order.environment_len = environment.len;
		status = cgi_start(&thread->backends->cgi, &start, &exchange->program, &exchange->to, &exchange->from);
		exchange->cause = start.cause;
	}
	buffer_forget(&environment);
	if (status != 0)
		return status;
	exchange->rule = route->argument;
	exchange->state = EXCHANGE_HEAD;
	exchange->asked_us = thread->now_us;
	peer_stream_receive(exchange->from, true);
	if (!feed(exchange)) {
		exchange->cause = because(WHY_REQUEST_BODY, errno);
		release_peer(exchange, false);
		return 503;
	}
	if (exchange->upload.done && spool_left(&exchange->upload.spool) == 0)
		exchange_end_input(exchange);
	exchange_wait(exchange);
	return 0;
}

/* Forwards the request to a server of the route's upstream. Returns 0, or the status of an error response. */
static uint16_t start_upstream(struct exchange *exchange, const struct tux_route *route)
{
	uint16_t status;

	exchange->upstream = &exchange->req->thread->backends->upstreams[route->argument];
	status = request_head_write(exchange->req, exchange->upstream->config, &exchange->framing, exchange->upgrade, &exchange->request);
	exchange->cause = because(status != 0 ? WHY_MEMORY : WHY_NO_ADDRESS, 0);
	if (status != 0)
		return status;
	return try_next(exchange) ? 0 : 502;
}

static uint16_t start(struct exchange *exchange, const struct tux_route *route)
{
	return route->handler == TUX_HANDLER_CGI ? start_program(exchange, route) : start_upstream(exchange, route);
}

/* True if the whole request body is received before a backend gets the request. */
static bool keeps_body(const struct exchange *exchange, const struct tux_route *route)
{
	const struct tux_engine_config *config = exchange->req->thread->config;

	if (exchange->upload.done || exchange->upgrade)
		return false;
	if (route->handler == TUX_HANDLER_CGI)
		return !exchange->measured && !config->cgi[route->argument].stream_chunked;
	return config->upstreams[route->argument].request_buffering;
}

void exchange_keep_failed(struct exchange *exchange, uint16_t status, struct cause cause)
{
	exchange->cause = cause;
	exchange->state = EXCHANGE_NO_RESPONSE;
	exchange->status = status;
}

void exchange_give(struct exchange *exchange)
{
	uint16_t status;

	exchange->framing = (struct request_framing){ TUX_FRAMING_LENGTH, exchange->upload.spool.kept };
	exchange->upload.chunked = false;
	status = start(exchange, exchange->req->route);
	if (status != 0)
		exchange_keep_failed(exchange, status, exchange->cause);
}

uint16_t exchange_open(struct request *req)
{
	const struct tux_request *head = &req->head;
	const struct tux_route *route = req->route;
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	uint16_t status = 0;

	req->cause = because(WHY_MEMORY, 0);
	if (exchange == NULL)
		return 503;
	req->exchange = exchange;
	req->sent_bytes = 0;
	exchange->req = req;
	exchange->head_request = head->method == TUX_HEAD;
	exchange->framing = (struct request_framing){ head->framing, head->content_length };
	exchange->measured = head->framing == TUX_FRAMING_LENGTH;
	exchange->repeatable = request_head_may_repeat(head);
	exchange->upgrade = upgrade_is_requested(req->bytes, head);
	exchange->upload.chunked = head->framing == TUX_FRAMING_CHUNKED && route->handler != TUX_HANDLER_CGI;
	exchange->upload.done = head->framing != TUX_FRAMING_CHUNKED && head->content_length == 0;
	tux_body_start(&req->body, (enum tux_framing)head->framing, head->content_length);
	if (keeps_body(exchange, route))
		exchange->state = EXCHANGE_KEEPING;
	else
		status = start(exchange, route);
	if (status != 0) {
		exchange_leave_to_request(exchange);
		exchange_free(req);
	}
	return status;
}
