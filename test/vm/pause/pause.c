// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes races certain: stops one thread where it enters a function of the kernel, and has it continue after a write to go. The
 * function may sleep there, and takes at most six arguments, none of them on the stack. Only for test/vm. The module has no exit,
 * because a thread that continues still returns through it.
 */
#include <linux/completion.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

enum { PATIENCE_S = 60 };

typedef unsigned long (*entry_fn)(unsigned long, unsigned long, unsigned long, unsigned long, unsigned long, unsigned long);

static int thread;
module_param(thread, int, 0644);
MODULE_PARM_DESC(thread, "to stop once; 0 after that");
static bool reached;
module_param(reached, bool, 0644);
MODULE_PARM_DESC(reached, "the thread has stopped");

static DECLARE_COMPLETION(go);
static char name[64];
static entry_fn entry;

/* Runs in place of the function, then calls it: a second look of the kprobe finds no thread to stop. */
static unsigned long wait_here(unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e, unsigned long f)
{
	entry_fn function = entry;

	WRITE_ONCE(reached, true);
	wait_for_completion_timeout(&go, PATIENCE_S * HZ);
	return function(a, b, c, d, e, f);
}

static int divert(struct kprobe *probe, struct pt_regs *regs)
{
	if (cmpxchg(&thread, (int)task_pid_nr(current), 0) != (int)task_pid_nr(current))
		return 0;
	instruction_pointer_set(regs, (unsigned long)wait_here);
	return 1;
}

/* Keeps the kernel from optimizing the probe to a jump, which would ignore the new instruction pointer (kprobes.rst). */
static void pass(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe;

/* Empty: no function. */
static int function_set(const char *text, const struct kernel_param *param)
{
	int error;

	if (probe.symbol_name)
		unregister_kprobe(&probe);
	memset(&probe, 0, sizeof(probe));
	strscpy(name, text, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	if (name[0] == '\0')
		return 0;
	probe.symbol_name = name;
	probe.pre_handler = divert;
	probe.post_handler = pass;
	reinit_completion(&go);
	WRITE_ONCE(reached, false);
	error = register_kprobe(&probe);
	if (error != 0)
		probe.symbol_name = NULL;
	else
		entry = (entry_fn)probe.addr;
	return error;
}

static const struct kernel_param_ops function_ops = { .set = function_set };
module_param_cb(function, &function_ops, NULL, 0200);
MODULE_PARM_DESC(function, "at whose entry the thread stops");

static int go_set(const char *text, const struct kernel_param *param)
{
	complete(&go);
	return 0;
}

static const struct kernel_param_ops go_ops = { .set = go_set };
module_param_cb(go, &go_ops, NULL, 0200);
MODULE_PARM_DESC(go, "has the thread continue");

static int __init pause_init(void)
{
	return 0;
}

module_init(pause_init);
MODULE_DESCRIPTION("Stops a thread at the entry of a kernel function");
MODULE_LICENSE("GPL");
