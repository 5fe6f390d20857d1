/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../handlers/dispatch.h"
#include "../io/address.h"
#include "../io/transport.h"
#include "../log/access_record.h"
#include "../log/error_line.h"
#include "../log/log_queue.h"
#include "conn_return.h"
#include "conn_state.h"
#include "conn_wait.h"
#include "h1.h"

static const struct channel_events channel_events;
static const struct tls_events tls_events;
static const struct sink h1_sink;

static void conn_step(struct conn *conn);

void conns_init(struct conns *conns, struct thread *thread, struct slots slots, struct passing *passing, struct handshakes *table)
{
	*conns = (struct conns){ .thread = thread, .slots = slots, .passing = passing, .table = table };
}

/* True while the loop sends, or while a request waits for a file, the output or the log. */
static bool busy(const struct conn *conn)
{
	const enum request_state state = conn_request_state(conn);

	return conn->state == CONN_WRITE || conn->state == CONN_LOG_WAIT || state == REQUEST_LOADING || state == REQUEST_HELD;
}

/* Finishes the responses, which were sent except for left bytes of the last one. Counts their durations and writes the last record. */
static void end_responses(struct conn *conn, uint64_t left)
{
	struct tux_counters *counters = &conn->thread->counters;

	if (left > 0)
		count(&counters->errors, 1);
	if (conn->unsent > 0) /* pipelined responses are sent together, so they also started together */
		histogram_add(&counters->latency, access_record_duration(conn->unsent_us), conn->unsent);
	conn->unsent = 0;
	if (conn->request != NULL)
		access_record_end(conn->request, left);
}

/* Counts and records the responses that the end of the connection cuts short. */
static void cut_responses(struct conn *conn)
{
	if ((conn->request != NULL && conn->request->record != NULL) || conn->output.source.count > 0)
		end_responses(conn, output_left(&conn->output));
}

/* Closes the connection. */
static void end(struct conn *conn)
{
	struct request *req = conn->request;

	if (conn->state == CONN_CLOSED)
		return;
	if (req != NULL && req->events != NULL)
		req->events->abandon(req);
	cut_responses(conn);
	handshake_failed(conn);
	conn_set_state(conn, CONN_CLOSED);
	timer_stop(&conn->timer);
	if (req != NULL)
		lookup_leave(&req->load);
	output_leave(&conn->output);
	log_wait_leave(&conn->thread->log->waiters, &conn->log_waiter);
	conn->thread->ops->close(conn->thread->loop, &conn->channel);
}

static void receive(struct conn *conn)
{
	conn->thread->ops->receive(conn->thread->loop, &conn->channel);
}

static void receive_stop(struct conn *conn)
{
	conn->thread->ops->receive_stop(conn->thread->loop, &conn->channel);
}

/* Discards input until the client closes. Closing earlier would send RST, and the client could lose the response (RFC 9112 9.6). */
static void linger(struct conn *conn)
{
	transport_end_output(&conn->channel, !conn->truncated);
	if (conn->state != CONN_LINGER)
		conn_set_state(conn, CONN_LINGER);
	buffer_forget(&conn->in);
	conn_wait_for(conn, WAIT_LINGER);
	if (!conn->client_closed)
		receive(conn);
}

/* Closes the connection, on which nothing is being sent. Over TLS the client learns whether the last response is complete, after all its bytes. */
static void leave(struct conn *conn)
{
	if (conn->truncated || transport_say_end(&conn->channel))
		end(conn);
	else
		linger(conn);
}

/* Closes the connection after its last response. */
static void finish(struct conn *conn)
{
	receive_stop(conn);
	if (!conn->client_closed && (conn->linger || conn->in.len > 0 || conn->thread->leaving))
		linger(conn);
	else
		leave(conn);
}

