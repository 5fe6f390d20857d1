// SPDX-License-Identifier: GPL-2.0-or-later
/* Waits for connections like any poller, with an entry in the socket's wait queue. The socket itself stays unchanged. */
#include "listener.h"

#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "connection.h"
#include "log_ring.h"
#include "helper.h"
#include "slot.h"

enum {
	ACCEPT_BATCH = 64, /* connections accepted before other work gets its turn */
	RETRY_MS = 100,    /* wait after an accept() without memory */
};

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
			return; /* no connection waits, or the program has changed its socket's use */
		if (error == -ECONNABORTED)
			continue;
		if (error != 0) { /* out of memory: no event comes for a connection that waits already */
			mod_timer(&listener->retry, jiffies + msecs_to_jiffies(RETRY_MS));
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

static void on_retry(struct timer_list *timer)
{
	struct listener *listener = container_of(timer, struct listener, retry);

	ktux_work_queue(listener->instance, &listener->work);
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
	const unsigned short family = READ_ONCE(sk->sk_family); /* IPV6_ADDRFORM of another thread changes it */

	return (family == AF_INET || family == AF_INET6) && sk->sk_type == SOCK_STREAM &&
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
	timer_setup(&listener->retry, on_retry, 0);
	init_waitqueue_func_entry(&listener->entry, on_woken);
	add_wait_queue(listener->head, &listener->entry);
	spin_lock_irq(&instance->lock);
	list_add_tail_rcu(&listener->all, &instance->listeners);
	WRITE_ONCE(instance->socket_count, instance->socket_count + 1);
	spin_unlock_irq(&instance->lock);
	ktux_work_queue(instance, &listener->work); /* connections that wait already */
	return 0;
}

void ktux_listeners_close(struct instance *instance)
{
	struct listener *listener, *next;

	list_for_each_entry_safe(listener, next, &instance->listeners, all) {
		remove_wait_queue(listener->head, &listener->entry);
		timer_delete_sync(&listener->retry); /* no helper thread is left that starts it */
		ktux_work_cancel(instance, &listener->work);
		list_del(&listener->all);
		fput(listener->file);
		kfree(listener);
	}
}
