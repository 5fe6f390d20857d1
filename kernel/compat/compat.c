// SPDX-License-Identifier: GPL-2.0-or-later
#include "compat.h"

#include <linux/memcontrol.h>
#include <linux/slab.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ipv6.h>

#ifdef TUX_LOOKUP_WANTS_HASHINFO
#define HASHES(net) (net), (net)->ipv4.tcp_death_row.hashinfo
#else
#define HASHES(net) (net)
#endif

struct sock *ktux_compat_lookup_listener(const struct sock *sk, u16 port)
{
	const struct inet_sock *inet = inet_sk(sk);
	int device = sk->sk_bound_dev_if;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr))
		return inet6_lookup_listener(HASHES(sock_net(sk)), NULL, 0, &sk->sk_v6_daddr, inet->inet_dport,
					     &sk->sk_v6_rcv_saddr, port, device, 0);
#endif
	return __inet_lookup_listener(HASHES(sock_net(sk)), NULL, 0, inet->inet_daddr, inet->inet_dport, inet->inet_rcv_saddr,
				      port, device, 0);
}

#ifdef CONFIG_MEMCG
/* True if TCP counts the socket's memory in its own sum. */
static bool is_summed(const struct sock *sk)
{
#ifdef TUX_HAVE_BYPASS_PROT_MEM
	return !sk->sk_bypass_prot_mem;
#else
	return true;
#endif
}

/* Only __sk_mem_reclaim() is exported. Its request covers everything charged, and TCP's sum gets that back. */
void ktux_compat_memcg_leave(struct sock *sk)
{
	struct mem_cgroup *memcg = sk->sk_memcg;
	int pages = sk_mem_pages(sk->sk_forward_alloc + atomic_read(&sk->sk_rmem_alloc));

	if (!memcg)
		return;
	if (is_summed(sk))
		atomic_long_add(pages, sk->sk_prot->memory_allocated);
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + (pages << PAGE_SHIFT));
	__sk_mem_reclaim(sk, pages << PAGE_SHIFT);
	sk->sk_memcg = NULL;
	mem_cgroup_put(memcg);
}
#else
void ktux_compat_memcg_leave(struct sock *sk)
{
}
#endif

#ifdef TUX_HAVE_SENDPAGE
int ktux_compat_send_pages(struct sock *sk, struct bio_vec *pages, unsigned int count, size_t bytes, int flags)
{
	size_t sent = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		const struct bio_vec *page = &pages[i];
		bool last = i + 1 == count;
		int ret = tcp_sendpage_locked(sk, page->bv_page, (int)page->bv_offset, page->bv_len,
					      last ? flags : flags | MSG_MORE | MSG_SENDPAGE_NOTLAST);

		if (ret < 0)
			return sent > 0 ? (int)sent : ret;
		sent += (size_t)ret;
		if ((size_t)ret < page->bv_len)
			break;
	}
	return (int)sent;
}
#else
int ktux_compat_send_pages(struct sock *sk, struct bio_vec *pages, unsigned int count, size_t bytes, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, pages, count, bytes);
	return tcp_sendmsg_locked(sk, &msg, bytes);
}
#endif

#ifdef TUX_HAVE_SHRINKER_ALLOC
struct shrinker *ktux_compat_shrinker_open(compat_shrink_fn count, compat_shrink_fn scan, void *data)
{
	struct shrinker *shrinker = shrinker_alloc(0, "tux");

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->private_data = data;
	shrinker_register(shrinker);
	return shrinker;
}

void *ktux_compat_shrinker_data(struct shrinker *shrinker)
{
	return shrinker->private_data;
}

void ktux_compat_shrinker_close(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
struct holder {
	struct shrinker shrinker;
	void *data;
};

struct shrinker *ktux_compat_shrinker_open(compat_shrink_fn count, compat_shrink_fn scan, void *data)
{
	struct holder *holder = kzalloc(sizeof(*holder), GFP_KERNEL);

	if (!holder)
		return NULL;
	holder->shrinker.count_objects = count;
	holder->shrinker.scan_objects = scan;
	holder->shrinker.seeks = DEFAULT_SEEKS;
	holder->data = data;
	if (register_shrinker(&holder->shrinker, "tux") != 0) {
		kfree(holder);
		return NULL;
	}
	return &holder->shrinker;
}

void *ktux_compat_shrinker_data(struct shrinker *shrinker)
{
	return container_of(shrinker, struct holder, shrinker)->data;
}

void ktux_compat_shrinker_close(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct holder, shrinker));
}
#endif
