// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection belongs either to its socket's callbacks, which respond in softirq, or (working) to one helper thread. Its owner
 * changes its state under the socket's spinlock while no process owns the socket. The TCP code underneath then never releases the
 * lock in between.
 */
#include "connection.h"

#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "handover.h"
#include "slot.h"
#include "object_open.h"
#include "recv_queue.h"
#include "log_ring.h"
#include "reply.h"
#include "trace.h"
#include "helper.h"

enum {
	FIRST_GATHER = 1024, /* bytes; doubled for each further attempt */
	LINGER_MS = 2000,
	DRAIN_BATCH = 256,
	DRAIN_BATCHES_A_TICK = 4,
	RETRY_MS = 20, /* wait for a socket in use by another process, or for room in the ring */
};

static struct sock *sk_of(const struct conn *conn)
{
	return conn->sock->sk;
}

/* Takes the socket's spinlock after any process that owns the socket has released it. */
static void enter(struct conn *conn)
	__acquires(&sk_of(conn)->sk_lock.slock)
{
	struct sock *sk = sk_of(conn);

	for (;;) {
		local_bh_disable();
		bh_lock_sock(sk);
		if (!sock_owned_by_user(sk))
			return;
		bh_unlock_sock(sk);
		local_bh_enable();
		lock_sock(sk);
		release_sock(sk);
	}
}

static void leave_sk(struct sock *sk)
	__releases(&sk->sk_lock.slock)
{
	bh_unlock_sock(sk);
	local_bh_enable();
}

static void leave(struct conn *conn)
	__releases(&sk_of(conn)->sk_lock.slock)
{
	leave_sk(sk_of(conn));
}

/* Sets the deadline. The timer may expire earlier, at an older deadline. on_timer() then starts it again. */
static void expect(struct conn *conn, unsigned long wait)
{
	conn->deadline = jiffies + wait;
	if (!timer_pending(&conn->timer) || time_after(conn->timer.expires, conn->deadline))
		mod_timer(&conn->timer, conn->deadline);
}

static void give_to_worker(struct conn *conn, enum conn_need need)
{
	conn->need = (u8)need;
	conn->working = true;
	ktux_work_queue(conn->instance, &conn->work);
}

static void hand_up(struct conn *conn, enum tux_reason reason)
{
	struct instance *instance = conn->instance;
	unsigned long flags;

	conn->need = NEED_HAND_UP;
	conn->reason = (u8)reason;
	conn->working = true;
	ktux_counters(instance)->handed_up[reason]++;
	trace_tux_hand_up(conn, conn->port, reason);
	spin_lock_irqsave(&instance->lock, flags);
	list_move_tail(&conn->all, &instance->handed_up);
	spin_unlock_irqrestore(&instance->lock, flags);
	wake_up_interruptible(&instance->readers);
}

/* True if the other server responds to requests that the kernel engine gives up for this reason. */
static bool is_for_handover(const struct conn *conn, enum tux_reason reason)
{
	if (conn->instance->handover_port == 0)
		return false;
	switch (reason) {
	case TUX_REASON_METHOD:
	case TUX_REASON_BODY:
	case TUX_REASON_MISSING:
	case TUX_REASON_PREFIX:
		return true;
	case TUX_REASON_NONE:
	case TUX_REASON_REFUSED:
	case TUX_REASON_TARGET:
	case TUX_REASON_ABSENT:
	case TUX_REASON_ANSWER:
	case TUX_REASON_TIMEOUT:
	case TUX_REASON_RECORDS:
	case TUX_REASON_MEMORY:
	case TUX_REASON_DRAIN:
	case TUX_REASON_ROUTE:
	case TUX_REASON_BACKEND:
	case TUX_REASONS:
		break;
	}
	return false;
}

/*
 * Hands over after the client has acknowledged everything sent before, because that is charged to our memory cgroup. Each
 * acknowledgement calls write_space.
 */
static void hand_over_when_sent(struct conn *conn)
{
	struct sock *sk = sk_of(conn);

	if (READ_ONCE(conn->instance->draining)) {
		conn->passing = false;
		hand_up(conn, TUX_REASON_DRAIN);
	} else if (sk->sk_wmem_queued == 0) {
		conn->passing = false;
		give_to_worker(conn, NEED_HAND_OVER);
	} else {
		set_bit(SOCK_NOSPACE, &conn->sock->flags);
		if (!conn->passing || conn->acked != tcp_sk(sk)->snd_una)
			expect(conn, conn->instance->send_timeout);
		conn->acked = tcp_sk(sk)->snd_una;
		conn->passing = true;
	}
}

