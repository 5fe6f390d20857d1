// SPDX-License-Identifier: GPL-2.0-or-later
#include "conn_state.h"

#include <linux/bits.h>
#include <linux/jiffies.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "helper.h"

void ktux_conn_lock(struct conn *conn)
	__acquires(&ktux_conn_sk(conn)->sk_lock.slock)
{
	struct sock *sk = ktux_conn_sk(conn);

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

void ktux_conn_unlock(struct conn *conn)
	__releases(&ktux_conn_sk(conn)->sk_lock.slock)
{
	bh_unlock_sock(ktux_conn_sk(conn));
	local_bh_enable();
}

void ktux_conn_hook(struct conn *conn, void (*data_ready)(struct sock *sk), void (*write_space)(struct sock *sk))
{
	struct sock *sk = ktux_conn_sk(conn);

	write_lock_bh(&sk->sk_callback_lock);
	conn->data_ready = sk->sk_data_ready;
	conn->write_space = sk->sk_write_space;
	conn->state_change = sk->sk_state_change;
	conn->allocation = sk->sk_allocation;
	__rcu_assign_sk_user_data_with_flags(sk, conn, SK_USER_DATA_NOCOPY); /* sockets cloned from this one do not inherit conn */
	sk->sk_data_ready = data_ready;
	sk->sk_write_space = write_space;
	sk->sk_state_change = data_ready;
	sk->sk_allocation = GFP_ATOMIC;
	conn->use_task_frag = compat_use_task_frag(sk, false);
	write_unlock_bh(&sk->sk_callback_lock);
}

void ktux_conn_unhook(struct conn *conn)
{
	struct sock *sk = ktux_conn_sk(conn);

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = conn->data_ready;
	sk->sk_write_space = conn->write_space;
	sk->sk_state_change = conn->state_change;
	sk->sk_allocation = conn->allocation;
	compat_use_task_frag(sk, conn->use_task_frag);
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
}

#if defined(TUX_DEBUG) || IS_ENABLED(CONFIG_PROVE_LOCKING)
/* The states that can follow each state. CONN_CLOSED can follow all of them, because an instance can end at any time. */
static const u16 followers[] = {
	[CONN_READ_HEAD] = BIT(CONN_READ_HEAD) | BIT(CONN_WRITE) | BIT(CONN_LOG) | BIT(CONN_FLUSH) | BIT(CONN_OPEN_FILE) |
			   BIT(CONN_READ_PAGES) | BIT(CONN_NEXT_TURN) | BIT(CONN_HAND_OVER) | BIT(CONN_SHUT_DOWN) |
			   BIT(CONN_CLOSE) | BIT(CONN_HANDED_UP) | BIT(CONN_SUSPENDED) | BIT(CONN_BLOCKING),
	[CONN_WRITE] = BIT(CONN_READ_HEAD) | BIT(CONN_WRITE) | BIT(CONN_LOG) | BIT(CONN_READ_PAGES) | BIT(CONN_NEXT_TURN) |
		       BIT(CONN_SHUT_DOWN),
	[CONN_LOG] = BIT(CONN_READ_HEAD) | BIT(CONN_LOG) | BIT(CONN_SHUT_DOWN),
	[CONN_FLUSH] = BIT(CONN_FLUSH) | BIT(CONN_HAND_OVER) | BIT(CONN_CLOSE) | BIT(CONN_HANDED_UP),
	[CONN_LINGER] = BIT(CONN_CLOSE),
	[CONN_SUSPENDED] = BIT(CONN_READ_HEAD) | BIT(CONN_WRITE) | BIT(CONN_LOG) | BIT(CONN_SHUT_DOWN) | BIT(CONN_CLOSE) |
			   BIT(CONN_HANDED_UP),
	[CONN_OPEN_FILE] = BIT(CONN_READ_HEAD),
	[CONN_READ_PAGES] = BIT(CONN_READ_HEAD) | BIT(CONN_WRITE) | BIT(CONN_LOG) | BIT(CONN_READ_PAGES) | BIT(CONN_NEXT_TURN) |
			    BIT(CONN_SHUT_DOWN),
	[CONN_NEXT_TURN] = BIT(CONN_READ_HEAD) | BIT(CONN_WRITE),
	[CONN_BLOCKING] = BIT(CONN_READ_HEAD) | BIT(CONN_WRITE) | BIT(CONN_LOG) | BIT(CONN_SHUT_DOWN) | BIT(CONN_HANDED_UP) |
			  BIT(CONN_SUSPENDED),
	[CONN_HAND_OVER] = BIT(CONN_HANDED_UP),
	[CONN_SHUT_DOWN] = BIT(CONN_LINGER),
	[CONN_CLOSE] = 0,
	[CONN_HANDED_UP] = 0,
	[CONN_CLOSED] = 0,
};

static void check(const struct conn *conn, enum conn_state state)
{
	lockdep_assert(lockdep_sock_is_held(ktux_conn_sk(conn)));
	WARN_ONCE(state != CONN_CLOSED && !(followers[conn->state] & BIT(state)), "tux: connection state %u after %u\n", state,
		  conn->state);
}
#else
static void check(const struct conn *conn, enum conn_state state)
{
}
#endif

void ktux_conn_set_state(struct conn *conn, enum conn_state state)
{
	check(conn, state);
	conn->state = (u8)state;
}

void ktux_conn_queue(struct conn *conn, enum conn_state state)
{
	ktux_conn_set_state(conn, state);
	ktux_work_queue(conn->instance, &conn->work);
}

void ktux_conn_expect(struct conn *conn, unsigned long wait)
{
	conn->deadline = jiffies + wait;
	timer_reduce(&conn->timer, conn->deadline); /* never later than ktux_conns_drain() has set it without the lock */
}
