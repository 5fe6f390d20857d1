/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <string.h>
#include <unistd.h>

#include "../io/address.h"
#include "../log/access_record.h"
#include "../log/log_wait.h"
#include "../backend/exchange.h"
#include "passing.h"
#include "../handlers/dispatch.h"
#include "../handlers/error_page.h"
#include "../output.h"
#include "../slot.h"

enum {
	ANSWER_ROOM = 4096, /* free bytes of out required to start another request */
};

static const struct channel_events channel_events;

static void conn_step(struct conn *conn);

static void wait_as(struct conn *conn, enum timer_kind kind)
{
	static const uint8_t phases[TIMER_KINDS] = { [TIMER_IDLE] = TUX_PHASE_IDLE, [TIMER_HEAD] = TUX_PHASE_READING,
	                                             [TIMER_BODY] = TUX_PHASE_READING, [TIMER_SEND] = TUX_PHASE_SENDING,
	                                             [TIMER_LINGER] = TUX_PHASE_CLOSING, [TIMER_TUNNEL] = TUX_PHASE_WAITING };

	conn_phase(conn, (enum tux_phase)phases[kind]);
	timer_start(&conn->worker->timers, &conn->timer, kind, conn->worker->now_ms);
}

static bool busy(const struct conn *conn)
{
	return conn->sending || conn->log_waits || conn->state == CONN_LOADING || conn->state == CONN_HELD;
}

static void end(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct request *req = conn->request;

	if (conn->state == CONN_CLOSED)
		return;
	if (req != NULL)
		exchange_abandon(req);
	if ((req != NULL && req->record != NULL) || conn->source.count > 0)
		access_record_end(conn, output_left(conn));
	conn->state = CONN_CLOSED;
	timer_stop(&conn->timer);
	if (req != NULL)
		lookup_leave(&req->load);
	log_wait_leave(conn);
	worker->ops->close(worker->loop, &conn->channel);
}

/*
 * Drains and discards input until the client closes. Closing earlier would send RST, and the client could lose the response (RFC
 * 9112 9.6).
 */
static void linger(struct conn *conn)
{
	struct worker *worker = conn->worker;

	shutdown(conn->channel.fd, SHUT_WR);
	conn->state = CONN_LINGERING;
	buffer_forget(&conn->in);
	wait_as(conn, TIMER_LINGER);
	worker->ops->receive(worker->loop, &conn->channel);
}

static void finish(struct conn *conn)
{
	if (!conn->client_closed && (conn->linger || conn->in.len > 0 || conn->worker->leaving))
		linger(conn);
	else
		end(conn);
}

/* Puts the request back. */
static void forget_request(struct conn *conn)
{
	request_put(&conn->worker->requests, conn->request);
	conn->request = NULL;
}

/* Records the response after its last byte was sent. An exchange may have more to send. */
static void sent(struct conn *conn)
{
	if (conn->state == CONN_EXCHANGE && exchange_answered(conn->request))
		return;
	access_record_end(conn, 0);
	if (conn->state == CONN_HEAD && conn->request != NULL)
		forget_request(conn);
}

/* Starts to send the queued bytes. */
static void flush(struct conn *conn)
{
	conn->sending = true;
	switch (output_start(conn)) {
	case OUTPUT_PENDING:
		wait_as(conn, TIMER_SEND);
		break;
	case OUTPUT_DONE:
		conn->sending = false;
		break;
	case OUTPUT_FAILED:
		end(conn);
		break;
	}
}

/* Makes room for the next request after a response was queued. The request stays if its access record is due after the last byte. */
static void next_request(struct conn *conn)
{
	if (conn->request->record != NULL)
		request_release(conn->request);
	else
		forget_request(conn);
	conn->seen = 0;
	conn->state = CONN_HEAD;
}

static void backend_ready(struct request *req);

/* Starts the backend of a request. */
static void begin_exchange(struct conn *conn)
{
	struct request *req = conn->request;

	if (!request_keep(req)) {
		end(conn);
		return;
	}
	conn->state = CONN_EXCHANGE;
	req->error_status = exchange_start(req, backend_ready);
	if (req->error_status == 0)
		return;
	conn->state = CONN_HELD;
	if (request_has_body(req)) /* its end is unknown */
		conn->close_after_response = conn->linger = true;
}

