// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection belongs either to its socket's callbacks, which respond in softirq, or to one helper thread: its state says which.
 * The owner changes it under the socket's spinlock while no process owns the socket. The TCP code underneath then never releases
 * the lock in between.
 */
#include "connection.h"

#include <linux/jiffies.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "answer.h"
#include "conn_end.h"
#include "conn_state.h"
#include "module_call.h"
#include "object_open.h"
#include "recv_queue.h"
#include "reply.h"
#include "trace.h"

enum {
	FIRST_GATHER = 1024, /* bytes; doubled for each further attempt */
	LINGER_MS = 2000,
	DRAIN_BATCH = 256,
	DRAIN_BATCHES_A_TICK = 4,
	RETRY_MS = 20, /* wait for a socket in use by another process, or for room in the ring */
};

/* Ends a response that is complete or cut short. Returns false if the connection has to wait, or closes. */
static bool end_response(struct conn *conn)
{
	if (!ktux_answer_finish(conn)) {
		conn->greedy = false;
		ktux_conn_set_state(conn, CONN_LOG);
		ktux_conn_expect(conn, msecs_to_jiffies(RETRY_MS));
		return false;
	}
	ktux_send_release(conn);
	if (conn->close_after_response) {
		ktux_conn_queue(conn, CONN_SHUT_DOWN);
		return false;
	}
	ktux_conn_set_state(conn, CONN_READ_HEAD);
	return true;
}

/* Ends a response whose rest cannot be sent. Returns false because the connection waits or closes. */
static bool cut_short(struct conn *conn)
{
	conn->close_after_response = true;
	return end_response(conn);
}

/* Continues after a response was sent as far as result says. Returns false if the connection has to wait, or closes. */
static bool take_result(struct conn *conn, enum send_result result)
{
	switch (result) {
	case SEND_DONE:
		return end_response(conn);
	case SEND_BLOCKED:
		ktux_conn_set_state(conn, CONN_WRITE);
		conn->acked = tcp_sk(ktux_conn_sk(conn))->snd_una;
		ktux_conn_expect(conn, conn->instance->send_timeout);
		return false;
	case SEND_PAGES:
		ktux_conn_queue(conn, CONN_READ_PAGES);
		return false;
	case SEND_TURN:
		ktux_conn_queue(conn, CONN_NEXT_TURN);
		return false;
	case SEND_FAILED:
	case SEND_NOTHING: /* another response was possible, and the sender has seen to it */
		break;
	}
	return cut_short(conn);
}

/*
 * Waits for the rest of a request head. The unread bytes stay in the queue, with the whole buffer that they end. If the receive
 * window left is smaller than the largest head, the program has to read them.
 */
static void await_request(struct conn *conn, u32 unread)
{
	struct instance *instance = conn->instance;

	conn->greedy = false;
	if (unread > 0 && tcp_receive_window(tcp_sk(ktux_conn_sk(conn))) < TUX_MAX_HEAD) {
		ktux_conn_hand_up(conn, TUX_REASON_MEMORY);
		return;
	}
	if (ktux_conn_sk(conn)->sk_shutdown & RCV_SHUTDOWN)
		ktux_conn_queue(conn, CONN_SHUT_DOWN); /* the client has sent FIN: these bytes never become a request */
	else if (READ_ONCE(instance->draining) && unread == 0 && READ_ONCE(instance->retiring))
		ktux_conn_hand_up(conn, TUX_REASON_DRAIN);
	else if (READ_ONCE(instance->draining) && unread == 0)
		ktux_conn_queue(conn, CONN_SHUT_DOWN);
	else if (unread == 0)
		ktux_conn_expect(conn, instance->idle_timeout);
	else if (conn->seen == 0)
		ktux_conn_expect(conn, instance->head_timeout);
	conn->seen = unread;
}

