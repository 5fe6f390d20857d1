// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An adopted socket must be ours alone. A program that kept a path to it could make it listen, whose children would inherit our
 * callbacks, or put another protocol on top of it. So the descriptor leaves the table first. Nothing can look the file up after
 * that, so what does not refer to it then never will.
 */
#include "adopt.h"

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "slot.h"
#include "log_ring.h"

/* True if the socket is a TCP connection that the kernel engine can serve. */
static bool is_suitable(const struct instance *instance, struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) && sk->sk_type == SOCK_STREAM &&
	       sk->sk_protocol == IPPROTO_TCP && !inet_csk_has_ulp(sk) && !tcp_sk(sk)->repair &&
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

/* True if more than the expected references lead to the file, or an epoll item or O_ASYNC, which hold none. */
static bool is_shared(struct file *file, unsigned long expected)
{
	if (file_count(file) != expected)
		return true;
	smp_rmb(); /* a thread changes the file before it drops its reference */
	return (READ_ONCE(file->f_flags) & FASYNC) || is_watched(file);
}

/* Returns the file to the program's table. */
static void give_back(struct tux_socket *given, struct file *file)
{
	given->fd = get_unused_fd_flags(O_CLOEXEC);
	if (given->fd >= 0) {
		fd_install((unsigned int)given->fd, file);
		return;
	}
	given->fd = -1;
	fput(file);
}

/* The program has counted the connection, so there is room for it, but counts it until it learns of our taking it. */
static int take_over(struct instance *instance, struct file *file, u8 listener)
{
	int error;

	ktux_slot_force(instance);
	error = ktux_conn_open(instance, sock_from_file(file), file, listener);
	if (error != 0)
		ktux_slot_put(instance);
	return error;
}

/* Takes the descriptor out of the table, then the socket. On failure the reference to the file is still the caller's. */
static int consume(struct instance *instance, const struct tux_socket *given, struct file *file)
{
	close_fd((unsigned int)given->fd);
	smp_mb(); /* a lookup takes its reference, then looks at the table again; we the other way round */
	if (is_shared(file, 1))
		return -EBUSY; /* another thread began to use it just before */
	if (!is_suitable(instance, sock_from_file(file)->sk))
		return -EINVAL; /* another thread changed it between the first check and close_fd(): nothing can change it now */
	return take_over(instance, file, (u8)given->listener);
}

int ktux_adopt(struct instance *instance, struct tux_socket *given)
{
	struct file *file = given->fd >= 0 ? fget((unsigned int)given->fd) : NULL;
	struct socket *sock = file ? sock_from_file(file) : NULL;
	int error = !file ? -EBADF : -EINVAL;

	if (sock && is_suitable(instance, sock->sk))
		error = READ_ONCE(instance->draining) ? -ESHUTDOWN : is_shared(file, 2) ? -EBUSY : 0;
	if (error != 0) {
		if (file)
			fput(file);
		return error;
	}
	error = consume(instance, given, file);
	if (error != 0) {
		give_back(given, file);
		return error;
	}
	local_bh_disable();
	ktux_counters(instance)->adopted++;
	local_bh_enable();
	return 0;
}
