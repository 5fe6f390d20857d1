/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suspends each request. /later: a work queue gives it back after 20 ms. /long: after 2 s. /file: after 2 s, with the file /cold. /never: it does not.
 * /files: how many it has replied with a file to. The program has it as a module that replies "user\n" at once.
 */
#include <tux/module.h>

#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

struct kept {
	struct delayed_work work;
	struct tux_req *req;
	bool file;
};

static atomic_t gone_calls, files, waiting;
static struct workqueue_struct *queue;

static int load(void)
{
	queue = alloc_workqueue("keeper", WQ_UNBOUND, 0);
	return queue ? 0 : -ENOMEM;
}

static void give_back(struct work_struct *work)
{
	struct kept *kept = container_of(to_delayed_work(work), struct kept, work);

	if (kept->file && tux_reply_file(kept->req, "/cold", 5) == 0)
		atomic_inc(&files);
	else
		tux_reply(kept->req, 200, "text/plain", "kernel\n", 7);
	tux_resume(kept->req);
	kfree(kept);
	atomic_dec(&waiting);
}

static void gone(struct tux_req *req)
{
	atomic_inc(&gone_calls);
}

static bool ends(struct tux_str path, const char *word)
{
	size_t len = strlen(word);

	return path.len >= len && memcmp(path.at + path.len - len, word, len) == 0;
}

static enum tux_result keep(struct tux_req *req, bool file, bool late)
{
	struct kept *kept = kmalloc(sizeof(*kept), GFP_ATOMIC);

	if (!kept || tux_suspend(req) != 0) {
		kfree(kept);
		return TUX_FAIL;
	}
	kept->req = req;
	kept->file = file;
	INIT_DELAYED_WORK(&kept->work, give_back);
	atomic_inc(&waiting);
	queue_delayed_work(queue, &kept->work, msecs_to_jiffies(late ? 2000 : 20));
	return TUX_SUSPEND;
}

static enum tux_result handle(struct tux_req *req)
{
	struct tux_str path = tux_req_path(req);
	bool file = ends(path, "/file");
	char text[32];

	if (ends(path, "/now"))
		return (enum tux_result)tux_reply(req, 200, "text/plain", "kernel\n", 7);
	if (ends(path, "/gone") || ends(path, "/files")) {
		int count = atomic_read(ends(path, "/gone") ? &gone_calls : &files);

		return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)snprintf(text, sizeof(text), "%d\n", count));
	}
	if (ends(path, "/blocks"))
		return TUX_BLOCKS;
	if (ends(path, "/never"))
		return tux_suspend(req) == 0 ? TUX_SUSPEND : TUX_FAIL;
	return keep(req, file, file || ends(path, "/long"));
}

static enum tux_result blocking(struct tux_req *req)
{
	msleep(50);
	return (enum tux_result)tux_reply(req, 200, "text/plain", "kernel\n", 7);
}

static void unload(void)
{
	while (atomic_read(&waiting) > 0)
		msleep(10); /* for work that gives back a request of /long, also if its time has passed */
	destroy_workqueue(queue);
}

TUX_MODULE(keeper, .handle = handle, .gone = gone, .blocking = blocking, .load = load, .unload = unload);
#else
static enum tux_result handle(struct tux_req *req)
{
	return (enum tux_result)tux_reply(req, 200, "text/plain", "user\n", 5);
}

TUX_MODULE(keeper, .handle = handle);
#endif
