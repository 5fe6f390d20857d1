// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Coverage of tux.ko for test/vm/fuzz, on any kernel and in any context. A tux.ko that was built with TUX_COVER=y calls
 * __sanitizer_cov_trace_pc() in each basic block. The file /dev/tux_cover contains the blocks reached, as offsets from the
 * parameter base, in the order in which they were first reached. Only for tests.
 */
#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

enum { TEXT_MAX = 1 << 20 }; /* bytes of the module's text */

static ulong base;
module_param(base, ulong, 0644);
MODULE_PARM_DESC(base, "address of the module's text");
static u8 reached[TEXT_MAX];
static u32 order[TEXT_MAX / 8];
static atomic_t count;

void notrace __sanitizer_cov_trace_pc(void);
void notrace __sanitizer_cov_trace_pc(void)
{
	unsigned long at = (unsigned long)__builtin_return_address(0) - READ_ONCE(base);
	u32 number;

	if (at >= TEXT_MAX || READ_ONCE(reached[at]))
		return;
	WRITE_ONCE(reached[at], 1);
	number = (u32)atomic_inc_return(&count) - 1;
	if (number < ARRAY_SIZE(order))
		WRITE_ONCE(order[number], (u32)at);
}
EXPORT_SYMBOL_GPL(__sanitizer_cov_trace_pc);

static ssize_t cover_read(struct file *file, char __user *to, size_t bytes, loff_t *off)
{
	return simple_read_from_buffer(to, bytes, off, order, (size_t)atomic_read(&count) * sizeof(order[0]));
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.read = cover_read,
	.llseek = default_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tux_cover",
	.fops = &operations,
	.mode = 0600,
};
module_misc_device(device);

MODULE_DESCRIPTION("Coverage of tux.ko");
MODULE_LICENSE("GPL");
