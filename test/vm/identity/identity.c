// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A witness of accept queues: counts the requests that a hand-over puts into one, and those of them that have an identity. Writes
 * both numbers to the kernel's log when it is unloaded. Only for test/vm.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <net/inet_connection_sock.h>
#include <net/ipv6.h>
#include <net/request_sock.h>
#include <net/tcp_states.h>

static atomic_t seen, with_identity;

static bool has_identity(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (!ipv6_addr_any(&sk->sk_v6_daddr) || !ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		return true;
#endif
	return sk->sk_addrpair != 0 || sk->sk_portpair != 0 || read_pnet(&sk->sk_net);
}

/* A listener has a new connection at the end of its queue. A request made for a hand-over has no listener. */
static int look(struct kprobe *probe, struct pt_regs *regs)
{
	const struct sock *listener = (const struct sock *)regs_get_kernel_argument(regs, 0);
	struct request_sock *req;

	if (listener->sk_state != TCP_LISTEN || !READ_ONCE(inet_csk(listener)->icsk_accept_queue.rskq_accept_head))
		return 0;
	req = READ_ONCE(inet_csk(listener)->icsk_accept_queue.rskq_accept_tail);
	if (req->rsk_listener)
		return 0;
	atomic_inc(&seen);
	if (has_identity(req_to_sk(req)))
		atomic_inc(&with_identity);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "sock_def_readable",
	.pre_handler = look,
};

static int __init identity_init(void)
{
	return register_kprobe(&probe);
}

static void __exit identity_exit(void)
{
	unregister_kprobe(&probe);
	pr_info("identity: %d requests, %d with an identity\n", atomic_read(&seen), atomic_read(&with_identity));
}

module_init(identity_init);
module_exit(identity_exit);
MODULE_DESCRIPTION("Counts requests of hand-overs in accept queues");
MODULE_LICENSE("GPL");