/* Passes the current request to the other server or up to the program. */
static void pass_on(struct conn *conn, enum tux_reason reason)
{
	if (!is_for_handover(conn, reason)) {
		hand_up(conn, reason);
		return;
	}
	conn->reason = (u8)reason;
	conn->seen = 0;
	conn->greedy = false;
	hand_over_when_sent(conn);
}

static bool is_dead(const struct sock *sk)
{
	return sk->sk_state == TCP_CLOSE || sk->sk_err != 0;
}

/* Ends a response that is complete or cut short. Returns false if its access record has to wait. */
static bool finish_answer(struct conn *conn)
{
	if (!ktux_reply_finish(conn)) {
		expect(conn, msecs_to_jiffies(RETRY_MS));
		return false;
	}
	ktux_send_release(conn);
	conn->sending = false;
	conn->failed = false;
	return true;
}

/* Records how far a response was sent. Returns false if the connection has to wait. */
static bool take_result(struct conn *conn, enum send_result result)
{
	conn->sending = true;
	switch (result) {
	case SEND_DONE:
		return finish_answer(conn);
	case SEND_BLOCKED:
		conn->acked = tcp_sk(sk_of(conn))->snd_una;
		expect(conn, conn->instance->send_timeout);
		return false;
	case SEND_PAGES:
		give_to_worker(conn, NEED_PAGES);
		return false;
	case SEND_TURN:
		give_to_worker(conn, NEED_TURN);
		return false;
	case SEND_FAILED:
		break;
	}
	conn->failed = true;
	conn->last = true;
	return finish_answer(conn);
}

/*
 * Waits for the rest of a request head. The unread bytes stay in the queue, with the whole buffer that they end. If the receive
 * window left is smaller than the largest head, the program has to read them.
 */
static void await_request(struct conn *conn, u32 unread)
{
	struct instance *instance = conn->instance;

	conn->greedy = false;
	if (unread > 0 && tcp_receive_window(tcp_sk(sk_of(conn))) < TUX_MAX_HEAD) {
		hand_up(conn, TUX_REASON_MEMORY);
		return;
	}
	if (sk_of(conn)->sk_shutdown & RCV_SHUTDOWN)
		give_to_worker(conn, NEED_CLOSE); /* the client has sent FIN: these bytes never become a request */
	else if (READ_ONCE(instance->draining) && unread == 0 && READ_ONCE(instance->retiring))
		hand_up(conn, TUX_REASON_DRAIN);
	else if (READ_ONCE(instance->draining) && unread == 0)
		give_to_worker(conn, NEED_CLOSE);
	else if (unread == 0)
		expect(conn, instance->idle_timeout);
	else if (conn->seen == 0)
		expect(conn, instance->head_timeout);
	conn->seen = unread;
}

/* Copies pieces of the queue into one buffer, larger each time because most heads are short, and parses each copy. */
static enum look look_at_pieces(struct conn *conn, struct peek *peek, u32 *used, enum send_result *result)
{
	u32 cap = clamp_t(u32, 2 * conn->seen, FIRST_GATHER, TUX_MAX_HEAD);
	enum look look;

	for (;;) {
		ktux_peek_gather(sk_of(conn), peek, ktux_scratch_get()->head, cap);
		look = peek->len > conn->seen ? ktux_reply_look(conn, peek->buf, peek->len, used, result) : LOOK_MORE;
		if (look != LOOK_MORE || peek->len < cap || cap == TUX_MAX_HEAD)
			return look;
		cap = min_t(u32, 2 * cap, TUX_MAX_HEAD);
	}
}

