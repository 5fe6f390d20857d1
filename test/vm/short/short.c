// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory is short for TCP: the next sends of the kernel engine fail as they do without memory for a segment. It needs no fault injection, so it works on
 * stock kernels. Only for test/vm. /sys/module/short/parameters/sends: how many.
 */
#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/preempt.h>

static atomic_t sends;

static int set_sends(const char *text, const struct kernel_param *param)
{
	int count, error = kstrtoint(text, 10, &count);

	if (error == 0)
		atomic_set(&sends, count);
	return error;
}

static int get_sends(char *text, const struct kernel_param *param)
{
	return sprintf(text, "%d\n", atomic_read(&sends));
}

static const struct kernel_param_ops sends_ops = { .set = set_sends, .get = get_sends };
module_param_cb(sends, &sends_ops, NULL, 0644);
MODULE_PARM_DESC(sends, "of the kernel engine, that are still to fail");

/* In the place of tcp_sendmsg_locked(). */
static noinline notrace int send_nothing(void)
{
	return -EAGAIN;
}

/* The kernel engine sends with bottom halves off, programs do not. Returns 1 because it has changed the instruction pointer. */
static int begin(struct kprobe *probe, struct pt_regs *regs)
{
	if (!in_softirq() || atomic_dec_if_positive(&sends) < 0)
		return 0;
	regs->ip = (unsigned long)send_nothing;
	return 1;
}

/* With it a probe by ftrace may change the instruction pointer. */
static void end(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = { .symbol_name = "tcp_sendmsg_locked", .pre_handler = begin, .post_handler = end };

static int __init short_init(void)
{
	return register_kprobe(&probe);
}

static void __exit short_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(short_init);
module_exit(short_exit);
MODULE_DESCRIPTION("Sends of the kernel engine that find no memory");
MODULE_LICENSE("GPL");
