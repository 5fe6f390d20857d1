// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "adopt.h"
#include "conn_end.h"
#include "connection.h"
#include "listener.h"
#include "log_ring.h"
#include "module.h"
#include "setup.h"
#include "slot.h"
#include "version.h"
#include "helper.h"

/* All instances, and the mutex of their list. An instance stays allocated while a caller holds the mutex. */
static LIST_HEAD(everyone);
static DEFINE_MUTEX(everyone_lock);

static int hello(struct instance *instance, struct tux_hello __user *user)
{
	struct tux_hello hello;
	bool same;

	if (copy_from_user(&hello, user, sizeof(hello)))
		return -EFAULT;
	same = hello.abi == TUX_ABI && hello.record_size == sizeof(struct tux_access_record);
	if (!same)
		pr_debug("tux: the program speaks version %u of the interface, the module %u\n", hello.abi, TUX_ABI);
	hello = (struct tux_hello){ .abi = TUX_ABI, .record_size = sizeof(struct tux_access_record), .version = TUX_VERSION };
	if (copy_to_user(user, &hello, sizeof(hello)))
		return -EFAULT;
	if (!same)
		return -EPROTO;
	WRITE_ONCE(instance->greeted, true); /* read without setup_lock for TUX_STATUS */
	return 0;
}

static int event_take(struct instance *instance, int fd)
{
	struct eventfd_ctx *event;

	if (fd < 0)
		return 0;
	event = eventfd_ctx_fdget(fd);
	if (IS_ERR(event))
		return (int)PTR_ERR(event);
	instance->event = event;
	return 0;
}

/* Undoes a complete or partial set-up. */
static void setup_undo(struct instance *instance)
{
	ktux_modules_close(instance);
	ktux_cache_close(&instance->cache);
	ktux_records_close(instance);
	if (instance->event)
		eventfd_ctx_put(instance->event);
	instance->event = NULL;
	ktux_module_table_release(&instance->modules);
	ktux_hosts_release(&instance->hosts);
}

static int set_up(struct instance *instance, const struct tux_setup __user *user)
{
	struct tux_setup *setup = memdup_user(user, sizeof(*setup));
	int error = -EINVAL;

	if (IS_ERR(setup))
		return (int)PTR_ERR(setup);
	if (!ktux_setup_valid(setup)) {
		pr_debug("tux: setup: size %u is not %zu, flags %#x are not known, or a limit is out of its range\n", setup->size,
			 sizeof(*setup), setup->flags);
		goto out_free_setup;
	}
	instance->records = setup->flags & TUX_SETUP_RECORDS;
	instance->max_connections = setup->max_connections;
	instance->head_timeout = msecs_to_jiffies(setup->head_timeout_ms);
	instance->send_timeout = msecs_to_jiffies(setup->send_timeout_ms);
	instance->idle_timeout = msecs_to_jiffies(setup->idle_timeout_ms);
	instance->handover_port = (u16)setup->handover_port;
	memcpy(instance->etag_key, setup->etag_key, sizeof(instance->etag_key));
	error = ktux_hosts_take(&instance->hosts, setup);
	if (error == 0)
		error = ktux_module_table_take(&instance->modules, setup, &instance->hosts.bytes);
	if (error == 0)
		error = event_take(instance, setup->event_fd);
	if (error == 0)
		error = ktux_records_open(instance);
	if (error == 0)
		error = ktux_cache_open(&instance->cache, setup->max_objects);
	if (error == 0) {
		ktux_modules_open(instance);
		smp_store_release(&instance->set_up, true); /* after everything that it announces */
	} else {
		setup_undo(instance);
	}
out_free_setup:
	kfree_sensitive(setup);
	return error;
}

static bool is_set_up(const struct instance *instance)
{
	return smp_load_acquire(&instance->set_up); /* before everything that it announces */
}

static int status(const struct instance *asking, struct tux_status __user *user)
{
	struct tux_status status;
	struct instance *instance;
	u32 left;
	int error = -ENOENT;

	if (get_user(left, &user->index))
		return -EFAULT;
	memset(&status, 0, sizeof(status));
	status.index = left;
	mutex_lock(&everyone_lock);
	list_for_each_entry(instance, &everyone, everyone) {
		if (!is_set_up(instance) || !net_eq(instance->net, asking->net) || left-- > 0)
			continue;
		status.pid = (u32)pid_vnr(instance->owner);
		status.connections = READ_ONCE(instance->conn_count);
		status.objects = READ_ONCE(instance->cache.count);
		ktux_counters_sum(instance, &status.counters);
		error = 0;
		break;
	}
	mutex_unlock(&everyone_lock);
	if (error == 0 && copy_to_user(user, &status, sizeof(status)))
		return -EFAULT;
	return error;
}

