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
#include "../backend/internal_redirect.h"
#include "../files/lookup.h"
#include "passing.h"
#include "../handlers/dispatch.h"
#include "../handlers/error_page.h"
#include "../output.h"
#include "../slot.h"

enum {
	ANSWER_ROOM = 4096, /* in out, before another request is looked at */
};

static const struct channel_events channel_events;

static void go_on(struct conn *conn);

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

	if (conn->state == CONN_CLOSED)
		return;
	exchange_abandon(conn);
	if (conn->record != NULL || conn->answer.count > 0)
		access_record_end(conn, send_left(conn));
	conn->state = CONN_CLOSED;
	timer_stop(&conn->timer);
	lookup_leave(conn);
	backlog_leave(conn);
	worker->ops->close(worker->loop, &conn->channel);
}

/* What is still to come is read and dropped, so that no reset overtakes the last answer (RFC 9112 9.6). */
static void linger(struct conn *conn)
{
	struct worker *worker = conn->worker;

	shutdown(conn->channel.fd, SHUT_WR);
	conn->state = CONN_LINGERING;
	bytes_forget(&conn->in);
	wait_as(conn, TIMER_LINGER);
	worker->ops->receive(worker->loop, &conn->channel);
}

static void finish(struct conn *conn)
{
	if (!conn->ended && (conn->linger || conn->in.len > 0 || conn->worker->leaving))
		linger(conn);
	else
		end(conn);
}

/* What was queued is with the kernel. Of an exchange there may be more. */
static void sent(struct conn *conn)
{
	if (conn->state != CONN_EXCHANGE || !exchange_answered(conn))
		access_record_end(conn, 0);
}

/* Begins to send what is queued. */
static void flush(struct conn *conn)
{
	conn->sending = true;
	switch (send_start(conn)) {
	case SEND_PENDING:
		wait_as(conn, TIMER_SEND);
		break;
	case SEND_DONE:
		conn->sending = false;
		break;
	case SEND_FAILED:
		end(conn);
		break;
	}
}

/* A request is answered and gone. */
static void next_request(struct conn *conn)
{
	bytes_forget(&conn->held);
	for (int i = 0; i < MAX_LOADED && conn->loaded[i] != NULL; i++) {
		object_put(conn->loaded[i]);
		conn->loaded[i] = NULL;
	}
	page_put(conn->listing);
	conn->listing = NULL;
	conn->listing_failed = false;
	conn->waits = 0;
	conn->seen = 0;
	conn->refused = TUX_ACCEPTED;
	conn->failed = 0;
	conn->cause = because(WHY_UNKNOWN, 0);
	conn->id = 0;
	conn->body.total = 0;
	if (conn->backend != NULL)
		backend_forget(conn);
	inside_end(conn);
	conn->state = CONN_HEAD;
}

static void resume(struct conn *conn);

static bool has_body(const struct tux_request *req)
{
	return req->framing == TUX_FRAMING_CHUNKED || req->content_length > 0;
}

/* A peer answers the request in worker->request, whose head is held. */
static void begin_exchange(struct conn *conn)
{
	const struct tux_request *req = &conn->worker->request;

	conn->state = CONN_EXCHANGE;
	conn->failed = exchange_start(conn, conn->worker->route, resume);
	if (conn->failed == 0)
		return;
	conn->state = CONN_HELD;
	if (has_body(req)) /* whose end is not looked for */
		conn->last = conn->linger = true;
}

/* Answers the request whose head is the len bytes at buf; they are kept, unless held, when the answer has to wait. */
static void answer(struct conn *conn, const uint8_t *buf, uint32_t len, bool held)
{
	bool last = conn->last;

	switch (conn->refused == TUX_ACCEPTED ? dispatch_request(conn, buf) : error_page_refusal(conn, buf)) {
	case RESPONSE_QUEUED:
		if (conn->linger) /* what comes next is no request, whatever the answer was */
			conn->last = true;
		next_request(conn);
		return;
	case RESPONSE_NO_ROOM:
		conn->last = last;
		conn->state = CONN_HELD;
		break;
	case RESPONSE_WAIT:
		conn->last = last;
		conn->state = CONN_LOADING;
		if (!conn->sending) { /* the client waits, too: its idle time is over */
			timer_stop(&conn->timer);
			conn_phase(conn, TUX_PHASE_WAITING);
		}
		break;
	case RESPONSE_BY_BACKEND:
		conn->state = CONN_EXCHANGE;
		if (has_body(&conn->worker->request)) { /* which it takes */
			conn->last = last;
			conn->linger = false;
			if (conn->worker->request.expect_continue)
				response_continue(conn);
		}
		break;
	}
	if (!held && len > 0 && !bytes_keep(&conn->held, buf, len))
		end(conn);
	else if (conn->state == CONN_EXCHANGE)
		begin_exchange(conn);
}

