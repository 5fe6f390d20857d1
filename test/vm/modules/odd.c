/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what a module should not, or seldom does: test/vm/inside/test_kernel_modules_odd.py. The program has it as a module that replies "user\n".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tux/module.h>

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/irq_work.h>

static bool ends(struct tux_str path, const char *word)
{
	size_t len = strlen(word);

	return path.len >= len && memcmp(path.at + path.len - len, word, len) == 0;
}

/* A request that an interrupt gives back. */
struct kept {
	struct irq_work work;
	struct tux_req *req;
};

static struct kept interrupted;
static unsigned long busy;
static const char line[] = "first\n<0>second \x1b[31m";

static void interrupt(struct irq_work *work)
{
	struct kept *kept = container_of(work, struct kept, work);

	tux_reply(kept->req, 200, "text/plain", "interrupt\n", 10);
	tux_resume(kept->req);
	clear_bit_unlock(0, &busy);
}

static int load(void)
{
	init_irq_work(&interrupted.work, interrupt);
	return 0;
}

static void unload(void)
{
	irq_work_sync(&interrupted.work);
}

/* Replies after the request was taken, and gives it back. */
static void gone(struct tux_req *req)
{
	int result = tux_reply(req, 200, "text/plain", "late\n", 5), back;
	char text[60];

	back = tux_resume(req);
	tux_log(TUX_LOG_INFO, text, (uint32_t)snprintf(text, sizeof(text), "gone: %d %d", result, back));
}

static enum tux_result suspend(struct tux_req *req)
{
	return tux_suspend(req) == 0 ? TUX_SUSPEND : TUX_FAIL;
}

static enum tux_result by_interrupt(struct tux_req *req)
{
	if (test_and_set_bit_lock(0, &busy))
		return (enum tux_result)tux_reply(req, 200, "text/plain", "busy\n", 5);
	interrupted.req = req;
	if (tux_suspend(req) != 0)
		return TUX_FAIL;
	irq_work_queue(&interrupted.work); /* on this CPU, as soon as interrupts are on: handle() may still run */
	return TUX_SUSPEND;
}

static enum tux_result handle(struct tux_req *req)
{
	struct tux_str path = tux_req_path(req);

	if (ends(path, "/keep"))
		return suspend(req);
	if (ends(path, "/interrupt"))
		return by_interrupt(req);
	if (ends(path, "/log")) {
		tux_log(TUX_LOG_WARNING, line, sizeof(line) - 1);
		tux_log(TUX_LOG_INFO, "", 0);
	}
	if (ends(path, "/flood")) {
		int i;

		for (i = 0; i < 1000; i++)
			tux_log(TUX_LOG_INFO, "flood", 5);
	}
	if (ends(path, "/twice")) {
		int first = tux_reply(req, 200, "text/plain", "once\n", 5), second = tux_reply(req, 200, "text/plain", "twice\n", 6);

		return first == 0 && second == -EALREADY && tux_resume(req) == -EPERM && tux_suspend(req) == -EALREADY ? TUX_DONE : TUX_FAIL;
	}
	if (ends(path, "/fields")) {
		static const u32 statuses[] = { 0, 99, 100, 199, 600, 1000, 65736, 0xffffffff };
		int i;

		for (i = 0; i < 8; i++)
			if (tux_reply(req, statuses[i], "text/plain", "x", 1) != -EINVAL || tux_reply_redirect(req, statuses[i], "/") != -EINVAL)
				return TUX_FAIL;
		if (tux_reply_redirect(req, 302, "/\r\nX: y") != -EINVAL || tux_reply_redirect(req, 302, "") != -EINVAL ||
		    tux_add_field(req, "X:", "y") != -EINVAL || tux_add_field(req, "", "y") != -EINVAL ||
		    tux_reply_memory(req, 200, "text/plain", "x", 1ull << 32, NULL, NULL) != -EFBIG)
			return TUX_FAIL;
	}
	return (enum tux_result)tux_reply(req, 200, "text/plain", "kernel\n", 7);
}

TUX_MODULE(odd, .handle = handle, .gone = gone, .load = load, .unload = unload);
#else
static enum tux_result handle(struct tux_req *req)
{
	return (enum tux_result)tux_reply(req, 200, "text/plain", "user\n", 5);
}

TUX_MODULE(odd, .handle = handle);
#endif