/* Parses the received bytes and responds to a request. Returns false if the connection has to wait. */
static bool take_request(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct sock *sk = sk_of(conn);
	struct peek peek;
	enum send_result result = SEND_DONE;
	enum look look = LOOK_MORE;
	u32 used = 0;

	ktux_peek_piece(sk, &peek);
	if (peek.unread > 0 && READ_ONCE(instance->draining)) {
		hand_up(conn, TUX_REASON_DRAIN);
		return false;
	}
	if (peek.unread > 0 && ktux_peek_is_urgent(sk)) {
		hand_up(conn, TUX_REASON_REFUSED); /* recv() knows which of the bytes belong to the request */
		return false;
	}
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		conn->seen = 0; /* the client has sent FIN: parse everything, to detect a malformed head */
	if (peek.len > conn->seen)
		look = ktux_reply_look(conn, peek.buf, peek.len, &used, &result);
	if (look == LOOK_MORE && peek.unread > conn->seen && peek.len < min_t(u32, peek.unread, TUX_MAX_HEAD))
		look = look_at_pieces(conn, &peek, &used, &result);
	switch (look) {
	case LOOK_MORE:
		await_request(conn, peek.unread);
		return false;
	case LOOK_ANSWERED:
		conn->seen = 0;
		if (ktux_peek_consume(sk, used) < used)
			conn->last = true; /* the unread rest would be parsed as the same request again */
		return take_result(conn, result);
	case LOOK_MISS:
		give_to_worker(conn, NEED_OBJECT);
		return false;
	case LOOK_HAND_UP:
		break;
	}
	pass_on(conn, (enum tux_reason)conn->reason);
	return false;
}

static bool linger_on(struct conn *conn)
{
	struct sock *sk = sk_of(conn);

	ktux_peek_consume(sk, U32_MAX);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		give_to_worker(conn, NEED_CLOSE);
	return false;
}

/* Does one step. Returns false if the connection has to wait. */
static bool step(struct conn *conn)
{
	if (conn->failed)
		return finish_answer(conn);
	if (is_dead(sk_of(conn))) {
		if (conn->sending && !finish_answer(conn)) {
			conn->failed = true;
			return false;
		}
		give_to_worker(conn, NEED_CLOSE);
		return false;
	}
	if (conn->lingering)
		return linger_on(conn);
	if (conn->passing) {
		hand_over_when_sent(conn);
		return false;
	}
	if (conn->sending)
		return take_result(conn, ktux_send_continue(conn));
	if (conn->last) {
		give_to_worker(conn, NEED_CLOSE);
		return false;
	}
	return take_request(conn);
}

/*
 * Counts a response. Returns false if the turn is used up. Helper threads then continue until every received request has its
 * response.
 */
static bool may_go_on(struct conn *conn)
{
	conn->turn -= min_t(u32, conn->turn, TURN_BYTES / TURN_RESPONSES);
	if (conn->turn > 0 || conn->working)
		return true;
	conn->greedy = true;
	give_to_worker(conn, NEED_TURN);
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
	while (!conn->working && step(conn) && may_go_on(conn))
		;
	conn->advancing = false;
}

/*
 * Called by the callbacks and the timer under the socket's spinlock. The event has to wait if a process owns the socket, because
 * that process may be using it.
 */
static void on_event(struct conn *conn)
{
	if (conn->working)
		return;
	if (sock_owned_by_user(sk_of(conn))) {
		conn->missed = true;
		mod_timer(&conn->timer, jiffies + msecs_to_jiffies(RETRY_MS));
	} else if (conn->greedy && !conn->advancing) {
		give_to_worker(conn, NEED_TURN);
	} else {
		advance(conn);
	}
}

/* Starts the timer again if it ran while a helper thread had the connection, or while the socket was in use. */
static void restart_timer(struct conn *conn)
{
	if (!conn->working && !timer_pending(&conn->timer))
		mod_timer(&conn->timer, conn->deadline);
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

	return conn && sk_of(conn) == sk ? conn : NULL;
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
	if (conn->sending || conn->passing)
		on_event(conn);
}

/* Handles a deadline that has passed. */
static void expire(struct conn *conn)
{
	if (conn->failed || (conn->sending && ktux_send_left(conn) == 0)) {
		advance(conn); /* the ring may have room for the access record now */
		return;
	}
	if (conn->sending && conn->acked != tcp_sk(sk_of(conn))->snd_una) {
		conn->acked = tcp_sk(sk_of(conn))->snd_una;
		expect(conn, conn->instance->send_timeout);
		return;
	}
	if (conn->seen > 0 && !conn->sending && !conn->lingering) {
		hand_up(conn, TUX_REASON_TIMEOUT);
		return;
	}
	if (conn->sending) {
		conn->failed = true;
		conn->last = true;
		advance(conn);
		return;
	}
	give_to_worker(conn, NEED_CLOSE);
}