/* Handles the end of the output: the kernel has all of it. A handler that takes time may have more to send. */
static void sent(struct conn *conn)
{
	conn_set_state(conn, CONN_READ);
	if (conn_request_state(conn) == REQUEST_HANDLER && conn->request->events->answered(conn->request))
		return;
	end_responses(conn, 0);
	if (conn->request != NULL && conn->request->state == REQUEST_RESPONDED)
		h1_forget_request(conn);
}

/* Starts to send the queued bytes. */
static void flush(struct conn *conn)
{
	if (conn->recalled || (conn->close_after_response && conn_request_state(conn) != REQUEST_HANDLER))
		receive_stop(conn); /* or the next request would be read here; or the close would have to cancel the receive */
	conn_set_state(conn, CONN_WRITE);
	switch (output_start(&conn->output)) {
	case OUTPUT_PENDING:
		conn_wait_for(conn, WAIT_SEND);
		break;
	case OUTPUT_READING:
		conn_wait_for(conn, WAIT_READ);
		break;
	case OUTPUT_DONE:
		sent(conn);
		break;
	case OUTPUT_FAILED:
		end(conn);
		break;
	}
}

/* Splices the request's body to its handler. All input received before was consumed. */
static void splice_request(struct conn *conn)
{
	if (conn->in.len == 0 && !conn->request->events->splice(conn->request))
		conn->client_closed = true;
}

/* True if input that waits belongs to the request, or to its tunnel. Otherwise it is the next request, which does not keep this one. */
static bool takes_rest(const struct request *req)
{
	return req->events->is_tunnel(req) || !req->events->body_ended(req);
}

/* Waits for bytes of a tunnel, in either direction. */
static void wait_for_tunnel(struct conn *conn)
{
	if (conn->request->events->moved(conn->request))
		conn_wait_for(conn, WAIT_TUNNEL);
	else
		conn_wait_on(conn, WAIT_TUNNEL);
}

/* Waits while a handler that takes time responds: everything that it gave has been sent. */
static void wait_for_handler(struct conn *conn)
{
	struct request *req = conn->request;

	if (conn->client_closed && (conn->in.len > 0 ? !takes_rest(req) : !req->events->client_ended(req))) {
		if (!req->events->answered(req))
			h1_count_unsent(req);
		req->events->client_closed(req);
		end(conn);
		return;
	}
	if (req->events->is_tunnel(req))
		wait_for_tunnel(conn);
	else if (!req->events->awaits_body(req) || !req->events->takes(req))
		conn_wait_for(conn, WAIT_SERVER);
	else
		conn_wait_on(conn, WAIT_BODY);
	if (conn->in.len >= TUX_MAX_HEAD) /* it sends faster than the handler reads */
		receive_stop(conn);
	else if (!conn->client_closed && !req->events->splices(req))
		receive(conn);
}

/* Continues a handler that takes time. Returns false if it waits. */
static bool step_handler(struct conn *conn)
{
	struct request *req = conn->request;

	if (conn->in.len > 0 && req->events->takes(req)) {
		h1_consume_kept(conn);
		if (conn->state != CONN_READ || req->state != REQUEST_HANDLER)
			return true;
	}
	splice_request(conn);
	if (conn->client_closed && conn->in.len == 0)
		(void)req->events->client_ended(req);
	switch (req->events->next(req)) {
	case NEXT_QUEUED:
	case NEXT_AGAIN:
		return true;
	case NEXT_READY:
		h1_send_content(conn);
		req->events->writable(req);
		return true;
	case NEXT_WAITS:
		wait_for_handler(conn);
		return false;
	case NEXT_OVER:
		end_responses(conn, 0);
		h1_next_request(conn);
		return true;
	case NEXT_INSIDE:
		dispatch(req);
		request_set_state(req, REQUEST_HELD);
		return true;
	case NEXT_RESPOND:
		request_set_state(req, REQUEST_HELD);
		return true;
	}
	return false;
}