/* Responds to the request. Keeps its head if the response has to wait. */
static void answer(struct conn *conn)
{
	struct request *req = conn->request;
	bool last = conn->close_after_response;

	switch (dispatch_respond(req)) {
	case RESPONSE_QUEUED:
		if (conn->linger) /* the next bytes are no request */
			conn->close_after_response = true;
		next_request(conn);
		return;
	case RESPONSE_NO_ROOM:
		conn->close_after_response = last;
		conn->state = CONN_HELD;
		break;
	case RESPONSE_WAIT:
		conn->close_after_response = last;
		conn->state = CONN_LOADING;
		if (!conn->sending) { /* the client waits, too */
			timer_stop(&conn->timer);
			conn_phase(conn, TUX_PHASE_WAITING);
		}
		break;
	case RESPONSE_BY_BACKEND:
		if (request_has_body(req)) { /* the backend reads it */
			conn->close_after_response = last;
			conn->linger = false;
			if (req->head.expect_continue)
				response_continue(req);
		}
		begin_exchange(conn);
		return;
	}
	if (!request_keep(req))
		end(conn);
}

/* Queues an error response for a malformed or rejected request. */
static void refuse(struct conn *conn, enum tux_refusal refusal)
{
	conn->request->head.refusal = (uint8_t)refusal;
	answer(conn);
}

/* Queues an error response without a request, or to an incomplete one. */
static void refuse_connection(struct conn *conn, enum tux_refusal refusal)
{
	struct worker *worker = conn->worker;
	struct request *req = request_get(&worker->requests, conn);

	if (req == NULL) {
		end(conn);
		return;
	}
	conn->request = req;
	req->began_us = worker->now_us;
	request_without_head(req);
	dispatch_refused(req, refusal);
	answer(conn);
}

/* Responds to a request that has waited. */
static void answer_held(struct conn *conn)
{
	conn->request->pipelined = conn->in.len > 0;
	answer(conn);
}

/* Starts a request with a body. */
static void begin_body(struct conn *conn)
{
	struct request *req = conn->request;

	if (req->head.framing == TUX_FRAMING_LENGTH && req->head.content_length > req->max_body_bytes) {
		refuse(conn, TUX_REFUSED_BODY_LONG);
		return;
	}
	switch ((enum dispatch_body)req->body_use) {
	case BODY_TO_BACKEND:
		if (req->head.expect_continue)
			response_continue(req);
		begin_exchange(conn);
		return;
	case BODY_UNREAD: /* the client may send it or not */
		conn->linger = true;
		answer(conn);
		return;
	case BODY_DISCARDED:
		break;
	}
	tux_body_start(&req->body, (enum tux_framing)req->head.framing, req->head.content_length);
	if (!request_keep(req)) {
		end(conn);
		return;
	}
	if (req->head.expect_continue)
		response_continue(req);
	conn->state = CONN_BODY;
	wait_as(conn, TIMER_BODY);
}

/* Sets up a request whose head is the len bytes at buf. */
static void begin_request(struct conn *conn, struct request *req, const uint8_t *buf, uint32_t len)
{
	conn->request = req;
	conn->seen = 0;
	req->began_us = conn->worker->now_us;
	req->bytes = buf;
	req->bytes_len = len;
	req->parsed = 1;
	count(&conn->worker->counters.heads_parsed, 1);
	if (conn->handover_failed) {
		conn->handover_failed = false;
		req->error_status = 503;
		req->cause = because(WHY_HANDOVER, 0);
	}
}