/* Copies pieces of the queue into one buffer, larger each time because most heads are short, and parses each copy. */
static enum look look_at_pieces(struct conn *conn, struct peek *peek, u32 *used, enum send_result *result)
{
	u32 cap = clamp_t(u32, 2 * conn->seen, FIRST_GATHER, TUX_MAX_HEAD);
	enum look look;

	for (;;) {
		ktux_peek_gather(ktux_conn_sk(conn), peek, ktux_scratch_get()->head, cap);
		look = peek->len > conn->seen ? ktux_reply_look(conn, peek->buf, peek->len, used, result) : LOOK_MORE;
		if (look != LOOK_MORE || peek->len < cap || cap == TUX_MAX_HEAD)
			return look;
		cap = min_t(u32, 2 * cap, TUX_MAX_HEAD);
	}
}

/*
 * Ends the request that a module has, if the client has disconnected or closed its side without another request. Returns false because the
 * connection waits or closes.
 */
static bool look_after_client(struct conn *conn, bool dead)
{
	struct sock *sk = ktux_conn_sk(conn);
	u32 head_len = conn->call->head->head_len;
	struct peek peek;

	ktux_peek_piece(sk, &peek);
	if (!dead && (!(sk->sk_shutdown & RCV_SHUTDOWN) || peek.unread > head_len))
		return false;
	if (!ktux_module_client_left(conn, !dead))
		return false;
	if (!dead) {
		ktux_peek_consume(sk, head_len);
		return cut_short(conn);
	}
	ktux_conn_queue(conn, CONN_CLOSE);
	return false;
}

/* Forgets what a module has left to the kernel engine, because the request has its response. */
static void forget_module(struct conn *conn)
{
	conn->declined = false;
	kfree(conn->chosen);
	conn->chosen = NULL;
}

/* Continues after a look at a request. Returns false if the connection has to wait, or leaves. */
static bool take_look(struct conn *conn, enum look look, u32 used, enum send_result result)
{
	switch (look) {
	case LOOK_MORE:
		return false;
	case LOOK_ANSWERED:
		conn->seen = 0;
		forget_module(conn);
		if (ktux_peek_consume(ktux_conn_sk(conn), used) < used)
			conn->close_after_response = true; /* the unread rest would be parsed as the same request again */
		return take_result(conn, result);
	case LOOK_MISS:
		ktux_conn_queue(conn, CONN_OPEN_FILE);
		return false;
	case LOOK_SUSPENDED:
		conn->greedy = false;
		ktux_conn_expect(conn, conn->call->timeout);
		return look_after_client(conn, ktux_conn_is_dead(conn)); /* no event comes for what has happened before */
	case LOOK_BLOCKS:
		ktux_conn_queue(conn, CONN_BLOCKING);
		return false;
	case LOOK_DECLINED: /* the next look responds with a file */
	case LOOK_CHOSEN:
		ktux_conn_set_state(conn, CONN_READ_HEAD);
		return true;
	case LOOK_HAND_UP:
		break;
	}
	ktux_conn_pass_on(conn, (enum tux_reason)conn->reason);
	return false;
}

/* Parses the received bytes and responds to a request. Returns false if the connection has to wait, or leaves. */
static bool take_request(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct sock *sk = ktux_conn_sk(conn);
	struct peek peek;
	enum send_result result = SEND_DONE;
	enum look look = LOOK_MORE;
	u32 used = 0;

	ktux_peek_piece(sk, &peek);
	if (peek.unread > 0 && READ_ONCE(instance->draining)) {
		ktux_conn_hand_up(conn, TUX_REASON_DRAIN);
		return false;
	}
	if (peek.unread > 0 && ktux_peek_is_urgent(sk)) {
		ktux_conn_hand_up(conn, TUX_REASON_REFUSED); /* recv() knows which of the bytes belong to the request */
		return false;
	}
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		conn->seen = 0; /* the client has sent FIN: parse everything, to detect a malformed head */
	if (peek.len > conn->seen)
		look = ktux_reply_look(conn, peek.buf, peek.len, &used, &result);
	if (look == LOOK_MORE && peek.unread > conn->seen && peek.len < min_t(u32, peek.unread, TUX_MAX_HEAD))
		look = look_at_pieces(conn, &peek, &used, &result);
	if (look != LOOK_MORE)
		return take_look(conn, look, used, result);
	await_request(conn, peek.unread);
	return false;
}