/* Waits for the next bytes of a request, after all complete requests have their response. */
static void wait_for_input(struct conn *conn)
{
	const enum request_state state = conn_request_state(conn);

	if (conn->close_after_response) {
		finish(conn);
	} else if (state == REQUEST_LOADING) {
		conn_wait_for(conn, WAIT_LOAD);
	} else if (conn->client_closed) {
		leave(conn);
	} else if (conn_may_return(conn)) {
		conn_give_back(conn);
	} else {
		if (state == REQUEST_RESPONDED && conn->seen == 0)
			conn_wait_for(conn, WAIT_IDLE);
		else
			conn_wait_on(conn, state == REQUEST_BODY ? WAIT_BODY : WAIT_HEAD);
		receive(conn);
	}
}

/* Reads kept input, and responds to its requests. Returns false if it waits. */
static bool step_input(struct conn *conn)
{
	const uint32_t before = conn->in.len;

	if (conn->client_closed && conn_request_state(conn) == REQUEST_RESPONDED)
		conn->seen = 0; /* the client has closed: parse the incomplete head for its error */
	if (before > 0 && h1_takes_more(conn))
		h1_consume_kept(conn);
	if (conn->state == CONN_BROKEN || output_queued(&conn->output) || conn->in.len != before)
		return true;
	wait_for_input(conn);
	return false;
}

/* Continues the request, or the next one. Returns false if it waits. */
static bool step_request(struct conn *conn)
{
	const enum request_state state = conn_request_state(conn);

	if (state == REQUEST_HANDLER)
		return step_handler(conn);
	if ((state == REQUEST_HELD || (conn->in.len > 0 && h1_takes_more(conn))) && !log_wait_permits(conn->thread)) {
		conn_wait_for(conn, WAIT_SERVER);
		conn_set_state(conn, CONN_LOG_WAIT);
		log_wait_join(&conn->thread->log->waiters, &conn->log_waiter);
		return false;
	}
	if (state != REQUEST_HELD)
		return step_input(conn);
	h1_respond(conn);
	if (conn_request_state(conn) == REQUEST_HELD && !output_queued(&conn->output))
		conn_set_state(conn, CONN_BROKEN); /* out of memory for a single response */
	return true;
}

/* Responds and sends until the connection has to wait. */
static void conn_step(struct conn *conn)
{
	for (;;) {
		switch ((enum conn_state)conn->state) {
		case CONN_READ:
			if (output_queued(&conn->output))
				flush(conn);
			else if (!step_request(conn))
				return;
			break;
		case CONN_BROKEN:
			end(conn);
			return;
		case CONN_PARKED:
		case CONN_WRITE:
		case CONN_LOG_WAIT:
		case CONN_LINGER:
		case CONN_HAND_BACK:
		case CONN_CLOSED:
			return;
		}
	}
}

/* Continues a handler that takes time while the loop sends: it may take more of the body, or of a tunnel, meanwhile. */
static void step_input_of_handler(struct conn *conn)
{
	struct request *req = conn->request;

	if (conn->in.len > 0 && req->events->takes(req))
		h1_consume_kept(conn);
	if (conn->state != CONN_WRITE || req->state != REQUEST_HANDLER)
		return;
	splice_request(conn);
	if (!req->events->is_tunnel(req))
		return;
	if (conn->client_closed && conn->in.len == 0)
		(void)req->events->client_ended(req);
	else if (!conn->client_closed && conn->in.len < TUX_MAX_HEAD && !req->events->splices(req))
		receive(conn);
	req->events->received(req);
}

/* Continues after an event of a handler that takes time. */
static void handler_ready(struct request *req)
{
	struct conn *conn = req->conn;

	if (conn->state == CONN_WRITE)
		step_input_of_handler(conn);
	conn_step(conn);
}

static struct conn *conn_of(struct channel *channel)
{
	return (struct conn *)channel;
}

