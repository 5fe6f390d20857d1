// SPDX-License-Identifier: GPL-2.0-or-later
/* We wait for connections as any poller does, by an entry in the socket's wait queue: the socket itself stays as it is. */
#include "listener.h"

#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "connection.h"
#include "log_ring.h"
#include "helper.h"

enum { ACCEPT_BATCH = 64 }; /* connections taken before other work has its turn */

static atomic_t *slots(struct instance *instance)
{
	return (atomic_t *)&instance->shared->connections;
}

static bool try_slot(struct instance *instance)
{
	int taken = atomic_read(slots(instance));

	do {
		if ((u32)taken >= instance->max_connections || READ_ONCE(instance->conn_count) >= instance->max_connections)
			return false;
	} while (!atomic_try_cmpxchg(slots(instance), &taken, taken + 1));
	return true;
}

bool ktux_slot_take(struct instance *instance)
{
	if (try_slot(instance))
		return true;
	WRITE_ONCE(instance->shared->full, 1);
	smp_mb(); /* whoever gives one back does so, then looks at full; we the other way round */
	return try_slot(instance);
}

void ktux_slot_force(struct instance *instance)
{
	atomic_inc(slots(instance));
}

void ktux_slot_put(struct instance *instance)
{
	atomic_dec(slots(instance));
	smp_mb__after_atomic(); /* who finds no room sets full, then counts again; we the other way round */
	if (READ_ONCE(instance->shared->full)) {
		WRITE_ONCE(instance->shared->full, 0);
		ktux_listeners_resume(instance);
	}
}

static void accept_some(struct work *work)
{
	struct listener *listener = container_of(work, struct listener, work);
	struct instance *instance = listener->instance;
	int i;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		struct socket *sock;
		int error;

		if (READ_ONCE(instance->draining) || !ktux_slot_take(instance))
			return;
		error = kernel_accept(listener->sock, &sock, O_NONBLOCK);
		if (error != 0)
			ktux_slot_put(instance);
		if (error == -EAGAIN || error == -EINVAL)
			return; /* nothing waits, or the program has made something else of its socket */
		if (error == -ECONNABORTED)
			continue;
		if (error != 0) { /* memory is short: the next connection that comes or ends tries again */
			WRITE_ONCE(instance->shared->full, 1);
			return;
		}
		local_bh_disable();
		ktux_counters(instance)->accepted++;
		local_bh_enable();
		if (ktux_conn_open(instance, sock, NULL, listener->number) != 0) {
			sock_release(sock);
			ktux_slot_put(instance);
		}
	}
	ktux_work_queue(instance, &listener->work);
}

static int on_woken(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct listener *listener = container_of(entry, struct listener, entry);

	if (!key || (key_to_poll(key) & EPOLLIN))
		ktux_work_queue(listener->instance, &listener->work);
	return 0;
}

static bool is_suitable(const struct instance *instance, const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) && sk->sk_type == SOCK_STREAM &&
	       sk->sk_protocol == IPPROTO_TCP && sk->sk_state == TCP_LISTEN && net_eq(sock_net(sk), instance->net);
}

int ktux_listener_open(struct instance *instance, int fd, u8 number)
{
	struct listener *listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT);
	struct file *file = fget(fd);
	struct socket *sock = file ? sock_from_file(file) : NULL;

	if (!listener || !sock || !is_suitable(instance, sock->sk)) {
		int error = !listener ? -ENOMEM : !file ? -EBADF : -EINVAL;

		pr_debug("tux: fd %d is no listening TCP socket of this network namespace\n", fd);
		if (file)
			fput(file);
		kfree(listener);
		return error;
	}
	listener->work.run = accept_some;
	listener->instance = instance;
	listener->number = number;
	listener->file = file;
	listener->sock = sock;
	listener->head = sk_sleep(sock->sk);
	init_waitqueue_func_entry(&listener->entry, on_woken);
	add_wait_queue(listener->head, &listener->entry);
	spin_lock_irq(&instance->lock);
	list_add_tail_rcu(&listener->all, &instance->listeners);
	WRITE_ONCE(instance->socket_count, instance->socket_count + 1);
	spin_unlock_irq(&instance->lock);
	ktux_work_queue(instance, &listener->work); /* what waits already */
	return 0;
}

/* Queues those from the one numbered first on, or those before it. */
static void resume_part(struct instance *instance, u32 first, bool before)
{
	struct listener *listener;
	u32 at = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(listener, &instance->listeners, all) /* they stay until the instance ends */
		if ((at++ < first) == before)
			ktux_work_queue(instance, &listener->work);
	rcu_read_unlock();
}

/* Each time another is the first to be served: at the limit one alone would get all that becomes free. */
void ktux_listeners_resume(struct instance *instance)
{
	u32 count = READ_ONCE(instance->socket_count);
	u32 first = count > 0 ? (u32)atomic_inc_return(&instance->turn) % count : 0;

	resume_part(instance, first, false);
	resume_part(instance, first, true);
}

void ktux_listeners_close(struct instance *instance)
{
	struct listener *listener, *next;

	list_for_each_entry_safe(listener, next, &instance->listeners, all) {
		remove_wait_queue(listener->head, &listener->entry);
		ktux_work_cancel(instance, &listener->work);
		list_del(&listener->all);
		fput(listener->file);
		kfree(listener);
	}
}
