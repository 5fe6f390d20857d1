/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes to requests of HTTP/1. */
#include "h1.h"

#include "../handlers/dispatch.h"
#include "../kernel_link.h"
#include "conn_state.h"
#include "conn_wait.h"

enum {
	ANSWER_ROOM = 4096, /* free bytes of the output required to start another request */
};

/* Ends the part of a handler that still has something for a request which others have responded to. */
static void leave_handler(struct request *req)
{
	if (req->events != NULL)
		req->events->abandon(req);
}

void h1_forget_request(struct conn *conn)
{
	leave_handler(conn->request);
	request_put(conn->request);
	conn->request = NULL;
}

/*
 * True if the kernel engine would have responded to the request: it has handed up the connection because it did not have the module, and has it
 * again. The next request is probably for the kernel engine, too.
 */
static bool is_recalled(const struct conn *conn)
{
	const struct tux_route *route = conn->request->matched;

	return conn->from_kernel && !conn->thread->leaving && !conn->thread->draining && route != NULL && route->handler == TUX_HANDLER_MODULE &&
	       !request_has_body(conn->request) && kernel_link_responds(conn->conns->slots.kernel, route->argument);
}

void h1_next_request(struct conn *conn)
{
	conn->recalled = is_recalled(conn);
	leave_handler(conn->request);
	if (conn->request->record != NULL) {
		request_release(conn->request);
		request_set_state(conn->request, REQUEST_RESPONDED);
	} else {
		h1_forget_request(conn);
	}
	conn->seen = 0;
}

/* Copies the head of a request that has to wait. */
static void keep(struct conn *conn)
{
	if (!request_keep(conn->request))
		conn_set_state(conn, CONN_BROKEN);
}

/* Asks the client for the body, unless its handler does so later. */
static void send_continue(struct request *req)
{
	if (req->head.expect_continue && !dispatch_asks_for_body(req))
		h1_go_on(req);
}

/* Starts a handler that takes time. */
static void begin_handler(struct conn *conn)
{
	struct request *req = conn->request;

	if (!request_keep(req)) {
		leave_handler(req); /* while its head is still there */
		conn_set_state(conn, CONN_BROKEN);
		return;
	}
	request_set_state(req, REQUEST_HANDLER);
	conn_wait_for(conn, WAIT_SERVER); /* or the limit of the wait for the head would go on */
	req->error_status = dispatch_start(req);
	if (req->error_status == 0)
		return;
	request_set_state(req, REQUEST_HELD);
	if (request_has_body(req)) /* its end is unknown */
		req->unread = true;
}

/* Responds to the request. Keeps its head if the response has to wait. */
static void respond(struct conn *conn)
{
	struct request *req = conn->request;

	switch (dispatch_respond(req)) {
	case RESPONSE_QUEUED:
		h1_next_request(conn);
		return;
	case RESPONSE_NO_ROOM:
		request_set_state(req, REQUEST_HELD);
		break;
	case RESPONSE_WAIT:
		request_set_state(req, REQUEST_LOADING);
		if (conn->state == CONN_READ)
			conn_wait_for(conn, WAIT_LOAD);
		break;
	case RESPONSE_BY_HANDLER:
		if (request_has_body(req)) { /* the backend reads it */
			req->unread = false;
			send_continue(req);
		}
		begin_handler(conn);
		return;
	case RESPONSE_DECLINED:
	case RESPONSE_ANEW:
		break; /* dispatch_respond() returns neither */
	}
	keep(conn);
}

void h1_respond(struct conn *conn)
{
	conn->request->pipelined = conn->in.len > 0;
	respond(conn);
}

/* Starts a request whose head is in len bytes at buf, or was not received. */
static void begin_request(struct conn *conn, struct request *req, const uint8_t *buf, uint32_t len)
{
	conn->request = req;
	conn->seen = 0;
	conn->recalled = false; /* it did not return: another request was there already */
	req->conn = conn;
	req->client = &conn->client;
	req->sink = conn->sink;
	req->began_us = conn->thread->now_us;
	req->bytes = buf;
	req->bytes_len = len;
}

void h1_refuse(struct conn *conn, enum tux_refusal refusal)
{
	struct request *req = conn->request;

	if (conn_request_state(conn) != REQUEST_RESPONDED) {
		req->head.refusal = (uint8_t)refusal;
		respond(conn);
		return;
	}
	req = request_get(conn->thread);
	if (req == NULL) {
		conn_set_state(conn, CONN_BROKEN);
		return;
	}
	begin_request(conn, req, NULL, 0);
	request_without_head(req);
	dispatch_refused(req, refusal);
	respond(conn);
}

void h1_refuse_later(struct conn *conn, enum tux_refusal refusal)
{
	conn->request->head.refusal = (uint8_t)refusal;
	request_set_state(conn->request, REQUEST_HELD);
}

/* Starts a request with a body. */
static void begin_body(struct conn *conn)
{
	struct request *req = conn->request;

	if (req->head.framing == TUX_FRAMING_LENGTH && req->head.content_length > req->max_body_bytes) {
		h1_refuse(conn, TUX_REFUSED_BODY_LONG);
		return;
	}
	switch ((enum dispatch_body)req->body_use) {
	case BODY_TO_HANDLER:
		send_continue(req);
		begin_handler(conn);
		return;
	case BODY_UNREAD: /* the client may send it or not */
		req->unread = true;
		respond(conn);
		return;
	case BODY_DISCARDED:
		break;
	}
	tux_body_start(&req->body, (enum tux_framing)req->head.framing, req->head.content_length);
	request_set_state(req, REQUEST_BODY);
	send_continue(req);
	conn_wait_for(conn, WAIT_BODY);
	keep(conn);
}