/* Handles the calls with a socket. */
static int socket_take(struct instance *instance, unsigned int number, const struct tux_socket __user *user)
{
	struct tux_socket socket;

	if (copy_from_user(&socket, user, sizeof(socket)))
		return -EFAULT;
	if (socket.listener >= instance->hosts.names.listener_count) {
		pr_debug("tux: %#x: listener %u is not one of the %u\n", number, socket.listener, instance->hosts.names.listener_count);
		return -EINVAL;
	}
	if (number == TUX_LISTEN)
		return ktux_listener_open(instance, socket.fd, (u8)socket.listener);
	return ktux_adopt(instance, &socket);
}

static void drain(struct instance *instance, bool retiring)
{
	WRITE_ONCE(instance->retiring, retiring);
	WRITE_ONCE(instance->draining, true);
	ktux_conns_drain(instance);
	wake_up_interruptible_all(&instance->workers);
}

/* Handles the calls that need a complete set-up. */
static long call(struct instance *instance, unsigned int number, unsigned long argument)
{
	u64 bytes;

	if (!is_set_up(instance)) {
		pr_debug("tux: %#x comes before TUX_SETUP\n", number);
		return -EBADMSG;
	}
	switch (number) {
	case TUX_LISTEN:
	case TUX_ADOPT:
		return socket_take(instance, number, (const struct tux_socket __user *)argument);
	case TUX_RUN:
		return ktux_worker_run(instance);
	case TUX_DRAIN:
	case TUX_RETIRE:
		drain(instance, number == TUX_RETIRE);
		return 0;
	case TUX_ROOM:
		WRITE_ONCE(instance->shared->full, 0);
		ktux_listeners_resume(instance);
		return 0;
	case TUX_SIZE:
		bytes = ktux_records_bytes(instance);
		return put_user(bytes, (u64 __user *)argument);
	default:
		pr_debug("tux: %#x is not known\n", number);
		return -EINVAL;
	}
}

static long device_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	struct instance *instance = file->private_data;
	bool greets;
	int error;

	if (number == TUX_STATUS)
		return READ_ONCE(instance->greeted) ? status(instance, (struct tux_status __user *)argument) : -EBADMSG;
	if (number != TUX_HELLO && number != TUX_SETUP)
		return call(instance, number, argument);
	error = mutex_lock_interruptible(&instance->setup_lock);
	if (error != 0)
		return error;
	greets = number == TUX_HELLO;
	if (instance->set_up || instance->greeted == greets) {
		pr_debug("tux: %#x is out of its order\n", number);
		error = -EBADMSG;
	} else if (greets) {
		error = hello(instance, (struct tux_hello __user *)argument);
	} else {
		error = set_up(instance, (const struct tux_setup __user *)argument);
	}
	mutex_unlock(&instance->setup_lock);
	return error;
}

/* Without the lock. data_race(): the list changes meanwhile. take_handed_up() looks again, and each hand-up wakes the readers. */
static bool has_handed_up(struct instance *instance)
{
	return data_race(!list_empty_careful(&instance->handed_up)); /* as above */
}

static struct conn *take_handed_up(struct instance *instance)
{
	struct conn *conn;

	spin_lock_irq(&instance->lock);
	conn = list_first_entry_or_null(&instance->handed_up, struct conn, all);
	if (conn)
		list_del_init(&conn->all);
	spin_unlock_irq(&instance->lock);
	return conn;
}

static void put_back(struct instance *instance, struct conn *conn)
{
	spin_lock_irq(&instance->lock);
	list_add(&conn->all, &instance->handed_up);
	spin_unlock_irq(&instance->lock);
	wake_up_interruptible(&instance->readers);
}

/*
 * Returns a new file for the socket of a handed-up connection, or an error, after which the connection still has its socket.
 * sock_alloc_file() releases the socket on failure. Without ops that only drops a reference to its inode.
 */
static struct file *file_of(struct socket *sock)
{
	const struct proto_ops *ops = sock->ops;
	struct file *file;

	ihold(SOCK_INODE(sock));
	WRITE_ONCE(sock->ops, NULL); /* unused meanwhile: only this thread reaches the socket */
	file = sock_alloc_file(sock, O_NONBLOCK, NULL);
	WRITE_ONCE(sock->ops, ops);
	if (!IS_ERR(file))
		iput(SOCK_INODE(sock)); /* the file has the other reference */
	return file;
}

/* Copies a structure and its text to the program. Returns 0 or a negative errno. */
static int tell(const struct tux_handed_up *handed, const struct chosen *chosen, struct tux_handed_up __user *user)
{
	if (copy_to_user(user, handed, sizeof(*handed)))
		return -EFAULT;
	return chosen && copy_to_user(user->text, chosen->text, handed->target_len + handed->fields_len) ? -EFAULT : 0;
}

/*
 * Gives a handed-up connection to the program as a file descriptor, with its slot. Returns the bytes of size that it has used, or a negative
 * errno. After a failure the connection stays handed up, for the next read().
 */