/* Reads a head. Returns the bytes used; 0 if the head is incomplete. */
static uint32_t take_head(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct request *req = request_get(&conn->worker->requests, conn);
	uint32_t head_len;

	if (req == NULL) {
		end(conn);
		return 0;
	}
	switch (tux_request_parse(buf, len, conn->seen, &req->head)) {
	case TUX_MORE:
		request_put(&conn->worker->requests, req);
		if (conn->seen == 0)
			wait_as(conn, TIMER_HEAD);
		conn->seen = len;
		return 0;
	case TUX_REFUSED:
		begin_request(conn, req, buf, len);
		dispatch_refused(req, (enum tux_refusal)req->head.refusal);
		answer(conn);
		return len;
	case TUX_PARSED:
		break;
	}
	head_len = req->head.head_len;
	begin_request(conn, req, buf, head_len);
	req->pipelined = head_len < len;
	dispatch(req);
	if (request_has_body(req))
		begin_body(conn);
	else
		answer(conn);
	return head_len;
}

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
		wait_as(conn, TIMER_BODY);
		return used;
	}
	req->pipelined = used < len;
	if (verdict == TUX_PARSED && req->body.total <= req->max_body_bytes)
		answer(conn);
	else
		refuse(conn, verdict == TUX_REFUSED ? (enum tux_refusal)req->body.refusal : TUX_REFUSED_BODY_LONG);
	return used;
}

/* Like take_body(), but for a backend. */
static uint32_t take_peer_body(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct request *req = conn->request;
	const bool answered = exchange_answered(req);
	enum tux_refusal refusal;
	uint32_t used = exchange_body(req, buf, len, &refusal);

	if (refusal == TUX_ACCEPTED) {
		if (exchange_awaits_body(req))
			wait_as(conn, TIMER_BODY);
		return used;
	}
	exchange_abandon(req);
	if (answered)
		end(conn);
	else
		refuse(conn, refusal);
	return used;
}

/*
 * True if the connection can consume more input: the next request (responses stay in order, the output buffer has room), or more
 * of the current body.
 */
static bool takes_more(const struct conn *conn)
{
	if (conn->state == CONN_EXCHANGE)
		return exchange_takes(conn->request);
	return (conn->state == CONN_HEAD || conn->state == CONN_BODY) && !conn->close_after_response && !conn->sending &&
	       conn->source.count == 0 && (conn->out == NULL || OUT_BYTES - conn->out->len >= ANSWER_ROOM);
}

/* Responds to all complete requests in buf. Returns the bytes used. */
static uint32_t consume(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	uint32_t off = 0;

	while (off < len && takes_more(conn) && (conn->state == CONN_EXCHANGE || log_wait_permits(conn->worker))) {
		uint32_t used = conn->state == CONN_HEAD ? take_head(conn, buf + off, len - off) :
		                conn->state == CONN_BODY ? take_body(conn, buf + off, len - off) :
		                                           take_peer_body(conn, buf + off, len - off);

		off += used;
		if (used == 0)
			break;
	}
	return off;
}

static void consume_kept(struct conn *conn)
{
	uint32_t used = consume(conn, conn->in.data, conn->in.len);

	buffer_drop(&conn->in, used);
}

/* True if the connection has no state, and another engine accepts it: the kernel engine, or the server process that took over. */
static bool may_return(const struct conn *conn)
{
	return conn->state == CONN_HEAD && conn->in.len == 0 && conn->seen == 0 && !conn->client_closed && !conn->parked && !conn->close_after_response &&
	       (conn->worker->draining ? passing_permits(conn->worker, conn->listener) : conn->from_kernel && !conn->worker->leaving);
}

static void give_back(struct conn *conn)
{
	timer_stop(&conn->timer);
	conn->state = CONN_HAND_BACK;
	conn->worker->ops->release(conn->worker->loop, &conn->channel);
}

/* Waits while a backend responds: everything received from it has been sent. */
static void exchange_wait_client(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->client_closed && conn->in.len == 0) {
		exchange_client_ended(conn->request);
		end(conn);
		return;
	}
	if (exchange_is_tunnel(conn->request)) {
		wait_as(conn, TIMER_TUNNEL); /* called after each transfer */
	} else if (!exchange_awaits_body(conn->request) || !exchange_takes(conn->request)) {
		timer_stop(&conn->timer);
		conn_phase(conn, TUX_PHASE_WAITING);
	} else if (conn->timer.next == NULL) {
		wait_as(conn, TIMER_BODY);
	}
	if (conn->in.len >= TUX_MAX_HEAD) /* it sends faster than the backend reads */
		worker->ops->receive_stop(worker->loop, &conn->channel);
	else if (!conn->client_closed && !exchange_splices_request(conn->request))
		worker->ops->receive(worker->loop, &conn->channel);
}