static void discard_input(struct conn *conn)
{
	struct sock *sk = ktux_conn_sk(conn);

	ktux_peek_consume(sk, U32_MAX);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		ktux_conn_queue(conn, CONN_CLOSE);
}

/* Does one step. Returns false if the connection has to wait, or leaves. */
static bool step(struct conn *conn)
{
	bool dead = ktux_conn_is_dead(conn);

	switch ((enum conn_state)conn->state) {
	case CONN_READ_HEAD:
		if (!dead)
			return take_request(conn);
		ktux_conn_queue(conn, CONN_CLOSE);
		break;
	case CONN_WRITE:
		return dead ? cut_short(conn) : take_result(conn, ktux_send_continue(conn));
	case CONN_LOG:
		return end_response(conn);
	case CONN_FLUSH:
		if (dead)
			ktux_conn_queue(conn, CONN_CLOSE);
		else
			ktux_conn_flush(conn);
		break;
	case CONN_LINGER:
		if (dead)
			ktux_conn_queue(conn, CONN_CLOSE);
		else
			discard_input(conn);
		break;
	case CONN_SUSPENDED:
		return look_after_client(conn, dead);
	case CONN_OPEN_FILE:
	case CONN_READ_PAGES:
	case CONN_NEXT_TURN:
	case CONN_BLOCKING:
	case CONN_HAND_OVER:
	case CONN_SHUT_DOWN:
	case CONN_CLOSE:
	case CONN_HANDED_UP:
	case CONN_CLOSED:
		break;
	}
	return false;
}

/*
 * Counts a response. Returns false if the turn is used up. Helper threads then continue until every received request has its
 * response.
 */
static bool may_continue(struct conn *conn)
{
	conn->turn -= min_t(u32, conn->turn, TURN_BYTES / TURN_RESPONSES);
	if (conn->turn > 0)
		return true;
	conn->greedy = true;
	ktux_conn_queue(conn, CONN_NEXT_TURN);
	return false;
}

/*
 * Does everything possible now, for one turn. Called under the socket's spinlock, bottom halves off, while no process owns the
 * socket. TCP may call write_space while this function sends. The nested call returns at once, because the outer send sees its
 * own result.
 */
static void advance(struct conn *conn)
{
	if (conn->advancing)
		return;
	conn->advancing = true;
	conn->missed = false;
	conn->turn = TURN_BYTES;
	while (step(conn) && may_continue(conn))
		;
	conn->advancing = false;
}

/*
 * Called by the callbacks and the timer under the socket's spinlock. The event has to wait if a process owns the socket, because
 * that process may be using it.
 */
static void on_event(struct conn *conn)
{
	if (!ktux_conn_takes_events(conn))
		return;
	if (sock_owned_by_user(ktux_conn_sk(conn))) {
		conn->missed = true;
		mod_timer(&conn->timer, jiffies + msecs_to_jiffies(RETRY_MS));
	} else if (conn->greedy && !conn->advancing) {
		ktux_conn_queue(conn, CONN_NEXT_TURN);
	} else {
		advance(conn);
	}
}

/* Starts the timer again if it ran while a helper thread had the connection, or while the socket was in use. */
static void restart_timer(struct conn *conn)
{
	if (ktux_conn_takes_events(conn))
		timer_reduce(&conn->timer, conn->deadline);
}

/* Does what events could not do while the socket was in use, or while a helper thread had the connection. */
static void catch_up(struct conn *conn)
{
	advance(conn);
	restart_timer(conn);
}