static ssize_t give_fd(struct instance *instance, struct conn *conn, struct tux_handed_up __user *user, size_t size)
{
	struct tux_handed_up handed = { .reason = conn->reason | (conn->declined ? TUX_REASON_DECLINED : 0), .listener = conn->listener };
	const struct chosen *chosen = conn->chosen;
	struct file *file = conn->file;
	size_t bytes;
	int error;

	if (chosen) {
		handed.target_len = chosen->target_len;
		handed.fields_len = chosen->fields_len;
	}
	bytes = TUX_HANDED_UP_BYTES(handed.target_len + handed.fields_len);
	handed.fd = bytes <= size ? get_unused_fd_flags(O_CLOEXEC) : -EMSGSIZE;
	error = min(handed.fd, 0);
	if (error == 0)
		error = tell(&handed, chosen, user);
	if (error == 0 && !file)
		file = file_of(conn->sock);
	if (IS_ERR(file))
		error = (int)PTR_ERR(file);
	if (error != 0) {
		if (handed.fd >= 0)
			put_unused_fd((unsigned int)handed.fd);
		put_back(instance, conn);
		return error;
	}
	ktux_conn_release(conn);
	fd_install((unsigned int)handed.fd, file);
	return (ssize_t)bytes;
}

static ssize_t device_read(struct file *file, char __user *user, size_t size, loff_t *off)
{
	struct instance *instance = file->private_data;
	size_t done = 0;

	if (!is_set_up(instance))
		return -EBADMSG;
	if (size < sizeof(struct tux_handed_up))
		return -EINVAL;
	while (size - done >= sizeof(struct tux_handed_up)) {
		struct conn *conn = take_handed_up(instance);
		ssize_t given;

		if (!conn && done > 0)
			break;
		if (!conn && (data_race(file->f_flags) & O_NONBLOCK)) /* F_SETFL writes it under another lock */
			return -EAGAIN;
		if (!conn) {
			if (wait_event_interruptible(instance->readers, has_handed_up(instance)))
				return -EINTR;
			continue;
		}
		given = give_fd(instance, conn, (struct tux_handed_up __user *)(user + done), size - done);
		if (given < 0)
			return done > 0 ? (ssize_t)done : given;
		done += (size_t)given;
	}
	return (ssize_t)done;
}

static __poll_t device_poll(struct file *file, struct poll_table_struct *table)
{
	struct instance *instance = file->private_data;

	poll_wait(file, &instance->readers, table);
	return has_handed_up(instance) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int device_mmap(struct file *file, struct vm_area_struct *area)
{
	struct instance *instance = file->private_data;

	if (!is_set_up(instance))
		return -EBADMSG;
	return ktux_records_map(instance, area);
}

static int device_open(struct inode *inode, struct file *file)
{
	struct net *net = current->nsproxy->net_ns;
	struct instance *instance;

	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	instance = kzalloc(sizeof(*instance), GFP_KERNEL_ACCOUNT);
	if (!instance)
		return -ENOMEM;
	instance->net = get_net(net);
	instance->of_root = ns_capable_noaudit(&init_user_ns, CAP_NET_ADMIN);
	mutex_init(&instance->setup_lock);
	spin_lock_init(&instance->lock);
	INIT_LIST_HEAD(&instance->work);
	INIT_LIST_HEAD(&instance->conns);
	INIT_LIST_HEAD(&instance->handed_up);
	INIT_LIST_HEAD(&instance->listeners);
	init_waitqueue_head(&instance->workers);
	init_waitqueue_head(&instance->readers);
	instance->owner = get_pid(task_tgid(current));
	rcu_read_lock();
	instance->parent = get_pid(task_tgid(rcu_dereference(current->real_parent)));
	rcu_read_unlock();
	instance->memcg = get_mem_cgroup_from_mm(current->mm);
	mutex_lock(&everyone_lock);
	list_add_tail(&instance->everyone, &everyone);
	mutex_unlock(&everyone_lock);
	file->private_data = instance;
	return stream_open(inode, file);
}

/* The last reference is gone, so no call is in progress. */
static int device_release(struct inode *inode, struct file *file)
{
	struct instance *instance = file->private_data;

	mutex_lock(&everyone_lock);
	list_del(&instance->everyone);
	mutex_unlock(&everyone_lock);
	WRITE_ONCE(instance->draining, true);
	ktux_listeners_close(instance);
	ktux_conns_close(instance);
	setup_undo(instance);
	ktux_scratch_trim();
	put_net(instance->net);
	put_pid(instance->owner);
	put_pid(instance->parent);
	mem_cgroup_put(instance->memcg);
	kfree_sensitive(instance);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.poll = device_poll,
	.mmap = device_mmap,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tux",
	.fops = &operations,
	.mode = 0600,
};

int ktux_device_init(void)
{
	return misc_register(&device);
}

void ktux_device_exit(void)
{
	misc_deregister(&device);
}
