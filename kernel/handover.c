// SPDX-License-Identifier: GPL-2.0-or-later
#include "handover.h"

#include <net/inet_connection_sock.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "compat/compat.h"

static bool is_ours(struct instance *instance, const struct sock *listener)
{
	const struct listener *each;

	list_for_each_entry_rcu(each, &instance->listeners, all)
		if (each->sock->sk == listener)
			return true;
	return false;
}

/* True if the backend's accept() can treat the socket like one that has just connected, without any visible difference. */
static bool may_pass(struct instance *instance, const struct sock *sk, const struct sock *listener)
{
	return listener->sk_family == sk->sk_family && listener->sk_prot == sk->sk_prot && !sk_is_mptcp(listener) &&
	       !sk_acceptq_is_full(listener) && !is_ours(instance, listener) &&
	       ((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) && sk->sk_wmem_queued == 0 &&
	       skb_queue_empty(&sk->sk_error_queue);
}

/*
 * Clears the addresses, the ports and the namespace of the memory's last user. A lookup that still points to the memory can take
 * a reference after refcount_set(). It then compares the identity again, and must not mistake this request for the one that it
 * looks for.
 */
static void forget_identity(struct sock *sk)
{
	sk->sk_addrpair = 0;
	sk->sk_portpair = 0;
	write_pnet(&sk->sk_net, NULL);
#if IS_ENABLED(CONFIG_IPV6)
	sk->sk_v6_daddr = in6addr_any;
	sk->sk_v6_rcv_saddr = in6addr_any;
#endif
	smp_wmb(); /* pairs with refcount_inc_not_zero() of the lookup */
}

/*
 * Allocates an entry of an accept queue. accept() or the end of the listener frees it. The cache is SLAB_TYPESAFE_BY_RCU: a
 * lookup that began before the memory was freed may still point to it and follow its link. Therefore the link stays unchanged.
 */
static struct request_sock *make_request(const struct sock *listener)
{
	struct request_sock_ops *ops = listener->sk_prot->rsk_prot;
	struct request_sock *req = kmem_cache_alloc(ops->slab, GFP_ATOMIC | __GFP_NOWARN);
	const size_t own = offsetofend(struct request_sock, __req_common);

	if (!req)
		return NULL;
	memset((u8 *)req + own, 0, ops->obj_size - own);
	req->rsk_listener = NULL;
	req_to_sk(req)->sk_prot = listener->sk_prot;
	sk_node_init(&req_to_sk(req)->sk_node);
	sk_tx_queue_clear(req_to_sk(req));
	req->rsk_ops = ops;
	forget_identity(req_to_sk(req));
	refcount_set(&req->rsk_refcnt, 1);
	return req;
}

/*
 * Like reqsk_put(), which newer kernels do not export, for a request without a socket. A lookup may hold a reference for a
 * moment.
 */
static void put_request(struct request_sock *req)
{
	if (refcount_dec_and_test(&req->rsk_refcnt))
		kmem_cache_free(req->rsk_ops->slab, req);
}

/* Like inet_csk_reqsk_queue_add(), which newer kernels do not export. */
static bool enqueue(struct sock *listener, struct request_sock *req, struct sock *sk)
{
	struct request_sock_queue *queue = &inet_csk(listener)->icsk_accept_queue;
	bool listens;

	spin_lock(&queue->rskq_lock);
	listens = listener->sk_state == TCP_LISTEN;
	if (listens) {
		req->sk = sk;
		if (!queue->rskq_accept_head)
			WRITE_ONCE(queue->rskq_accept_head, req);
		else
			queue->rskq_accept_tail->dl_next = req;
		queue->rskq_accept_tail = req;
		sk_acceptq_added(listener);
	}
	spin_unlock(&queue->rskq_lock);
	return listens;
}

/* Turns the socket into one that is not accepted yet. */
static void disown(struct sock *sk, struct socket *sock)
{
	sock_orphan(sk);
	sock_reset_flag(sk, SOCK_DEAD);
	sock->sk = NULL;
}

static void own_again(struct sock *sk, struct socket *sock)
{
	sock_graft(sk, sock);
}

bool ktux_handover(struct instance *instance, struct socket *sock, u16 port)
{
	struct sock *sk = sock->sk;
	struct request_sock *req = NULL;
	struct sock *listener;
	bool passed = false;

	rcu_read_lock();
	listener = ktux_compat_lookup_listener(sk, port);
	if (listener && may_pass(instance, sk, listener))
		req = make_request(listener);
	if (req) {
		disown(sk, sock);
		passed = enqueue(listener, req, sk);
		if (!passed) {
			own_again(sk, sock);
			put_request(req);
		}
	}
	if (passed) {
		ktux_compat_memcg_leave(sk); /* the backend's accept() waits for our lock before it charges the socket */
		listener->sk_data_ready(listener);
	}
	rcu_read_unlock();
	return passed;
}