/* Status and cause of a request with which the kernel engine has failed. */
struct kernel_failure {
	uint16_t status; /* 0: it has not failed */
	enum why why;
};

static struct kernel_failure kernel_failure_of(const struct conn *conn)
{
	static const struct kernel_failure failures[TUX_REASONS] = {
		[TUX_REASON_BACKEND] = { 503, WHY_HANDOVER },
		[TUX_REASON_FAILED] = { 500, WHY_MODULE_FAILED },
		[TUX_REASON_UNLOADED] = { 503, WHY_MODULE_UNLOADED },
		[TUX_REASON_LATE] = { 504, WHY_MODULE_TIME },
	};

	return conn->kernel_reason < TUX_REASONS ? failures[conn->kernel_reason] : (struct kernel_failure){ 0, WHY_MODULE_FAILED };
}

bool h1_is_decided(const struct conn *conn)
{
	return conn->chosen != NULL || conn->chosen_lost || conn->kernel_declined || kernel_failure_of(conn).status != 0;
}

/* Takes what the kernel engine has done with a request: the status, if it has failed there, and what its module has done. */
static void take_reason(struct conn *conn, struct request *req)
{
	const struct kernel_failure failure = kernel_failure_of(conn);

	conn->kernel_reason = TUX_REASON_NONE;
	req->kernel_declined = conn->kernel_declined;
	conn->kernel_declined = false;
	req->chosen = conn->chosen;
	conn->chosen = NULL;
	if (conn->chosen_lost) {
		conn->chosen_lost = false;
		req->error_status = 503;
		req->cause = because(WHY_MEMORY, 0);
	}
	if (failure.status == 0)
		return;
	req->error_status = failure.status;
	req->cause = because(failure.why, 0);
}

/* Reads a head. Returns the bytes used; 0 if the head is incomplete. */
static uint32_t take_head(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct request *req = request_get(conn->thread);
	uint32_t head_len = len;

	if (req == NULL) {
		conn_set_state(conn, CONN_BROKEN);
		return 0;
	}
	switch (tux_request_parse(buf, len, conn->seen, &req->head)) {
	case TUX_MORE:
		request_put(req);
		if (conn->seen == 0)
			conn_wait_for(conn, WAIT_HEAD);
		conn->seen = len;
		return 0;
	case TUX_REFUSED:
		break;
	case TUX_PARSED:
		head_len = req->head.head_len;
		break;
	}
	begin_request(conn, req, buf, head_len);
	req->parsed = 1;
	count(&conn->thread->counters.heads_parsed, 1);
	take_reason(conn, req);
	if (req->head.refusal != TUX_ACCEPTED) {
		dispatch_refused(req, (enum tux_refusal)req->head.refusal);
		respond(conn);
		return head_len;
	}
	req->pipelined = head_len < len;
	dispatch(req);
	if (request_has_body(req))
		begin_body(conn);
	else
		respond(conn);
	return head_len;
}

/* Discards a body, then responds. Returns the bytes used. */
static uint32_t take_body(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct request *req = conn->request;
	uint32_t used = 0;
	enum tux_verdict verdict;

	do {
		struct tux_span content;
		uint32_t consumed;

		verdict = tux_body_read(&req->body, buf + used, len - used, &consumed, &content);
		used += consumed;
	} while (verdict == TUX_MORE && used < len && req->body.total <= req->max_body_bytes);
	if (verdict == TUX_MORE && req->body.total <= req->max_body_bytes) {
		conn_wait_for(conn, WAIT_BODY);
		return used;
	}
	req->pipelined = used < len;
	if (verdict == TUX_PARSED && req->body.total <= req->max_body_bytes)
		respond(conn);
	else
		h1_refuse(conn, verdict == TUX_REFUSED ? (enum tux_refusal)req->body.refusal : TUX_REFUSED_BODY_LONG);
	return used;
}

/* Gives a body to its handler. Returns the bytes used. */
static uint32_t give_body(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct request *req = conn->request;
	const bool answered = req->events->answered(req);
	enum tux_refusal refusal;
	const uint32_t used = req->events->body(req, buf, len, &refusal);

	if (refusal == TUX_ACCEPTED) {
		if (req->events->awaits_body(req))
			conn_wait_for(conn, WAIT_BODY);
		return used;
	}
	req->events->abandon(req);
	if (answered)
		conn_set_state(conn, CONN_BROKEN); /* the response cannot be completed */
	else
		h1_refuse_later(conn, refusal);
	return used;
}

bool h1_takes_more(const struct conn *conn)
{
	const enum request_state state = conn_request_state(conn);

	if (state == REQUEST_HANDLER)
		return conn->request->events->takes(conn->request);
	return (state == REQUEST_RESPONDED || state == REQUEST_BODY) && conn->state == CONN_READ && !conn->close_after_response &&
	       conn->output.source.count == 0 && output_has_room(&conn->output, ANSWER_ROOM);
}

uint32_t h1_consume(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	uint32_t off = 0;

	while (off < len && h1_takes_more(conn)) {
		const enum request_state state = conn_request_state(conn);
		uint32_t used;

		if (state != REQUEST_HANDLER && !log_wait_permits(conn->thread))
			break;
		used = state == REQUEST_RESPONDED ? take_head(conn, buf + off, len - off) :
		       state == REQUEST_BODY      ? take_body(conn, buf + off, len - off) :
		                                    give_body(conn, buf + off, len - off);
		off += used;
		if (used == 0 || conn->state == CONN_BROKEN)
			break;
	}
	return off;
}

void h1_consume_kept(struct conn *conn)
{
	const uint32_t used = h1_consume(conn, conn->in.data, conn->in.len);

	buffer_drop(&conn->in, used);
}