/* The same for what is no request, as far as it came, or for one that is not to be answered. */
static void refuse(struct conn *conn, const uint8_t *buf, uint32_t len, bool held, enum tux_refusal refusal)
{
	conn->refused = (uint8_t)refusal;
	answer(conn, buf, len, held);
}

/* Answers the request that was held, its scratch parsed anew. */
static void answer_held(struct conn *conn)
{
	if (conn->held.len > 0)
		tux_request_parse(conn->held.data, conn->held.len, 0, &conn->worker->request);
	conn->followed = conn->in.len > 0;
	answer(conn, conn->held.data, conn->held.len, true);
}

/* A request with a body: its head is held until the body has been read past. */
static void begin_body(struct conn *conn, const uint8_t *buf)
{
	struct worker *worker = conn->worker;
	struct tux_request *req = &worker->request;

	dispatch_measure(conn, buf);
	if (req->framing == TUX_FRAMING_LENGTH && req->content_length > conn->max_body_bytes) {
		refuse(conn, buf, req->head_len, false, TUX_REFUSED_BODY_LONG);
		return;
	}
	if (dispatch_is_for_backend(conn, buf)) {
		if (req->expect_continue)
			response_continue(conn);
		if (bytes_keep(&conn->held, buf, req->head_len))
			begin_exchange(conn);
		else
			end(conn);
		return;
	}
	if ((req->expect_continue && req->method != TUX_GET && req->method != TUX_HEAD) || dispatch_is_for_file(conn, buf)) {
		/* Unless a peer takes it no body is wanted, and whether the client sends it all the same cannot be known. */
		conn->linger = true;
		answer(conn, buf, req->head_len, false);
		return;
	}
	tux_body_start(&conn->body, (enum tux_framing)req->framing, req->content_length);
	if (!bytes_keep(&conn->held, buf, req->head_len)) {
		end(conn);
		return;
	}
	if (req->expect_continue)
		response_continue(conn);
	conn->state = CONN_BODY;
	wait_as(conn, TIMER_BODY);
}

/* Reads a head; returns the bytes used, 0 when there is no whole one. */
static uint32_t take_head(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct worker *worker = conn->worker;
	struct tux_request *req = &worker->request;
	uint32_t head_len;

	switch (tux_request_parse(buf, len, conn->seen, req)) {
	case TUX_MORE:
		if (conn->seen == 0)
			wait_as(conn, TIMER_HEAD);
		conn->seen = len;
		return 0;
	case TUX_REFUSED:
		conn->began_us = worker->now_us;
		dispatch_choose_site(conn, NULL);
		refuse(conn, buf, len, false, (enum tux_refusal)req->refusal);
		return len;
	case TUX_PARSED:
		break;
	}
	conn->began_us = worker->now_us;
	dispatch_choose_site(conn, buf);
	conn->seen = 0;
	head_len = req->head_len;
	conn->followed = head_len < len;
	if (has_body(req))
		begin_body(conn, buf);
	else
		answer(conn, buf, head_len, false);
	return head_len;
}

static uint32_t take_body(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	uint32_t used = 0;
	enum tux_verdict verdict;

	do {
		struct tux_span content;
		uint32_t consumed;

		verdict = tux_body_read(&conn->body, buf + used, len - used, &consumed, &content);
		used += consumed;
	} while (verdict == TUX_MORE && used < len && conn->body.total <= conn->max_body_bytes);
	if (verdict == TUX_MORE && conn->body.total <= conn->max_body_bytes) {
		wait_as(conn, TIMER_BODY);
		return used;
	}
	tux_request_parse(conn->held.data, conn->held.len, 0, &conn->worker->request);
	conn->followed = used < len;
	if (verdict == TUX_PARSED && conn->body.total <= conn->max_body_bytes)
		answer(conn, conn->held.data, conn->held.len, true);
	else
		refuse(conn, conn->held.data, conn->held.len, true,
		       verdict == TUX_REFUSED ? (enum tux_refusal)conn->body.refusal : TUX_REFUSED_BODY_LONG);
	return used;
}