/* Continues an exchange. Returns false if it has nothing to send now. */
static bool exchange_step(struct conn *conn)
{
	if (conn->in.len > 0 && exchange_takes(conn->request))
		consume_kept(conn);
	if (conn->state != CONN_EXCHANGE)
		return true;
	exchange_splice_request(conn->request);
	switch (exchange_next(conn->request)) {
	case EXCHANGE_QUEUED:
		return true;
	case EXCHANGE_WAITS:
		exchange_wait_client(conn);
		return false;
	case EXCHANGE_OVER:
		next_request(conn);
		return true;
	case EXCHANGE_INSIDE:
		dispatch(conn->request);
		conn->state = CONN_HELD;
		return true;
	case EXCHANGE_FAILED:
		conn->state = CONN_HELD;
		return true;
	}
	return false;
}

/* Chooses the next event to wait for, after all complete requests have their response. */
static void conn_wait(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->close_after_response) {
		worker->ops->receive_stop(worker->loop, &conn->channel);
		finish(conn);
	} else if (conn->state == CONN_LOADING) {
		timer_stop(&conn->timer);
		conn_phase(conn, TUX_PHASE_WAITING);
	} else if (conn->client_closed) {
		end(conn);
	} else if (may_return(conn)) {
		give_back(conn);
	} else {
		if (conn->state == CONN_HEAD && conn->seen == 0)
			wait_as(conn, TIMER_IDLE);
		else if (conn->timer.next == NULL)
			wait_as(conn, conn->state == CONN_BODY ? TIMER_BODY : TIMER_HEAD);
		worker->ops->receive(worker->loop, &conn->channel);
	}
}

/* Responds and sends until the connection has to wait. */
static void conn_step(struct conn *conn)
{
	while (conn->state != CONN_CLOSED && !conn->sending) {
		if (output_queued(conn)) {
			if (conn->close_after_response && conn->state != CONN_EXCHANGE) /* or the close would have to cancel the receive */
				conn->worker->ops->receive_stop(conn->worker->loop, &conn->channel);
			flush(conn);
			if (!conn->sending && conn->state != CONN_CLOSED)
				sent(conn);
		} else if (conn->state == CONN_EXCHANGE) {
			if (!exchange_step(conn))
				return;
		} else if ((conn->state == CONN_HELD || (conn->in.len > 0 && takes_more(conn))) && !log_wait_permits(conn->worker)) {
			log_wait_join(conn);
			return;
		} else if (conn->state == CONN_HELD) {
			answer_held(conn);
			if (conn->state == CONN_HELD && !output_queued(conn))
				end(conn); /* out of memory for a single response */
		} else {
			uint32_t before = conn->in.len;

			if (conn->client_closed && conn->state == CONN_HEAD)
				conn->seen = 0; /* the client has closed: parse the incomplete head for its error */
			if (before > 0 && takes_more(conn))
				consume_kept(conn);
			if (conn->state != CONN_CLOSED && !output_queued(conn) && conn->in.len == before) {
				conn_wait(conn);
				return;
			}
		}
	}
}

/* Continues after an event of the backend. */
static void backend_ready(struct request *req)
{
	struct conn *conn = req->conn;

	if (!conn->sending) {
		conn_step(conn);
		return;
	}
	if (conn->in.len > 0 && exchange_takes(conn->request))
		consume_kept(conn);
	if (conn->state == CONN_EXCHANGE)
		exchange_splice_request(conn->request);
}

static struct conn *conn_of(struct channel *channel)
{
	return (struct conn *)channel;
}