static void on_received(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct conn *conn = conn_of(channel);
	uint32_t used = 0;

	if (conn->state == CONN_LINGER)
		return;
	if (conn->in.len == 0 && (conn->state == CONN_READ || conn->state == CONN_WRITE) && h1_takes_more(conn))
		used = h1_consume(conn, data, len);
	if (conn->state == CONN_CLOSED)
		return;
	if (conn->state == CONN_BROKEN || (used < len && !buffer_keep(&conn->in, data + used, len - used))) {
		end(conn);
		return;
	}
	if (conn->state == CONN_HAND_BACK)
		return;
	/* REQUEST_HELD with an empty queue: the handler could not be started, and the error response is due. */
	if (conn->state == CONN_READ && (conn_request_state(conn) != REQUEST_LOADING || output_queued(&conn->output)))
		conn_step(conn);
	else if (conn->in.len >= TUX_MAX_HEAD) /* it sends faster than it receives */
		receive_stop(conn);
	else if (used > 0 && conn->state == CONN_WRITE && conn_request_state(conn) == REQUEST_HANDLER && conn->request->events->is_tunnel(conn->request))
		conn->request->events->received(conn->request);
}

static void on_ended(struct channel *channel, int error)
{
	struct conn *conn = conn_of(channel);
	const enum request_state state = conn_request_state(conn);

	conn->client_closed = true;
	if (conn->state == CONN_HAND_BACK && error == 0)
		return;
	if (state == REQUEST_HANDLER && error == 0)
		handler_ready(conn->request);
	else if (error == 0 && state == REQUEST_RESPONDED && conn->in.len > 0 && !busy(conn))
		conn_step(conn);
	else if (error == EPROTO && state == REQUEST_RESPONDED && !busy(conn))
		leave(conn); /* TLS continues to send, but cannot receive any more */
	else if (error != 0)
		end(conn);
	else if (conn->state == CONN_LINGER || !busy(conn))
		leave(conn);
}

static void on_readable(struct channel *channel)
{
	struct conn *conn = conn_of(channel);

	if (conn_request_state(conn) != REQUEST_HANDLER)
		return;
	conn->request->events->readable(conn->request);
	if (conn->state != CONN_WRITE) /* it has sent bytes: the wait for more begins now */
		timer_stop(&conn->timer);
	handler_ready(conn->request);
}

