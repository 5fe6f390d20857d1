// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An adopted socket must belong to the module alone. A program with another path to it could make it listen: its children would
 * inherit our callbacks. Or it could put another protocol on top. Therefore the descriptor leaves the table first. After that, no
 * lookup finds the file, so no further reference can appear.
 */
#include "adopt.h"

#include <linux/file.h>
#include <linux/fs.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "descriptor.h"
#include "slot.h"
#include "log_ring.h"

/*
 * True if the socket is a TCP connection that the kernel engine can serve. data_race(): other threads may change the socket during
 * the first check. No thread can during the second one. Softirq changes the bits beside repair during both.
 */
static bool is_suitable(const struct instance *instance, struct sock *sk)
{
	const unsigned short family = READ_ONCE(sk->sk_family);

	return (family == AF_INET || family == AF_INET6) && sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP &&
	       !data_race(inet_csk_has_ulp(sk)) && data_race(tcp_sk(sk)->repair == 0) && /* as above */
	       (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT) && net_eq(sock_net(sk), instance->net);
}

/* True if an epoll instance watches the file. Its items hold no reference. */
static bool is_watched(struct file *file)
{
#ifdef CONFIG_EPOLL
	return READ_ONCE(file->f_ep);
#else
	return false;
#endif
}

/* True if more than the expected references lead to the file, or if an epoll item or O_ASYNC does. Those hold no reference. */
static bool is_shared(struct file *file, unsigned long expected)
{
	if (file_count(file) != expected)
		return true;
	smp_rmb(); /* a thread changes the file before it drops its reference */
	/* data_race(): F_SETFL writes the flags under another lock. */
	return (data_race(READ_ONCE(file->f_flags)) & FASYNC) || is_watched(file);
}

/*
 * Opens the connection with a slot, even beyond the limit. The program has counted the connection already, and continues to count
 * it until the call has succeeded.
 */
static int take_over(struct instance *instance, struct file *file, u8 listener)
{
	int error;

	ktux_slot_force(instance);
	error = ktux_conn_open(instance, sock_from_file(file), file, listener);
	if (error != 0)
		ktux_slot_put(instance);
	return error;
}

/* Takes the socket, whose file is out of the table. On failure the caller keeps the reference to the file. */
static int consume(struct instance *instance, const struct tux_socket *given, struct file *file)
{
	smp_mb(); /* pairs with a lookup, which takes a reference and then checks the table again; this function does the reverse */
	if (is_shared(file, 1))
		return -EBUSY; /* another thread began to use it just before it left the table */
	if (!is_suitable(instance, sock_from_file(file)->sk))
		return -EINVAL; /* another thread changed it after the first check; no thread can change it now */
	return take_over(instance, file, (u8)given->listener);
}

int ktux_adopt(struct instance *instance, const struct tux_socket *given)
{
	struct file *file = given->fd >= 0 ? fget((unsigned int)given->fd) : NULL;
	struct socket *sock = file ? sock_from_file(file) : NULL;
	int error = !file ? -EBADF : -EINVAL;

	if (sock && is_suitable(instance, sock->sk))
		error = READ_ONCE(instance->draining) ? -ESHUTDOWN : is_shared(file, 2) ? -EBUSY : 0;
	if (error == 0 && !ktux_descriptor_take((unsigned int)given->fd, file))
		error = -EBUSY; /* another thread replaced or closed it */
	if (error != 0) {
		if (file)
			fput(file);
		return error;
	}
	error = consume(instance, given, file);
	if (error != 0) {
		fd_install((unsigned int)given->fd, file);
		return error;
	}
	put_unused_fd((unsigned int)given->fd);
	local_bh_disable();
	ktux_counters(instance)->adopted++;
	local_bh_enable();
	return 0;
}