static void on_received(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct conn *conn = conn_of(channel);
	struct worker *worker = conn->worker;
	uint32_t used = 0;

	if (conn->state == CONN_LINGERING)
		return;
	if (conn->in.len == 0 && (!busy(conn) || conn->state == CONN_EXCHANGE) && conn->state != CONN_HAND_BACK)
		used = consume(conn, data, len);
	if (conn->state == CONN_CLOSED)
		return;
	if (used < len && !buffer_keep(&conn->in, data + used, len - used)) {
		end(conn);
		return;
	}
	if (conn->state == CONN_HAND_BACK)
		return;
	/* CONN_HELD with an empty queue: the backend could not be started, and the error response is due. */
	if (!busy(conn) || (!conn->sending && !conn->log_waits && (conn->state == CONN_HELD || output_queued(conn))))
		conn_step(conn);
	else if (conn->in.len >= TUX_MAX_HEAD) /* it sends faster than it receives */
		worker->ops->receive_stop(worker->loop, channel);
}

static void on_ended(struct channel *channel, int error)
{
	struct conn *conn = conn_of(channel);

	conn->client_closed = true;
	if (conn->state == CONN_HAND_BACK && error == 0)
		return;
	if (conn->state == CONN_EXCHANGE && error == 0)
		backend_ready(conn->request);
	else if (error == 0 && conn->state == CONN_HEAD && conn->in.len > 0 && !busy(conn))
		conn_step(conn);
	else if (error != 0 || conn->state == CONN_LINGERING || !busy(conn))
		end(conn);
}

static void on_readable(struct channel *channel)
{
	struct conn *conn = conn_of(channel);

	if (conn->state != CONN_EXCHANGE)
		return;
	exchange_readable(conn->request);
	if (!conn->sending) /* it has sent bytes: the wait for more begins now */
		timer_stop(&conn->timer);
	backend_ready(conn->request);
}

static void after_send(struct conn *conn, enum output_result result)
{
	switch (result) {
	case OUTPUT_PENDING:
		wait_as(conn, TIMER_SEND);
		break;
	case OUTPUT_DONE:
		conn->sending = false;
		timer_stop(&conn->timer);
		sent(conn);
		conn_step(conn);
		break;
	case OUTPUT_FAILED:
		end(conn);
		break;
	}
}

static void on_sent(struct channel *channel, int64_t result)
{
	after_send(conn_of(channel), output_advance(conn_of(channel), result));
}

static void on_writable(struct channel *channel)
{
	after_send(conn_of(channel), output_start(conn_of(channel)));
}

void conn_free(struct conn *conn)
{
	struct worker *worker = conn->worker;
	const bool conn_parked = conn->parked;
	const uint8_t conn_phase_at_end = conn->phase;

	output_release(conn);
	buffer_forget(&conn->in);
	if (conn->request != NULL) {
		lookup_leave(&conn->request->load);
		exchange_free(conn->request);
		forget_request(conn);
	}
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		worker->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	free(conn);
	worker->left = true;
	worker->open--;
	if (conn_parked)
		worker->parked--;
	else
		slot_put(worker);
	count(&worker->counters.open, UINT64_MAX);
	count(&worker->counters.phase[conn_phase_at_end], UINT64_MAX);
}

static void on_closed(struct channel *channel)
{
	conn_free(conn_of(channel));
}

/* Gives the connection and its descriptor to another engine. Returns false if no engine accepts it. */
static bool pass_on(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (!worker->draining)
		return conn->from_kernel && kernel_link_give(worker->kernel, &conn->channel.fd, conn->listener);
	if (!passing_permits(worker, conn->listener) || !passing_send(worker, conn->channel.fd, conn->listener))
		return false;
	close(conn->channel.fd);
	return true;
}

/* Gives a connection that the loop has released to another engine, unless input arrived meanwhile. */
static void on_released(struct channel *channel)
{
	struct conn *conn = conn_of(channel);
	struct worker *worker = conn->worker;

	conn->state = CONN_HEAD;
	if (conn->in.len == 0 && !conn->client_closed && pass_on(conn)) {
		conn_free(conn);
		return;
	}
	conn->from_kernel = false; /* the kernel engine drains, or is out of memory */
	if (worker->ops->add(worker->loop, channel))
		conn_step(conn);
	else
		end(conn);
}

void conn_start(struct conn *conn)
{
	wait_as(conn, TIMER_IDLE);
	conn->worker->ops->receive(conn->worker->loop, &conn->channel);
}