static void on_timer(struct timer_list *timer)
{
	struct conn *conn = container_of(timer, struct conn, timer);
	struct sock *sk = sk_of(conn);

	bh_lock_sock(sk);
	if (conn->working)
		; /* the helper thread calls restart_timer() at the end */
	else if (sock_owned_by_user(sk))
		mod_timer(&conn->timer, jiffies + msecs_to_jiffies(RETRY_MS));
	else if (conn->missed)
		catch_up(conn);
	else if (READ_ONCE(conn->instance->draining) && !conn->sending && !conn->lingering)
		advance(conn);
	else if (time_before(jiffies, conn->deadline))
		mod_timer(&conn->timer, conn->deadline);
	else
		expire(conn);
	bh_unlock_sock(sk);
}

static void hook(struct conn *conn)
{
	struct sock *sk = sk_of(conn);

	write_lock_bh(&sk->sk_callback_lock);
	conn->data_ready = sk->sk_data_ready;
	conn->write_space = sk->sk_write_space;
	conn->state_change = sk->sk_state_change;
	conn->allocation = sk->sk_allocation;
	__rcu_assign_sk_user_data_with_flags(sk, conn, SK_USER_DATA_NOCOPY); /* sockets cloned from this one do not inherit conn */
	sk->sk_data_ready = on_change;
	sk->sk_write_space = on_write_space;
	sk->sk_state_change = on_change;
	sk->sk_allocation = GFP_ATOMIC;
	conn->use_task_frag = compat_use_task_frag(sk, false);
	write_unlock_bh(&sk->sk_callback_lock);
}

