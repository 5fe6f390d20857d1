// SPDX-License-Identifier: GPL-2.0-or-later
#include "call.h"

#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "conn_state.h"
#include "helper.h"
#include "memcg.h"
#include "own_body.h"

enum {
	RETURN_MS = 60000, /* from gone() on: the most that rmmod waits until a module gives a taken call back */
};

void ktux_call_complain(struct tux_loaded *loaded, const char *format, ...)
{
	struct va_format text = { .fmt = format };
	va_list arguments;

	if (!___ratelimit(&loaded->lines, loaded->label))
		return;
	va_start(arguments, format);
	text.va = &arguments;
	pr_warn("%s: %pV\n", loaded->label, &text);
	va_end(arguments);
}

struct tux_req *ktux_call_new(struct scratch *scratch, const struct instance *instance)
{
	struct tux_req *call = xchg(&scratch->module.spare, NULL);

	if (call) {
		memset(call, 0, offsetof(struct tux_req, lock));
	} else {
		call = ktux_charged_zeroed(instance->memcg, sizeof(*call));
		if (!call)
			return NULL;
		spin_lock_init(&call->lock);
	}
	refcount_set(&call->refs, 1);
	INIT_LIST_HEAD(&call->all);
	call->memcg = instance->memcg;
	return call;
}

void ktux_call_end(struct scratch *scratch, struct tux_req *call)
{
	kfree(call->memory);
	kfree(xchg(&scratch->module.spare, call));
}

/* Returns room for the fields of a detached call, with those that were added; NULL if out of memory. */
static u8 *detached_fields(const struct tux_req *call)
{
	u8 *fields = ktux_charged_zeroed(call->memcg, TUX_MAX_FIELD_LINES);

	if (fields)
		memcpy(fields, call->fields, call->fields_len);
	return fields;
}

int ktux_call_detach(struct tux_req *call)
{
	const u32 bytes = call->head->head_len;
	u8 *fields = NULL;
	struct call_copy *copy;

	if (call->copy)
		return 0;
	copy = ktux_charged_zeroed(call->memcg, struct_size(copy, bytes, bytes + call->path_len));
	if (copy && call->fields_len > 0)
		fields = detached_fields(call);
	if (!copy || (call->fields_len > 0 && !fields)) {
		kfree(copy);
		return -ENOMEM;
	}
	copy->head = *call->head;
	memcpy(copy->bytes, call->buf, bytes);
	memcpy(copy->bytes + bytes, call->path, call->path_len);
	call->copy = copy;
	call->buf = copy->bytes;
	call->head = &copy->head;
	call->path = copy->bytes + bytes;
	call->fields = fields;
	call->direct = false;
	ktux_memcg_get(call->memcg);
	refcount_inc(&call->loaded->users);
	return 0;
}

void ktux_loaded_put(struct tux_loaded *loaded)
{
	if (!refcount_dec_and_test(&loaded->users))
		return;
	percpu_ref_exit(&loaded->refs);
	put_pid(loaded->owner);
	kfree(loaded);
}

void ktux_call_put(struct tux_req *call)
{
	struct tux_loaded *loaded = call->loaded;

	if (!refcount_dec_and_test(&call->refs))
		return;
	ktux_own_body_free(call->body);
	kfree(call->chosen);
	kfree(call->location);
	kfree(call->fields);
	kfree(call->memory);
	kfree(call->copy);
	mem_cgroup_put(call->memcg);
	kfree(call);
	ktux_loaded_put(loaded);
}

/* Drops the reference of a module that does not have the call any more, and may be unloaded then. */
static void put_of_module(struct tux_req *call)
{
	struct tux_loaded *loaded = call->loaded;

	ktux_call_put(call);
	percpu_ref_put(&loaded->refs); /* the last use of loaded here: its unregistration may end now */
}

int ktux_call_suspend(struct tux_req *call)
{
	struct tux_loaded *loaded = call->loaded;
	unsigned long flags;
	int error;

	if (READ_ONCE(call->owner) != CALL_RUNNING) {
		ktux_call_complain(loaded, "tux_suspend() was called for a request that no function of the module handles");
		return -EPERM;
	}
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	error = ktux_call_detach(call);
	if (error != 0)
		return error;
	refcount_inc(&call->refs);
	percpu_ref_get(&loaded->refs);
	spin_lock_irqsave(&loaded->lock, flags);
	list_add_tail(&call->all, &loaded->suspended);
	spin_lock(&call->lock);
	call->owner = CALL_SUSPENDED;
	spin_unlock(&call->lock);
	spin_unlock_irqrestore(&loaded->lock, flags);
	return 0;
}

int ktux_call_resume(struct tux_req *call)
{
	struct tux_loaded *loaded = call->loaded;
	enum call_owner owner;
	unsigned long flags;

	spin_lock_irqsave(&loaded->lock, flags);
	spin_lock(&call->lock);
	owner = call->owner;
	if (owner == CALL_SUSPENDED) {
		call->owner = CALL_RETURNED;
		if (!call->running)
			ktux_work_queue(call->conn->instance, &call->conn->work);
	} else if (owner == CALL_TAKEN) {
		call->owner = CALL_SERVER;
	}
	spin_unlock(&call->lock);
	if (owner == CALL_SUSPENDED || owner == CALL_TAKEN)
		list_del_init(&call->all);
	if (owner == CALL_TAKEN && list_empty(&loaded->taken) && READ_ONCE(loaded->entries) == 0)
		schedule_work(&loaded->settle);
	spin_unlock_irqrestore(&loaded->lock, flags);
	if (owner != CALL_SUSPENDED && owner != CALL_TAKEN) {
		ktux_call_complain(loaded, "tux_resume() was called for a request that the module does not have");
		return -EPERM;
	}
	put_of_module(call);
	return owner == CALL_TAKEN ? -ESTALE : 0;
}