/* The same for a peer. */
static uint32_t take_peer_body(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	const bool answered = exchange_answered(conn);
	enum tux_refusal refusal;
	uint32_t used = exchange_body(conn, buf, len, &refusal);

	if (refusal == TUX_ACCEPTED) {
		if (exchange_awaits_body(conn))
			wait_as(conn, TIMER_BODY);
		return used;
	}
	exchange_abandon(conn);
	if (answered) {
		end(conn);
	} else {
		tux_request_parse(conn->held.data, conn->held.len, 0, &conn->worker->request);
		refuse(conn, conn->held.data, conn->held.len, true, refusal);
	}
	return used;
}

/* Whether another request may be looked at: order is kept, and there is room for its answer. Or more of this one's body. */
static bool takes_more(const struct conn *conn)
{
	if (conn->state == CONN_EXCHANGE)
		return exchange_takes(conn);
	return (conn->state == CONN_HEAD || conn->state == CONN_BODY) && !conn->last && !conn->sending &&
	       conn->answer.count == 0 && (conn->out == NULL || OUT_BYTES - conn->out->len >= ANSWER_ROOM);
}

/* Answers what is whole in buf; returns the bytes used. */
static uint32_t consume(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	uint32_t off = 0;

	while (off < len && takes_more(conn) && (conn->state == CONN_EXCHANGE || backlog_permits(conn->worker))) {
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

	bytes_drop(&conn->in, used);
}

/* True if nothing is left here that another engine would have to know, and one takes it: the kernel's, or the one that took over. */
static bool may_return(const struct conn *conn)
{
	return conn->state == CONN_HEAD && conn->in.len == 0 && conn->seen == 0 && !conn->ended && !conn->parked && !conn->last &&
	       (conn->worker->draining ? passing_permits(conn->worker, conn->listener) : conn->from_kernel && !conn->worker->leaving);
}

static void give_back(struct conn *conn)
{
	timer_stop(&conn->timer);
	conn->returning = true;
	conn->worker->ops->release(conn->worker->loop, &conn->channel);
}

/* A peer answers, and the client has all that has come of it. */
static void settle_exchange(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->ended && conn->in.len == 0) {
		exchange_client_ended(conn);
		end(conn);
		return;
	}
	if (exchange_is_tunnel(conn)) {
		wait_as(conn, TIMER_TUNNEL); /* each turn follows bytes */
	} else if (!exchange_awaits_body(conn) || !exchange_takes(conn)) {
		timer_stop(&conn->timer);
		conn_phase(conn, TUX_PHASE_WAITING);
	} else if (conn->timer.next == NULL || conn->resumed) {
		wait_as(conn, TIMER_BODY);
	}
	conn->resumed = false;
	if (conn->in.len >= TUX_MAX_HEAD) /* it sends faster than the peer reads */
		worker->ops->receive_stop(worker->loop, &conn->channel);
	else if (!conn->ended && !exchange_draws(conn))
		worker->ops->receive(worker->loop, &conn->channel);
}

/* Goes on with an exchange; false when nothing of it can be sent now. */
static bool go_on_exchange(struct conn *conn)
{
	if (conn->in.len > 0 && exchange_takes(conn))
		consume_kept(conn);
	if (conn->state != CONN_EXCHANGE)
		return true;
	exchange_draw(conn);
	switch (exchange_next(conn)) {
	case EXCHANGE_QUEUED:
		return true;
	case EXCHANGE_WAITS:
		settle_exchange(conn);
		return false;
	case EXCHANGE_OVER:
		next_request(conn);
		return true;
	case EXCHANGE_INSIDE:
	case EXCHANGE_FAILED:
		conn->state = CONN_HELD;
		return true;
	}
	return false;
}

/* Nothing can be answered now: what to wait for? */
static void settle(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->last) {
		worker->ops->receive_stop(worker->loop, &conn->channel);
		finish(conn);
	} else if (conn->state == CONN_LOADING) {
		timer_stop(&conn->timer);
		conn_phase(conn, TUX_PHASE_WAITING);
	} else if (conn->ended) {
		end(conn);
	} else if (may_return(conn)) {
		give_back(conn);
	} else {
		if (conn->state == CONN_HEAD && conn->seen == 0)
			wait_as(conn, TIMER_IDLE);
		else if (conn->timer.next == NULL || conn->resumed)
			wait_as(conn, conn->state == CONN_BODY ? TIMER_BODY : TIMER_HEAD);
		conn->resumed = false;
		worker->ops->receive(worker->loop, &conn->channel);
	}
}