/* Returns the connection that hooked this very socket, or NULL. The socket's lock is held. */
static struct conn *owner_of(const struct sock *sk)
{
	struct conn *conn = (struct conn *)((uintptr_t)sk->sk_user_data & SK_USER_DATA_PTRMASK);

	return conn && ktux_conn_sk(conn) == sk ? conn : NULL;
}

/* Called when data has arrived or the state has changed. The socket shows which. */
static void on_change(struct sock *sk)
{
	struct conn *conn = owner_of(sk);

	if (conn)
		on_event(conn);
}

static void on_write_space(struct sock *sk)
{
	struct conn *conn = owner_of(sk);

	if (!conn || !sk_stream_is_writeable(sk))
		return;
	clear_bit(SOCK_NOSPACE, &conn->sock->flags);
	if (conn->state == CONN_WRITE || conn->state == CONN_FLUSH)
		on_event(conn);
}

/* True if the client has acknowledged data since the last check. */
static bool has_progress(struct conn *conn)
{
	u32 acked = tcp_sk(ktux_conn_sk(conn))->snd_una;
	bool progress = conn->acked != acked;

	conn->acked = acked;
	return progress;
}

/* Handles a deadline that has passed. */
static void expire(struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_READ_HEAD:
		if (conn->seen > 0)
			ktux_conn_hand_up(conn, TUX_REASON_TIMEOUT);
		else
			ktux_conn_queue(conn, CONN_SHUT_DOWN);
		break;
	case CONN_WRITE:
		if (has_progress(conn))
			ktux_conn_expect(conn, conn->instance->send_timeout);
		else
			cut_short(conn);
		break;
	case CONN_LOG:
		advance(conn); /* the ring may have room now */
		break;
	case CONN_FLUSH:
		if (has_progress(conn))
			ktux_conn_expect(conn, conn->instance->send_timeout);
		else
			ktux_conn_queue(conn, CONN_CLOSE);
		break;
	case CONN_LINGER:
		ktux_conn_queue(conn, CONN_CLOSE);
		break;
	case CONN_SUSPENDED:
		if (ktux_module_expire(conn))
			ktux_conn_hand_up(conn, TUX_REASON_LATE);
		break;
	case CONN_OPEN_FILE:
	case CONN_READ_PAGES:
	case CONN_NEXT_TURN:
	case CONN_BLOCKING:
	case CONN_HAND_OVER:
	case CONN_SHUT_DOWN:
	case CONN_CLOSE:
	case CONN_HANDED_UP:
	case CONN_CLOSED:
		break;
	}
}

/* True if a connection without a response to send may leave, because the instance drains. */
static bool may_leave(const struct conn *conn)
{
	return READ_ONCE(conn->instance->draining) && (conn->state == CONN_READ_HEAD || conn->state == CONN_FLUSH);
}

static void on_timer(struct timer_list *timer)
{
	struct conn *conn = container_of(timer, struct conn, timer);
	struct sock *sk = ktux_conn_sk(conn);

	bh_lock_sock(sk);
	if (!ktux_conn_takes_events(conn))
		; /* the helper thread calls restart_timer() at the end */
	else if (sock_owned_by_user(sk))
		mod_timer(&conn->timer, jiffies + msecs_to_jiffies(RETRY_MS));
	else if (conn->missed)
		catch_up(conn);
	else if (may_leave(conn))
		advance(conn);
	else if (time_before(jiffies, conn->deadline))
		timer_reduce(&conn->timer, conn->deadline);
	else
		expire(conn);
	bh_unlock_sock(sk);
}

/*
 * Drains and discards input until the client closes. Closing earlier would send RST, and the client could lose the last response
 * (RFC 9112 9.6). Returns false if the connection can close at once.
 */