static void after_send(struct conn *conn, enum output_result result)
{
	switch (result) {
	case OUTPUT_PENDING:
		conn_wait_for(conn, WAIT_SEND);
		break;
	case OUTPUT_READING:
		conn_wait_for(conn, WAIT_READ);
		break;
	case OUTPUT_DONE:
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
	after_send(conn_of(channel), output_advance(&conn_of(channel)->output, result));
}

static void on_writable(struct channel *channel)
{
	after_send(conn_of(channel), output_start(&conn_of(channel)->output));
}

/* Starts to read requests over TLS. */
static void on_established(struct channel *channel, const struct tls_facts *facts)
{
	struct conn *conn = conn_of(channel);

	handshake_done(conn);
	count(&conn->thread->counters.handshakes_resumed, facts->resumed);
	conn->client.secure = true;
	conn->client.resumed = facts->resumed;
	conn->client.tls_version = facts->version;
	conn->client.tls_cipher = facts->cipher;
	conn->client.tls_name = facts->name;
	conn->client.context = facts->context;
	conn->client.identity = facts->identity;
	conn->client.selected = facts->selected;
	conn_wait_for(conn, WAIT_IDLE);
}

/* Refuses a client that speaks HTTP without TLS at a port for TLS. Its bytes are discarded. */
static void on_plain(struct channel *channel)
{
	struct conn *conn = conn_of(channel);

	handshake_plain(conn);
	tls_free(channel);
	conn->linger = true;
	conn_refuse(conn, TUX_REFUSED_PLAIN);
}

/* Frees a connection after its channel was closed or released, or after its loop was freed. */
static void conn_free(struct conn *conn)
{
	struct conns *conns = conn->conns;
	struct tux_counters *counters = &conn->thread->counters;

	if (conn->channel.tls != NULL)
		tls_free(&conn->channel);
	output_release(&conn->output);
	buffer_forget(&conn->in);
	free(conn->chosen);
	if (conn->request != NULL) {
		lookup_leave(&conn->request->load);
		if (conn->request->events != NULL)
			conn->request->events->free(conn->request);
		h1_forget_request(conn);
	}
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		conns->first = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	conns->left = true;
	conns->open--;
	if (conn->counted)
		slot_put(&conns->slots);
	else
		conns->parked--;
	count(&counters->open, UINT64_MAX);
	count(&counters->phase[conn->phase], UINT64_MAX);
	free(conn);
}

static void on_closed(struct channel *channel)
{
	conn_free(conn_of(channel));
}

/* Takes a released connection into the loop again. */
static void stay(struct conn *conn)
{
	conn->recalled = false;
	conn->gives = 0;
	conn_set_state(conn, CONN_READ);
	if (conn->thread->ops->add(conn->thread->loop, &conn->channel))
		conn_step(conn);
	else
		end(conn);
}

/* Gives a released connection, of which nothing was read, to another engine, now or later. */
static void pass_on(struct conn *conn)
{
	switch (conn_pass_on(conn)) {
	case CONN_PASS_DONE:
		conn_free(conn);
		return;
	case CONN_PASS_LATER:
		return;
	case CONN_PASS_REFUSED:
		stay(conn);
	}
}

/* Gives a connection that the loop has released to another engine, unless input arrived meanwhile. */
static void on_released(struct channel *channel)
{
	struct conn *conn = conn_of(channel);

	if (conn->in.len == 0 && !conn->client_closed) {
		pass_on(conn);
		return;
	}
	conn->stays = true; /* a busy connection, for which each attempt costs more than it saves */
	stay(conn);
}

/* Closes a connection for a cause within its handshake. */
static void end_handshake(struct conn *conn, enum why why)
{
	conn->handshake = (uint8_t)why;
	end(conn);
}

/*
 * Starts the time limit of a handshake. So that clients that begin many do not take all connections, the oldest one of too many ends.
 * Returns false if the connection has ended because its client has too many.
 */
static bool start_handshake(struct conn *conn)
{
	struct conn *surplus;

	if (!handshake_begin(conn)) {
		end(conn);
		return false;
	}
	surplus = handshake_surplus(conn->conns);
	if (surplus != NULL)
		end_handshake(surplus, WHY_HANDSHAKE_ROOM);
	conn_wait_for(conn, WAIT_HANDSHAKE);
	return true;
}

void conn_start(struct conn *conn)
{
	conn_set_state(conn, CONN_READ);
	conn->counted = true;
	conn->conns->parked--;
	if (conn->channel.tls == NULL)
		conn_wait_for(conn, WAIT_IDLE);
	else if (!start_handshake(conn))
		return;
	if (conn->gives > 0 && conn_may_return(conn)) {
		conn_give_back(conn);
		return;
	}
	conn->gives = 0;
	receive(conn);
}

/* Gives the channel to the loop, with TLS if the listener has it. Returns false if out of memory. */
static bool add_channel(struct conn *conn, unsigned listener)
{
	struct thread *thread = conn->thread;

	if (thread->config->listeners[listener].tls && !tls_open(&conn->channel, thread, listener, &tls_events))
		return false;
	if (thread->ops->add(thread->loop, &conn->channel))
		return true;
	if (conn->channel.tls != NULL)
		tls_free(&conn->channel);
	return false;
}

struct conn *conn_open(struct conns *conns, int fd, unsigned listener)
{
	struct thread *thread = conns->thread;
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL) {
		close(fd);
		return NULL;
	}
	conn->channel.fd = fd;
	conn->channel.events = &channel_events;
	conn->thread = thread;
	conn->conns = conns;
	conn->sink = &h1_sink;
	conn->client = (struct client){ .channel = &conn->channel, .listener = (uint8_t)listener };
	conn->output = (struct output){ .thread = thread, .channel = &conn->channel, .source = { .fd = -1 } };
	if (!add_channel(conn, listener)) {
		close(fd);
		free(conn);
		return NULL;
	}
	conn->next = conns->first;
	if (conn->next != NULL)
		conn->next->prev = conn;
	conns->first = conn;
	conns->open++;
	conns->parked++; /* until conn_start() */
	count(&thread->counters.open, 1);
	count(&thread->counters.phase[TUX_PHASE_IDLE], 1);
	if (thread->config->addresses || conn->channel.tls != NULL) {
		const struct address peer = address_of_peer(fd);

		memcpy(conn->client.address, peer.octets, sizeof(conn->client.address));
		conn->client.port = peer.port;
	}
	return conn;
}

