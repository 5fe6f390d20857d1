/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock, callbacks, state and deadline of a connection. Call under the lock, except for ktux_conn_lock() itself. */
#ifndef TUX_KERNEL_CONN_STATE_H
#define TUX_KERNEL_CONN_STATE_H

#include "instance.h"

static inline struct sock *ktux_conn_sk(const struct conn *conn)
{
	return conn->sock->sk;
}

/* Takes the socket's spinlock after any process that owns the socket has released it. Disables bottom halves. May sleep. */
void ktux_conn_lock(struct conn *conn)
	__acquires(&ktux_conn_sk(conn)->sk_lock.slock);
void ktux_conn_unlock(struct conn *conn)
	__releases(&ktux_conn_sk(conn)->sk_lock.slock);

/*
 * Replaces the socket's callbacks and settings. data_ready serves state_change, too. ktux_conn_unhook() restores them, also a
 * second time.
 */
void ktux_conn_hook(struct conn *conn, void (*data_ready)(struct sock *sk), void (*write_space)(struct sock *sk));
void ktux_conn_unhook(struct conn *conn);

/* Changes the state. A debug build warns of a state that cannot follow the present one. */
void ktux_conn_set_state(struct conn *conn, enum conn_state state);

/* Changes to a state of a helper thread, and queues the connection for one. The thread may begin before the caller unlocks. */
void ktux_conn_queue(struct conn *conn, enum conn_state state);

/* True if the socket's callbacks and the timer own the connection. */
static inline bool ktux_conn_takes_events(const struct conn *conn)
{
	switch ((enum conn_state)conn->state) {
	case CONN_READ_HEAD:
	case CONN_WRITE:
	case CONN_LOG:
	case CONN_FLUSH:
	case CONN_LINGER:
	case CONN_SUSPENDED:
		return true;
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

/* True if nothing more can be sent or received. */
static inline bool ktux_conn_is_dead(const struct conn *conn)
{
	const struct sock *sk = ktux_conn_sk(conn);

	return sk->sk_state == TCP_CLOSE || sk->sk_err != 0;
}

/* Sets the deadline, in jiffies from now. The timer may expire earlier, at an older deadline, and is then started again. */
void ktux_conn_expect(struct conn *conn, unsigned long wait);

#endif