/* Answers and sends until something has to be waited for. */
static void go_on(struct conn *conn)
{
	while (conn->state != CONN_CLOSED && !conn->sending) {
		if (send_queued(conn)) {
			if (conn->last && conn->state != CONN_EXCHANGE) /* nothing more is wanted: spares the receive that a close would have to cancel */
				conn->worker->ops->receive_stop(conn->worker->loop, &conn->channel);
			flush(conn);
			if (!conn->sending && conn->state != CONN_CLOSED)
				sent(conn);
		} else if (conn->state == CONN_EXCHANGE) {
			if (!go_on_exchange(conn))
				return;
		} else if ((conn->state == CONN_HELD || (conn->in.len > 0 && takes_more(conn))) && !backlog_permits(conn->worker)) {
			backlog_join(conn);
			return;
		} else if (conn->state == CONN_HELD) {
			answer_held(conn);
			if (conn->state == CONN_HELD && !send_queued(conn))
				end(conn); /* no memory even for one answer */
		} else {
			uint32_t before = conn->in.len;

			if (conn->ended && conn->state == CONN_HEAD)
				conn->seen = 0; /* no more comes: it is parsed as a whole, for what is wrong with it */
			if (before > 0 && takes_more(conn))
				consume_kept(conn);
			if (conn->state != CONN_CLOSED && !send_queued(conn) && conn->in.len == before) {
				settle(conn);
				return;
			}
		}
	}
}

/* What the exchange's peer has done may change what is to be done here. */
static void resume(struct conn *conn)
{
	if (!conn->sending) {
		go_on(conn);
		return;
	}
	if (conn->in.len > 0 && exchange_takes(conn))
		consume_kept(conn);
	if (conn->state == CONN_EXCHANGE)
		exchange_draw(conn);
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
	if (conn->in.len == 0 && (!busy(conn) || conn->state == CONN_EXCHANGE) && !conn->returning)
		used = consume(conn, data, len);
	if (conn->state == CONN_CLOSED)
		return;
	if (used < len && !bytes_keep(&conn->in, data + used, len - used)) {
		end(conn);
		return;
	}
	if (conn->returning)
		return;
	/* Held with nothing queued: a peer could not be asked, and the answer is due. */
	if (!busy(conn) || (!conn->sending && !conn->log_waits && (conn->state == CONN_HELD || send_queued(conn))))
		go_on(conn);
	else if (conn->in.len >= TUX_MAX_HEAD) /* it sends faster than it reads */
		worker->ops->receive_stop(worker->loop, channel);
}

static void on_ended(struct channel *channel, int error)
{
	struct conn *conn = conn_of(channel);

	conn->ended = true;
	if (conn->returning && error == 0)
		return;
	if (conn->state == CONN_EXCHANGE && error == 0)
		resume(conn);
	else if (error == 0 && conn->state == CONN_HEAD && conn->in.len > 0 && !busy(conn))
		go_on(conn);
	else if (error != 0 || conn->state == CONN_LINGERING || !busy(conn))
		end(conn);
}

static void on_readable(struct channel *channel)
{
	struct conn *conn = conn_of(channel);

	if (conn->state != CONN_EXCHANGE)
		return;
	exchange_readable(conn);
	conn->resumed = true; /* it has sent something */
	resume(conn);
}

static void after_send(struct conn *conn, enum send_result result)
{
	switch (result) {
	case SEND_PENDING:
		wait_as(conn, TIMER_SEND);
		break;
	case SEND_DONE:
		conn->sending = false;
		conn->resumed = true;
		sent(conn);
		go_on(conn);
		break;
	case SEND_FAILED:
		end(conn);
		break;
	}
}

static void on_sent(struct channel *channel, int64_t result)
{
	after_send(conn_of(channel), send_advance(conn_of(channel), result));
}

static void on_writable(struct channel *channel)
{
	after_send(conn_of(channel), send_start(conn_of(channel)));
}