void conns_free(struct conns *conns)
{
	struct conn *conn;

	while ((conn = conns->first) != NULL) {
		if (conn->state != CONN_CLOSED) {
			if (conn->request != NULL && conn->request->events != NULL)
				conn->request->events->stop(conn->request);
			cut_responses(conn);
			close(conn->channel.fd);
		}
		conn_free(conn);
	}
#ifdef TUX_CHECK_REQUESTS
	if (conns->open != 0 || conns->parked != 0)
		abort();
#endif
}

void conns_unpark(struct conns *conns)
{
	for (struct conn *conn = conns->first; conn != NULL && conns->parked > 0; conn = conn->next) {
		if (conn->state != CONN_PARKED)
			continue;
		if (!slot_take(&conns->slots, conns->thread->draining))
			return;
		conn_start(conn);
	}
}

void conn_refuse(struct conn *conn, enum tux_refusal refusal)
{
	h1_refuse(conn, refusal);
	conn_step(conn);
}

/* Closes an idle connection. While the server stops, a request that is just arriving is still answered. */
static void idle_expired(struct conn *conn)
{
	if (!conn->thread->leaving)
		leave(conn);
	else if (transport_has_input(&conn->channel))
		conn_wait_for(conn, WAIT_IDLE);
	else
		linger(conn);
}

/* Handles an expired wait for a load, which continues for later requests. */
static void load_expired(struct conn *conn)
{
	struct request *req = conn->request;

	lookup_give_up(&req->load);
	req->error_status = 503;
	req->cause = because(WHY_LOAD_TIME, 0);
	request_set_state(req, REQUEST_HELD);
	conn_step(conn);
}

/* Handles an expired wait for the client's bytes, for a load, or for a backend's tunnel. */
static void input_expired(struct conn *conn)
{
	switch (conn_request_state(conn)) {
	case REQUEST_RESPONDED:
		if (conn->in.len == 0) {
			idle_expired(conn);
			return;
		}
		break;
	case REQUEST_BODY:
		break;
	case REQUEST_HANDLER:
		if (conn->request->events->answered(conn->request)) {
			end(conn);
			return;
		}
		conn->request->events->abandon(conn->request);
		h1_refuse_later(conn, TUX_REFUSED_TIMEOUT);
		conn_step(conn);
		return;
	case REQUEST_LOADING:
		load_expired(conn);
		return;
	case REQUEST_HEAD:
	case REQUEST_HELD:
		return; /* no wait of a connection with such a request has a limit */
	}
	conn_refuse(conn, TUX_REFUSED_TIMEOUT);
}

/* Handles an expired wait for room to send, or for bytes of a file, which the disk may never deliver. */
static void send_expired(struct conn *conn)
{
	const struct output *output = &conn->output;

	if (output_reads(output)) {
		error_line_cut_file(conn->thread, conn->request, &conn->client, output->source.object, because(WHY_READ_TIME, 0));
		end(conn);
	} else if (output_progressed(&conn->output)) {
		conn_wait_for(conn, WAIT_SEND);
	} else {
		end(conn);
	}
}

/* Closes a connection that lingers, unless its client receives the end of the output: it has the time of a client that receives a response. */
static void linger_expired(struct conn *conn)
{
	if (!transport_is_ending(&conn->channel))
		end(conn);
	else if (output_progressed(&conn->output))
		conn_wait_for(conn, WAIT_LINGER);
	else if (conn->phase == TUX_PHASE_CLOSING)
		conn_wait_for(conn, WAIT_SEND);
	else
		end(conn);
}