static bool begin_linger(struct conn *conn)
{
	struct peek peek;
	bool wanted;

	ktux_conn_lock(conn);
	ktux_peek_piece(ktux_conn_sk(conn), &peek);
	wanted = peek.unread > 0 && !ktux_conn_is_dead(conn);
	ktux_conn_unlock(conn);
	if (!wanted)
		return false;
	kernel_sock_shutdown(conn->sock, SHUT_WR);
	ktux_conn_lock(conn);
	conn->greedy = false;
	ktux_conn_set_state(conn, CONN_LINGER);
	ktux_conn_expect(conn, msecs_to_jiffies(LINGER_MS));
	catch_up(conn);
	ktux_conn_unlock(conn);
	return true;
}

static void open_file(struct conn *conn)
{
	enum tux_reason reason = TUX_REASON_NONE;
	struct object *object = ktux_load_object(conn->instance, conn->host, conn->key, conn->key_len, &reason);

	kfree(conn->key);
	conn->key = NULL;
	ktux_conn_lock(conn);
	conn->loaded = object;
	ktux_conn_set_state(conn, CONN_READ_HEAD);
	if (object || ktux_conn_is_dead(conn))
		advance(conn);
	else
		ktux_conn_pass_on(conn, reason);
	restart_timer(conn);
	ktux_conn_unlock(conn);
}

static void read_pages(struct conn *conn)
{
	struct cold_pages pages;
	bool read = ktux_send_read_cold(conn, &pages);
	enum send_result result = SEND_FAILED;

	ktux_conn_lock(conn);
	conn->turn = TURN_BYTES;
	if (read && !ktux_conn_is_dead(conn)) /* callbacks ignore the connection during the send, because its state still says so */
		result = ktux_send_own_pages(conn, &pages);
	if (take_result(conn, result))
		advance(conn);
	restart_timer(conn);
	ktux_conn_unlock(conn);
	ktux_send_free_cold(&pages);
}

static void take_turn(struct conn *conn)
{
	ktux_conn_lock(conn);
	ktux_conn_set_state(conn, ktux_send_left(conn) > 0 ? CONN_WRITE : CONN_READ_HEAD);
	catch_up(conn);
	ktux_conn_unlock(conn);
}

/* Continues after a module has handled a request. Under the connection's lock. */
static void go_on(struct conn *conn, enum look look, u32 used, enum send_result result)
{
	if (take_look(conn, look, used, result))
		advance(conn);
	restart_timer(conn);
}

static void run_blocking(struct conn *conn)
{
	enum send_result sent = SEND_DONE;
	enum tux_result result = ktux_module_block(conn);
	enum look look;
	u32 used = 0;

	ktux_conn_lock(conn);
	conn->turn = TURN_BYTES;
	look = ktux_module_block_end(conn, result, &used, &sent);
	go_on(conn, look, used, sent);
	ktux_conn_unlock(conn);
}

/* Only this thread changes the state from CONN_SUSPENDED, because the module does not have the request any more. */
static void end_suspension(struct conn *conn)
{
	enum send_result sent = SEND_DONE;
	enum look look;
	u32 used = 0;

	ktux_conn_lock(conn);
	conn->turn = TURN_BYTES;
	look = ktux_module_return(conn, &used, &sent);
	go_on(conn, look, used, sent);
	ktux_conn_unlock(conn);
}

/* Does what the connection's state needs. The state does not change meanwhile, because this thread owns it. */
static void run(struct work *work)
{
	struct conn *conn = container_of(work, struct conn, work);

	switch ((enum conn_state)conn->state) {
	case CONN_OPEN_FILE:
		open_file(conn);
		break;
	case CONN_READ_PAGES:
		read_pages(conn);
		break;
	case CONN_NEXT_TURN:
		take_turn(conn);
		break;
	case CONN_BLOCKING:
		run_blocking(conn);
		break;
	case CONN_SUSPENDED:
		end_suspension(conn);
		break;
	case CONN_HAND_OVER:
		ktux_conn_hand_over(conn);
		break;
	case CONN_SHUT_DOWN:
		if (!begin_linger(conn))
			ktux_conn_close(conn);
		break;
	case CONN_CLOSE:
		ktux_conn_close(conn);
		break;
	case CONN_READ_HEAD:
	case CONN_WRITE:
	case CONN_LOG:
	case CONN_FLUSH:
	case CONN_LINGER:
	case CONN_HANDED_UP:
	case CONN_CLOSED:
		break;
	}
}

