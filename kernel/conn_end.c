// SPDX-License-Identifier: GPL-2.0-or-later
#include "conn_end.h"

#include <linux/file.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "call.h"
#include "conn_state.h"
#include "handover.h"
#include "helper.h"
#include "log_ring.h"
#include "send.h"
#include "slot.h"
#include "trace.h"

void ktux_conn_hand_up(struct conn *conn, enum tux_reason reason)
{
	struct instance *instance = conn->instance;
	unsigned long flags;

	conn->reason = (u8)reason;
	ktux_conn_set_state(conn, CONN_HANDED_UP);
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
	if (conn->instance->handover_port == 0 || conn->chosen) /* the other server does not know the file of a module */
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
	case TUX_REASON_MODULE:
	case TUX_REASON_FAILED:
	case TUX_REASON_UNLOADED:
	case TUX_REASON_LATE:
	case TUX_REASONS:
		break;
	}
	return false;
}

void ktux_conn_flush(struct conn *conn)
{
	struct sock *sk = ktux_conn_sk(conn);

	if (READ_ONCE(conn->instance->draining)) {
		ktux_conn_hand_up(conn, TUX_REASON_DRAIN);
	} else if (sk->sk_wmem_queued == 0) {
		ktux_conn_queue(conn, CONN_HAND_OVER);
	} else {
		set_bit(SOCK_NOSPACE, &conn->sock->flags);
		if (conn->state != CONN_FLUSH || conn->acked != tcp_sk(sk)->snd_una)
			ktux_conn_expect(conn, conn->instance->send_timeout);
		conn->acked = tcp_sk(sk)->snd_una;
		ktux_conn_set_state(conn, CONN_FLUSH);
	}
}

void ktux_conn_pass_on(struct conn *conn, enum tux_reason reason)
{
	if (!is_for_handover(conn, reason)) {
		ktux_conn_hand_up(conn, reason);
		return;
	}
	conn->reason = (u8)reason;
	conn->seen = 0;
	conn->greedy = false;
	ktux_conn_flush(conn);
}

/* Detaches the connection from its socket for good. */
static void detach(struct conn *conn)
{
	ktux_conn_lock(conn);
	ktux_conn_set_state(conn, CONN_CLOSED);
	ktux_conn_unhook(conn);
	ktux_conn_unlock(conn);
}

/* Frees the connection, which its socket no longer refers to. Does not close the socket. */
static void free_conn(struct conn *conn)
{
	struct instance *instance = conn->instance;

	spin_lock_irq(&instance->lock);
	list_del(&conn->all);
	WRITE_ONCE(instance->conn_count, instance->conn_count - 1);
	spin_unlock_irq(&instance->lock);
	timer_delete_sync(&conn->timer); /* the connection is off the list, so ktux_conns_drain() does not start the timer again */
	ktux_send_release(conn);
	kfree(conn->record);
	kfree(conn->key);
	kfree(conn->chosen);
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

void ktux_conn_close(struct conn *conn)
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

void ktux_conn_release(struct conn *conn)
{
	detach(conn);
	free_conn(conn);
}

void ktux_conn_hand_over(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct socket *sock = conn->sock;
	struct file *file = conn->file;
	struct sock *sk = ktux_conn_sk(conn);
	bool passed;

	/* The timer uses sock->sk, which ktux_handover() clears. */
	spin_lock_irq(&instance->lock);
	list_del_init(&conn->all);
	spin_unlock_irq(&instance->lock);
	timer_delete_sync(&conn->timer);
	ktux_conn_lock(conn);
	ktux_conn_unhook(conn);
	passed = ktux_handover(instance, sock, instance->handover_port);
	if (passed) {
		ktux_counters(instance)->handed_over[conn->reason]++;
		trace_tux_hand_over(conn, conn->port, conn->reason);
	} else {
		ktux_conn_hand_up(conn, TUX_REASON_BACKEND); /* needs no callbacks any more */
	}
	/* The other server owns the socket now, but cannot close it before this unlock. The connection has no socket any more. */
	bh_unlock_sock(sk);
	local_bh_enable();
	if (!passed)
		return;
	free_conn(conn);
	ktux_slot_put(instance);
	close_socket(sock, file);
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
		ktux_conn_lock(conn);
		ktux_conn_set_state(conn, CONN_CLOSED); /* the connection is never queued again */
		ktux_call_leave(conn);
		ktux_conn_unlock(conn);
		ktux_work_cancel(instance, &conn->work);
		ktux_conn_close(conn);
		cond_resched();
	}
}