void conn_timeout(struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_READ:
		if (conn->handshake)
			end_handshake(conn, WHY_HANDSHAKE_TIME); /* while the server stops, too: the oldest timer of its kind must be that of a handshake */
		else
			input_expired(conn);
		return;
	case CONN_WRITE:
		send_expired(conn);
		return;
	case CONN_HAND_BACK:
		pass_on(conn);
		return;
	case CONN_PARKED:
	case CONN_LOG_WAIT:
		return;
	case CONN_LINGER:
		linger_expired(conn);
		return;
	case CONN_BROKEN:
	case CONN_CLOSED:
		end(conn);
		return;
	}
}

void conns_loaded(struct conns *conns, struct pending_load *miss)
{
	struct load_waiter *waiter = lookup_finish(conns->thread->files, miss);

	while (waiter != NULL) {
		struct load_waiter *next = waiter->next;
		struct request *req = request_of_waiter(waiter);

		if (req->state == REQUEST_HANDLER) {
			handler_ready(req);
		} else {
			request_set_state(req, REQUEST_HELD);
			if (req->conn->state == CONN_READ) /* else it sends earlier responses, and the time limit is theirs */
				timer_stop(&req->conn->timer);
			conn_step(req->conn);
		}
		waiter = next;
	}
}

void conns_read(struct conns *conns, struct job *read)
{
	struct read_waiter *waiter;

	while ((waiter = residence_finish(conns->thread->reads, read)) != NULL) {
		if (waiter->ready != NULL) {
			waiter->ready(waiter);
		} else {
			struct conn *conn = (struct conn *)((char *)output_of_waiter(waiter) - offsetof(struct conn, output));

			after_send(conn, output_start(&conn->output));
		}
	}
}

void conns_log_resume(struct conns *conns)
{
	struct log_waiters *waiters = &conns->thread->log->waiters;

	while (waiters->first != NULL && log_wait_permits(conns->thread)) {
		struct conn *conn = (struct conn *)((char *)waiters->first - offsetof(struct conn, log_waiter));

		log_wait_leave(waiters, &conn->log_waiter);
		conn_set_state(conn, CONN_READ);
		conn_step(conn);
	}
}

void conns_hurry_idle(struct conns *conns, uint32_t limit_ms)
{
	struct timers *timers = &conns->thread->timers;

	if (timers->duration_ms[TIMER_IDLE] > limit_ms)
		timers->duration_ms[TIMER_IDLE] = limit_ms;
	/* Timers of one kind have one duration, so each one restarts. */
	for (struct conn *conn = conns->first; conn != NULL; conn = conn->next)
		if (conn->phase == TUX_PHASE_IDLE && conn->timer.next != NULL)
			conn_wait_for(conn, WAIT_IDLE);
}

void conns_end_tunnels(struct conns *conns)
{
	struct conn *next;

	for (struct conn *conn = conns->first; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->state == CONN_CLOSED || conn_request_state(conn) != REQUEST_HANDLER || !conn->request->events->is_tunnel(conn->request))
			continue;
		conn->request->events->drain(conn->request);
		handler_ready(conn->request);
	}
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

static const struct tls_events tls_events = {
	.established = on_established,
	.plain = on_plain,
};

static const struct sink h1_sink = {
	.head = h1_head,
	.file_head = h1_file_head,
	.body = h1_body,
	.backend_head = h1_backend_head,
	.stream_head = h1_stream_head,
	.tunnel_head = h1_tunnel_head,
	.content = h1_content,
	.content_pipe = h1_content_pipe,
	.content_file = h1_content_file,
	.go_on = h1_go_on,
	.content_end = h1_content_end,
	.end_output = h1_end_output,
	.end = h1_end,
	.resume = handler_ready,
};