static void unhook(struct conn *conn)
{
	struct sock *sk = sk_of(conn);

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = conn->data_ready;
	sk->sk_write_space = conn->write_space;
	sk->sk_state_change = conn->state_change;
	sk->sk_allocation = conn->allocation;
	compat_use_task_frag(sk, conn->use_task_frag);
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Detaches the connection from its socket for good. */
static void detach(struct conn *conn)
{
	enter(conn);
	conn->working = true;
	unhook(conn);
	leave(conn);
}

/* Frees the connection, which its socket no longer refers to. Does not close the socket. */
static void free_conn(struct conn *conn)
{
	struct instance *instance = conn->instance;

	spin_lock_irq(&instance->lock);
	list_del(&conn->all);
	instance->conn_count--;
	spin_unlock_irq(&instance->lock);
	timer_delete_sync(&conn->timer); /* the connection is off the list, so ktux_conns_drain() does not start the timer again */
	ktux_send_release(conn);
	kfree(conn->record);
	kfree(conn->key);
	if (conn->loaded)
		ktux_object_put(conn->loaded);
	if (READ_ONCE(instance->draining) && READ_ONCE(instance->conn_count) == 0)
		wake_up_interruptible(&instance->workers);
	kfree(conn);
}

static void close_socket(struct socket *sock, struct file *file)
{
	if (file)
		fput(file);
	else
		sock_release(sock);
}

static void close_conn(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct socket *sock = conn->sock;
	struct file *file = conn->file;

	detach(conn);
	trace_tux_close(conn, conn->port, ktux_send_left(conn));
	local_bh_disable();
	ktux_counters(instance)->closed++;
	local_bh_enable();
	free_conn(conn);
	ktux_slot_put(instance);
	close_socket(sock, file);
}

struct socket *ktux_conn_release(struct conn *conn, struct file **file)
{
	struct socket *sock = conn->sock;

	*file = conn->file;
	detach(conn);
	free_conn(conn);
	return sock;
}

/*
 * Drains and discards input until the client closes. Closing earlier would send RST, and the client could lose the last response
 * (RFC 9112 9.6). Returns false if the connection can close at once.
 */
static bool begin_linger(struct conn *conn)
{
	struct peek peek;
	bool wanted;

	enter(conn);
	ktux_peek_piece(sk_of(conn), &peek);
	wanted = !conn->lingering && peek.unread > 0 && !is_dead(sk_of(conn));
	leave(conn);
	if (!wanted)
		return false;
	kernel_sock_shutdown(conn->sock, SHUT_WR);
	enter(conn);
	conn->lingering = true;
	conn->greedy = false;
	conn->working = false;
	expect(conn, msecs_to_jiffies(LINGER_MS));
	catch_up(conn);
	leave(conn);
	return true;
}

static void bring_object(struct conn *conn)
{
	enum tux_reason reason = TUX_REASON_NONE;
	struct object *object = ktux_load_object(conn->instance, conn->site, conn->key, conn->key_len, &reason);

	kfree(conn->key);
	conn->key = NULL;
	enter(conn);
	conn->loaded = object;
	conn->working = false;
	if (object || is_dead(sk_of(conn)))
		advance(conn);
	else
		pass_on(conn, reason);
	restart_timer(conn);
	leave(conn);
}

static void bring_pages(struct conn *conn)
{
	struct cold_pages pages;
	bool read = ktux_send_read_cold(conn, &pages);
	enum send_result result = SEND_FAILED;

	enter(conn);
	conn->turn = TURN_BYTES;
	if (read && !is_dead(sk_of(conn)))
		result = ktux_send_own_pages(conn, &pages);
	conn->working = false; /* only now: callbacks leave the connection alone during the send */
	if (take_result(conn, result))
		advance(conn);
	restart_timer(conn);
	leave(conn);
	ktux_send_free_cold(&pages);
}

static void take_turn(struct conn *conn)
{
	enter(conn);
	conn->working = false;
	catch_up(conn);
	leave(conn);
}

static void hand_over(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct socket *sock = conn->sock;
	struct file *file = conn->file;
	struct sock *sk = sk_of(conn);
	bool passed;

	/* The timer uses sock->sk, which ktux_handover() clears. */
	spin_lock_irq(&instance->lock);
	list_del_init(&conn->all);
	spin_unlock_irq(&instance->lock);
	timer_delete_sync(&conn->timer);
	enter(conn);
	unhook(conn);
	passed = ktux_handover(instance, sock, instance->handover_port);
	if (passed) {
		ktux_counters(instance)->handed_over[conn->reason]++;
		trace_tux_hand_over(conn, conn->port, conn->reason);
	} else {
		hook(conn);
		hand_up(conn, TUX_REASON_BACKEND);
	}
	leave_sk(sk); /* the other server owns the socket now, but cannot close it before this unlock */
	if (!passed)
		return;
	free_conn(conn);
	ktux_slot_put(instance);
	close_socket(sock, file);
}

static void run(struct work *work)
{
	struct conn *conn = container_of(work, struct conn, work);

	switch ((enum conn_need)conn->need) {
	case NEED_OBJECT:
		bring_object(conn);
		break;
	case NEED_PAGES:
		bring_pages(conn);
		break;
	case NEED_TURN:
		take_turn(conn);
		break;
	case NEED_CLOSE:
		if (!begin_linger(conn))
			close_conn(conn);
		break;
	case NEED_HAND_OVER:
		hand_over(conn);
		break;
	case NEED_NOTHING:
	case NEED_HAND_UP:
		break;
	}
}

/* Sets the client's address for the access log. */
static void take_address(struct conn *conn)
{
	const struct sock *sk = sk_of(conn);

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

int ktux_conn_open(struct instance *instance, struct socket *sock, struct file *file, u8 listener)
{
	struct conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	bool taken;

	if (!conn)
		return -ENOMEM;
	conn->work.run = run;
	conn->instance = instance;
	conn->sock = sock;
	conn->file = file;
	conn->listener = listener;
	timer_setup(&conn->timer, on_timer, 0);
	take_address(conn);
	enter(conn);
	taken = sk_of(conn)->sk_user_data;
	if (!taken) {
		spin_lock_irq(&instance->lock);
		conn->drained = instance->drains;
		list_add_tail(&conn->all, &instance->conns);
		instance->conn_count++;
		spin_unlock_irq(&instance->lock);
		hook(conn);
		trace_tux_accept(conn, conn->port, !!file);
		advance(conn);
	}
	leave(conn);
	if (taken) {
		kfree(conn);
		return -EBUSY;
	}
	return 0;
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

void ktux_conns_close(struct instance *instance)
{
	struct conn *conn;

	for (;;) {
		spin_lock_irq(&instance->lock);
		conn = list_first_entry_or_null(&instance->conns, struct conn, all);
		if (!conn)
			conn = list_first_entry_or_null(&instance->handed_up, struct conn, all);
		spin_unlock_irq(&instance->lock);
		if (!conn)
			return;
		enter(conn);
		conn->working = true; /* the connection is never queued again */
		leave(conn);
		ktux_work_cancel(instance, &conn->work);
		close_conn(conn);
		cond_resched();
	}
}
