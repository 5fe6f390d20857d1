// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ceiling that the kernel engine is measured against: whatever comes on a connection is answered in softirq with the same
 * head and 1 KB, unread, out of one buffer. It knows no HTTP, and is for bench/vm alone.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <net/tcp.h>

enum { MOST = 4096, BODY = 1024 }; /* connections, kept until the end; bytes */

static const char head[] = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: constant\r\n"
			   "Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n"
			   "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nETag: \"0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n\r\n";

static ushort port;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "of 127.0.0.1, to listen on");

static char text[sizeof(head) - 1 + BODY];
static struct socket *listener;
static struct socket *taken[MOST];
static unsigned int count;
static struct task_struct *acceptor;

static int drop(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off, size_t len)
{
	desc->count += len;
	return (int)len;
}

/* Under the socket's spinlock, bottom halves off. */
static void answer(struct sock *sk)
{
	struct kvec vec = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	read_descriptor_t desc = { .count = 1 };

	tcp_read_sock(sk, &desc, drop);
	if (desc.count == 1)
		return;
	iov_iter_kvec(&msg.msg_iter, WRITE, &vec, 1, sizeof(text));
	tcp_sendmsg_locked(sk, &msg, sizeof(text));
}

static void serve(struct socket *sock)
{
	struct sock *sk = sock->sk;

	taken[count++] = sock;
	sk->sk_allocation = GFP_ATOMIC;
	local_bh_disable();
	bh_lock_sock(sk);
	sk->sk_data_ready = answer;
	answer(sk); /* what has come already */
	bh_unlock_sock(sk);
	local_bh_enable();
}

static int accept_all(void *unused)
{
	struct socket *sock;

	while (count < MOST && kernel_accept(listener, &sock, 0) == 0)
		serve(sock);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static int __init constant_init(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int error = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &listener);

	if (error != 0)
		return error;
	memcpy(text, head, sizeof(head) - 1);
	memset(text + sizeof(head) - 1, 'x', BODY);
	error = kernel_bind(listener, (void *)&address, sizeof(address));
	if (error == 0)
		error = kernel_listen(listener, 1024);
	if (error != 0)
		goto out_release_listener;
	acceptor = kthread_run(accept_all, NULL, "constant");
	if (!IS_ERR(acceptor))
		return 0;
	error = (int)PTR_ERR(acceptor);
out_release_listener:
	sock_release(listener);
	return error;
}

static void __exit constant_exit(void)
{
	kernel_sock_shutdown(listener, SHUT_RDWR); /* ends the waiting for another connection */
	kthread_stop(acceptor);
	sock_release(listener);
	while (count > 0)
		sock_release(taken[--count]);
}

module_init(constant_init);
module_exit(constant_exit);

MODULE_DESCRIPTION("The same answer to everything, from softirq: a ceiling to measure against");
MODULE_AUTHOR("The TUX authors");
MODULE_LICENSE("GPL");