enum call_owner ktux_call_ran(struct conn *conn, struct tux_req *call, bool wanted)
{
	struct tux_loaded *loaded = call->loaded;
	bool unwanted = false;
	enum call_owner owner;
	unsigned long flags;

	if (!call->copy) { /* it was not suspended, so no other thread knows it */
		call->running = false;
		call->owner = CALL_SERVER;
		return CALL_SERVER;
	}
	spin_lock_irqsave(&loaded->lock, flags);
	spin_lock(&call->lock);
	call->running = false;
	unwanted = call->owner == CALL_SUSPENDED && !wanted;
	if (unwanted || call->owner == CALL_RUNNING)
		call->owner = CALL_SERVER;
	owner = call->owner;
	if (owner == CALL_SUSPENDED) { /* before another thread queues the connection */
		call->conn = conn;
		conn->call = call;
		ktux_conn_set_state(conn, CONN_SUSPENDED);
	}
	spin_unlock(&call->lock);
	if (unwanted)
		list_del_init(&call->all);
	spin_unlock_irqrestore(&loaded->lock, flags);
	if (unwanted)
		put_of_module(call); /* the caller has another reference to the call */
	return owner;
}

/* Takes a call that the module has. Returns false if it has not. Under the locks of the module and of the call. */
static bool take(struct tux_req *call)
{
	struct tux_loaded *loaded = call->loaded;
	const unsigned long return_time = min(call->timeout, msecs_to_jiffies(RETURN_MS));

	if (call->owner != CALL_SUSPENDED || call->running)
		return false;
	call->owner = CALL_TAKEN;
	list_move_tail(&call->all, &loaded->taken);
	if (time_after(jiffies + return_time, loaded->limit))
		loaded->limit = jiffies + return_time; /* from gone() on, because it may have been taken at its deadline */
	return true;
}

/* Tells a module about a call that was taken from it. The caller has a reference. */
static void tell_gone(struct tux_req *call)
{
	const struct tux_module *module = call->loaded->module;

	if (module->gone)
		module->gone(call);
}

bool ktux_call_take(struct conn *conn)
{
	struct tux_req *call = conn->call;
	struct tux_loaded *loaded = call->loaded;
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&loaded->lock, flags);
	spin_lock(&call->lock);
	taken = take(call);
	if (taken) {
		call->conn = NULL;
		percpu_ref_get(&loaded->refs); /* for gone(), because the module may give the call back meanwhile */
	}
	spin_unlock(&call->lock);
	spin_unlock_irqrestore(&loaded->lock, flags);
	if (!taken)
		return false;
	conn->call = NULL;
	tell_gone(call);
	put_of_module(call); /* the connection's reference, and that for gone() */
	return true;
}

void ktux_call_leave(struct conn *conn)
{
	struct tux_req *call = conn->call;

	if (!call || ktux_call_take(conn))
		return;
	conn->call = NULL; /* the module does not have it any more, and no thread queues the connection */
	ktux_call_put(call);
}

/* Takes the first suspended call from a module, and queues its connection. Returns it with a reference; NULL: the module has no call. */
static struct tux_req *take_first(struct tux_loaded *loaded)
{
	struct tux_req *call, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&loaded->lock, flags);
	list_for_each_entry(call, &loaded->suspended, all) {
		spin_lock(&call->lock);
		if (take(call)) {
			call->reason = TUX_REASON_UNLOADED;
			refcount_inc(&call->refs);
			ktux_work_queue(call->conn->instance, &call->conn->work);
			call->conn = NULL;
			found = call;
		}
		spin_unlock(&call->lock);
		if (found)
			break;
	}
	spin_unlock_irqrestore(&loaded->lock, flags);
	return found;
}

void ktux_calls_take(struct tux_loaded *loaded)
{
	struct tux_req *call;

	while ((call = take_first(loaded))) {
		tell_gone(call);
		ktux_call_put(call);
	}
}

/* Abandons the first of the calls that the server has taken and the module has not given back. Returns false if no such call is left. */
static bool abandon_first(struct tux_loaded *loaded)
{
	struct tux_req *call;

	spin_lock_irq(&loaded->lock);
	call = list_first_entry_or_null(&loaded->taken, struct tux_req, all);
	if (call) {
		list_move_tail(&call->all, &loaded->abandoned);
		spin_lock(&call->lock);
		call->owner = CALL_SERVER;
		spin_unlock(&call->lock);
	}
	spin_unlock_irq(&loaded->lock);
	return call;
}

u32 ktux_calls_abandon(struct tux_loaded *loaded)
{
	u32 count = 0;

	while (abandon_first(loaded)) {
		percpu_ref_put(&loaded->refs); /* the module's reference to the call stays: a timer or work may still use it */
		count++;
	}
	return count;
}

void ktux_calls_forget(struct tux_loaded *loaded)
{
	struct tux_req *call, *next;

	list_for_each_entry_safe(call, next, &loaded->abandoned, all) {
		list_del_init(&call->all);
		ktux_call_put(call);
	}
}