/* Sets the client's address for the access log. */
static void take_address(struct conn *conn)
{
	const struct sock *sk = ktux_conn_sk(conn);

	conn->port = ntohs(sk->sk_dport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		memcpy(conn->address, &sk->sk_v6_daddr, 16);
		return;
	}
#endif
	conn->address[10] = 0xff;
	conn->address[11] = 0xff;
	memcpy(conn->address + 12, &sk->sk_daddr, 4);
}

/*
 * Adds the connection to its instance. Returns 0 or a negative errno. Refuses an adopted socket while the instance drains, because
 * the helper threads may have ended: they end without connections, and check under the same lock. A helper thread that accepts
 * serves the connection itself.
 */
static int join(struct conn *conn)
{
	struct instance *instance = conn->instance;
	bool late;

	spin_lock_irq(&instance->lock);
	late = conn->file && READ_ONCE(instance->draining);
	if (!late) {
		conn->drained = instance->drains;
		list_add_tail(&conn->all, &instance->conns);
		WRITE_ONCE(instance->conn_count, instance->conn_count + 1);
	}
	spin_unlock_irq(&instance->lock);
	return late ? -ESHUTDOWN : 0;
}

int ktux_conn_open(struct instance *instance, struct socket *sock, struct file *file, u8 listener)
{
	struct conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	int error;

	if (!conn)
		return -ENOMEM;
	conn->work.run = run;
	conn->instance = instance;
	conn->sock = sock;
	conn->file = file;
	conn->listener = listener;
	timer_setup(&conn->timer, on_timer, 0);
	take_address(conn);
	ktux_conn_lock(conn);
	if (ktux_conn_sk(conn)->sk_user_data)
		error = -EINVAL; /* such as a socket in a sockmap of BPF; EBUSY is for what ends soon */
	else
		error = join(conn);
	if (error == 0) {
		ktux_conn_hook(conn, on_change, on_write_space);
		trace_tux_accept(conn, conn->port, !!file);
		advance(conn);
	}
	ktux_conn_unlock(conn);
	if (error != 0)
		kfree(conn);
	return error;
}

/*
 * Makes the timers of a batch of connections expire within wait jiffies. Returns false if every connection knows of this drain or
 * a later one.
 */
static bool drain_some(struct instance *instance, u32 drain, unsigned long wait)
{
	struct conn *conn = NULL;
	int i;

	spin_lock_irq(&instance->lock);
	for (i = 0; i < DRAIN_BATCH; i++) {
		conn = list_first_entry_or_null(&instance->conns, struct conn, all);
		if (!conn || (s32)(conn->drained - drain) >= 0)
			break;
		conn->drained = drain;
		list_move_tail(&conn->all, &instance->conns); /* connections not yet notified stay in front */
		timer_reduce(&conn->timer, jiffies + wait);
	}
	spin_unlock_irq(&instance->lock);
	return i == DRAIN_BATCH;
}

/*
 * Handles any number of connections: the lock is held for one batch, and at most DRAIN_BATCHES_A_TICK batches expire in one tick.
 */
void ktux_conns_drain(struct instance *instance)
{
	unsigned long batch = 0;
	u32 drain;

	spin_lock_irq(&instance->lock);
	drain = ++instance->drains;
	spin_unlock_irq(&instance->lock);
	while (drain_some(instance, drain, batch / DRAIN_BATCHES_A_TICK)) {
		batch++;
		cond_resched();
	}
}
