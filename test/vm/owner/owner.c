// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns a TCP socket like lock_sock() of a BPF iterator or of SOCK_DESTROY, which need no descriptor: from a write to own until a
 * segment of the peer waits for it. Only for test/vm.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/workqueue.h>
#include <net/sock.h>

enum { PATIENCE_S = 60, PAUSE_MS = 1 };

static struct sock *sk; /* with a reference */
static DECLARE_COMPLETION(owned);

/* Keeps the socket of a descriptor of the writing program. */
static int socket_set(const char *text, const struct kernel_param *param)
{
	struct socket *sock;
	int fd, error = kstrtoint(text, 0, &fd);

	if (error != 0)
		return error;
	sock = sockfd_lookup(fd, &error);
	if (!sock)
		return error;
	if (sk)
		sock_put(sk);
	sk = sock->sk;
	sock_hold(sk);
	sockfd_put(sock);
	return 0;
}

static const struct kernel_param_ops socket_ops = { .set = socket_set };
module_param_cb(socket, &socket_ops, NULL, 0200);
MODULE_PARM_DESC(socket, "descriptor of the socket to own");

static void own(struct work_struct *work)
{
	unsigned long until = jiffies + PATIENCE_S * HZ;

	lock_sock(sk);
	complete(&owned);
	while (!READ_ONCE(sk->sk_backlog.tail) && time_before(jiffies, until))
		msleep(PAUSE_MS);
	release_sock(sk);
}

static DECLARE_WORK(owning, own);

static int own_set(const char *text, const struct kernel_param *param)
{
	if (!sk)
		return -ENOENT;
	flush_work(&owning);
	reinit_completion(&owned);
	schedule_work(&owning);
	wait_for_completion(&owned);
	return 0;
}

static const struct kernel_param_ops own_ops = { .set = own_set };
module_param_cb(own, &own_ops, NULL, 0200);
MODULE_PARM_DESC(own, "own the socket until a segment waits for it");

static int __init owner_init(void)
{
	return 0;
}

static void __exit owner_exit(void)
{
	flush_work(&owning);
	if (sk)
		sock_put(sk);
}

module_init(owner_init);
module_exit(owner_exit);
MODULE_DESCRIPTION("Owns a TCP socket while its events come");
MODULE_LICENSE("GPL");