void connection_free(struct conn *conn)
{
	struct worker *worker = conn->worker;
	const bool conn_parked = conn->parked;
	const uint8_t conn_phase_at_end = conn->phase;

	send_release(conn);
	bytes_forget(&conn->in);
	next_request(conn);
	free(conn->record);
	exchange_free(conn);
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
	connection_free(conn_of(channel));
}

/* Gives a connection away, its descriptor included. False if no engine takes it. */
static bool pass_on(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (!worker->draining)
		return conn->from_kernel && kernel_give(worker->kernel, &conn->channel.fd, conn->listener);
	if (!passing_permits(worker, conn->listener) || !passing_send(worker, conn->channel.fd, conn->listener))
		return false;
	close(conn->channel.fd);
	return true;
}

/* The loop has let go of a connection: another engine takes it, unless something came meanwhile. */
static void on_released(struct channel *channel)
{
	struct conn *conn = conn_of(channel);
	struct worker *worker = conn->worker;

	conn->returning = false;
	if (conn->in.len == 0 && !conn->ended && pass_on(conn)) {
		connection_free(conn);
		return;
	}
	conn->from_kernel = false; /* as it drains, or is out of memory */
	if (worker->ops->add(worker->loop, channel))
		go_on(conn);
	else
		end(conn);
}

void connection_start(struct conn *conn)
{
	wait_as(conn, TIMER_IDLE);
	conn->worker->ops->receive(conn->worker->loop, &conn->channel);
}

struct conn *connection_open(struct worker *worker, int fd, unsigned listener)
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
	dispatch_choose_site(conn, NULL);
	conn->answer.fd = -1;
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

void connection_refuse(struct conn *conn, enum tux_refusal refusal)
{
	refuse(conn, NULL, 0, false, refusal);
	go_on(conn);
}

/* Closes an idle connection. A server that stops has no next connection for a request that is just coming in. */
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

void connection_timeout(struct conn *conn)
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
		if (conn->state == CONN_HEAD) {
			dispatch_choose_site(conn, NULL);
			refuse(conn, NULL, 0, false, TUX_REFUSED_TIMEOUT);
		} else {
			tux_request_parse(conn->held.data, conn->held.len, 0, &conn->worker->request);
			refuse(conn, conn->held.data, conn->held.len, true, TUX_REFUSED_TIMEOUT);
		}
		go_on(conn);
		return;
	case CONN_EXCHANGE:
		if (conn->sending)
			break;
		if (exchange_answered(conn)) {
			end(conn);
			return;
		}
		exchange_abandon(conn);
		tux_request_parse(conn->held.data, conn->held.len, 0, &conn->worker->request);
		refuse(conn, conn->held.data, conn->held.len, true, TUX_REFUSED_TIMEOUT);
		go_on(conn);
		return;
	case CONN_LOADING:
	case CONN_HELD:
		if (!conn->sending) /* nothing is due from the client */
			return;
		break;
	case CONN_LINGERING:
	case CONN_CLOSED:
		end(conn);
		return;
	}
	if (send_progressed(conn))
		wait_as(conn, TIMER_SEND);
	else
		end(conn);
}

void connection_loaded(struct worker *worker, struct miss *miss)
{
	struct conn *conn = lookup_finish(worker, miss);

	while (conn != NULL) {
		struct conn *next = conn->next_waiting;

		conn->state = CONN_HELD;
		go_on(conn);
		conn = next;
	}
}

void connections_log_resume(struct worker *worker)
{
	while (worker->log_first != NULL && backlog_permits(worker)) {
		struct conn *conn = worker->log_first;

		backlog_leave(conn);
		go_on(conn);
	}
}

void connections_hurry_idle(struct worker *worker, uint32_t limit_ms)
{
	uint32_t *const idle_ms = &worker->timers.duration_ms[TIMER_IDLE];

	if (*idle_ms > limit_ms)
		*idle_ms = limit_ms;
	/* All of a kind wait equally long, so each starts anew. */
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		if (conn->phase == TUX_PHASE_IDLE && conn->timer.next != NULL)
			timer_start(&worker->timers, &conn->timer, TIMER_IDLE, worker->now_ms);
}

void connection_pass(struct conn *conn)
{
	if (conn->worker->draining && !busy(conn) && !conn->returning && may_return(conn) && !send_queued(conn))
		give_back(conn);
}

void connections_pass_idle(struct worker *worker)
{
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		connection_pass(conn);
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