struct conn *conn_open(struct worker *worker, int fd, unsigned listener)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct address peer;

	if (conn == NULL) {
		close(fd);
		return NULL;
	}
	conn->channel.fd = fd;
	conn->channel.events = &channel_events;
	conn->worker = worker;
	conn->listener = (uint8_t)listener;
	conn->source.fd = -1;
	if (!worker->ops->add(worker->loop, &conn->channel)) {
		close(fd);
		free(conn);
		return NULL;
	}
	conn->next = worker->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	worker->conns = conn;
	worker->open++;
	count(&worker->counters.open, 1);
	count(&worker->counters.phase[TUX_PHASE_IDLE], 1);
	if (worker->config->addresses) {
		peer = address_of_peer(fd);
		memcpy(conn->address, peer.octets, sizeof(conn->address));
		conn->port = peer.port;
	}
	return conn;
}

void conn_refuse(struct conn *conn, enum tux_refusal refusal)
{
	refuse_connection(conn, refusal);
	conn_step(conn);
}

/* Closes an idle connection. While the server stops, a request that is just arriving is still answered. */
static void idle_expired(struct conn *conn)
{
	int unread = 0;

	if (!conn->worker->leaving) {
		end(conn);
		return;
	}
	ioctl(conn->channel.fd, FIONREAD, &unread);
	if (unread > 0)
		wait_as(conn, TIMER_IDLE);
	else
		linger(conn);
}

void conn_timeout(struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_HEAD:
	case CONN_BODY:
		if (conn->sending)
			break;
		if (conn->state == CONN_HEAD && conn->in.len == 0) {
			idle_expired(conn);
			return;
		}
		if (conn->state == CONN_HEAD)
			refuse_connection(conn, TUX_REFUSED_TIMEOUT);
		else
			refuse(conn, TUX_REFUSED_TIMEOUT);
		conn_step(conn);
		return;
	case CONN_EXCHANGE:
		if (conn->sending)
			break;
		if (exchange_answered(conn->request)) {
			end(conn);
			return;
		}
		exchange_abandon(conn->request);
		refuse(conn, TUX_REFUSED_TIMEOUT);
		conn_step(conn);
		return;
	case CONN_LOADING:
	case CONN_HELD:
		if (!conn->sending) /* the client is not late */
			return;
		break;
	case CONN_HAND_BACK:
		return;
	case CONN_LINGERING:
	case CONN_CLOSED:
		end(conn);
		return;
	}
	if (output_progressed(conn))
		wait_as(conn, TIMER_SEND);
	else
		end(conn);
}

void conn_loaded(struct worker *worker, struct pending_load *miss)
{
	struct load_waiter *waiter = lookup_finish(&worker->files, miss);

	while (waiter != NULL) {
		struct load_waiter *next = waiter->next;
		struct conn *conn = request_of_waiter(waiter)->conn;

		conn->state = CONN_HELD;
		conn_step(conn);
		waiter = next;
	}
}

void conns_log_resume(struct worker *worker)
{
	while (worker->log_first != NULL && log_wait_permits(worker)) {
		struct conn *conn = worker->log_first;

		log_wait_leave(conn);
		conn_step(conn);
	}
}

void conns_hurry_idle(struct worker *worker, uint32_t limit_ms)
{
	uint32_t *const idle_ms = &worker->timers.duration_ms[TIMER_IDLE];

	if (*idle_ms > limit_ms)
		*idle_ms = limit_ms;
	/* Timers of one kind have one duration, so each one restarts. */
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		if (conn->phase == TUX_PHASE_IDLE && conn->timer.next != NULL)
			timer_start(&worker->timers, &conn->timer, TIMER_IDLE, worker->now_ms);
}

void conn_pass(struct conn *conn)
{
	if (conn->worker->draining && !busy(conn) && may_return(conn) && !output_queued(conn))
		give_back(conn);
}

void conns_pass_idle(struct worker *worker)
{
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		conn_pass(conn);
}

static const struct channel_events channel_events = {
	.received = on_received,
	.ended = on_ended,
	.sent = on_sent,
	.readable = on_readable,
	.writable = on_writable,
	.closed = on_closed,
	.released = on_released,
};
