// SPDX-License-Identifier: GPL-2.0-or-later
#include "module_call.h"

#include <linux/jiffies.h>
#include <linux/rcupdate.h>

#include "answer.h"
#include "away.h"
#include "log_ring.h"
#include "module_send.h"

enum {
	LONG_CALL_MS = 50,   /* a call of handle() that takes longer gets a line in the kernel log */
	CLIENT_GONE = 499,   /* log status of a request whose client disconnected, as in nginx */
};

static struct tux_setup_module_counters *counters_of(struct conn *conn, const struct tux_req *call)
{
	return ktux_module_counters(conn->instance, call->number);
}

/* Ends a call that no other thread can use, unless it is the connection's. */
static void end(struct scratch *scratch, struct tux_req *call)
{
	if (call->copy)
		ktux_call_put(call);
	else
		ktux_call_end(scratch, call);
}

static enum look fail(struct conn *conn, struct tux_req *call)
{
	counters_of(conn, call)->failed++;
	return ktux_look_hand_up(conn, TUX_REASON_FAILED);
}

static void complain_of_result(struct tux_req *call, const char *function, enum tux_result result)
{
	struct tux_loaded *loaded = call->loaded;

	if (result == TUX_SUSPEND)
		ktux_call_complain(loaded, "%s returned TUX_SUSPEND without tux_suspend(), or a request was resumed without a reply", function);
	else if (result == TUX_DONE)
		ktux_call_complain(loaded, "%s returned TUX_DONE without a reply", function);
	else if (result == TUX_BLOCKS)
		ktux_call_complain(loaded, "%s returned TUX_BLOCKS, and %s", function,
				   loaded->blocking ? "only handle() may do so" : "the module has no blocking()");
	else if ((int)result < 0)
		ktux_call_complain(loaded, "%s failed: %d", function, (int)result);
	else if (result != TUX_FAIL)
		ktux_call_complain(loaded, "%s returned %d, which is no result", function, (int)result);
}

/* Continues with the reply of a call that the server has, or without one. */
static enum look judge(struct conn *conn, struct tux_req *call, const char *function, enum tux_result result, enum send_result *sent)
{
	if (call->reply != REPLY_NONE && result != TUX_DONE && result != TUX_SUSPEND)
		ktux_call_complain(call->loaded, "%s gave a reply and did not return TUX_DONE", function);
	if (call->reply == REPLY_BODY || call->reply == REPLY_REDIRECT) {
		int error = ktux_module_send_kept(call, conn);

		if (error != 0) {
			ktux_call_complain(call->loaded, error == -ENOMEM ? "out of memory for its reply" : "the head of a reply is too long");
			return fail(conn, call);
		}
	}
	if (call->reply == REPLY_SENT) {
		*sent = (enum send_result)call->result;
		return LOOK_ANSWERED;
	}
	if (call->reply == REPLY_FILE) {
		counters_of(conn, call)->files++;
		conn->chosen = call->chosen; /* NULL: it is in scratch */
		call->chosen = NULL;
		return LOOK_CHOSEN;
	}
	if (result == TUX_DECLINE) {
		counters_of(conn, call)->declined++;
		conn->declined = true;
		return LOOK_DECLINED;
	}
	complain_of_result(call, function, result);
	return fail(conn, call);
}

/* Leaves a call to a helper thread. */
static enum look block(struct conn *conn, struct tux_req *call)
{
	int error = ktux_call_detach(call);

	if (error == 0) {
		conn->call = call;
		return LOOK_BLOCKS;
	}
	ktux_call_complain(call->loaded, "no memory for a request that may wait: %d", error);
	return fail(conn, call);
}

static enum look handle(struct conn *conn, struct scratch *scratch, struct tux_req *call, enum send_result *sent)
{
	struct tux_loaded *loaded = call->loaded;
	unsigned long began = jiffies;
	enum tux_result result;
	enum call_owner owner;
	enum look look;

	counters_of(conn, call)->requests++;
	call->owner = CALL_RUNNING;
	call->running = true;
	call->direct = true;
	result = loaded->module->handle(call);
	if (time_after(jiffies, began + msecs_to_jiffies(LONG_CALL_MS)))
		ktux_call_complain(loaded, "handle() took %u ms, during which this CPU did nothing else; a module that waits needs blocking()",
				   jiffies_to_msecs(jiffies - began));
	owner = ktux_call_ran(conn, call, result == TUX_SUSPEND);
	if (owner == CALL_SUSPENDED)
		return LOOK_SUSPENDED;
	if ((int)result == KTUX_AWAY && call->reply == REPLY_NONE) {
		counters_of(conn, call)->requests--; /* it was not called for this one */
		look = ktux_look_hand_up(conn, TUX_REASON_MODULE);
	} else if (result == TUX_BLOCKS && loaded->blocking && call->reply == REPLY_NONE && owner == CALL_SERVER) {
		look = block(conn, call);
		if (look == LOOK_BLOCKS)
			return look;
	} else {
		look = judge(conn, call, "handle()", result, sent);
	}
	end(scratch, call);
	return look;
}

/* Fills what the module sees of the request. */
static void show(struct conn *conn, struct scratch *scratch, struct tux_req *call, const u8 *buf, u32 path_len)
{
	call->buf = buf;
	call->head = &scratch->request;
	call->path = scratch->path;
	call->path_len = path_len;
	call->port = conn->port;
	memcpy(call->address, conn->address, sizeof(call->address));
	call->began_us = conn->instance->records ? ktux_answer_now_us() : 0;
	call->fields = scratch->module.fields;
	call->conn = conn;
}

enum look ktux_module_look(struct conn *conn, struct scratch *scratch, const u8 *buf, u32 path_len, u32 number, enum send_result *result)
{
	struct module_table *table = &conn->instance->modules;
	const struct module_entry *entry = number < table->count ? &table->entry[number] : NULL;
	enum look look = LOOK_HAND_UP;
	struct tux_loaded *loaded;
	struct tux_req *call;

	if (!entry || !entry->conf)
		return ktux_look_hand_up(conn, TUX_REASON_ROUTE);
	if (!ktux_records_room(conn->instance))
		return ktux_look_hand_up(conn, TUX_REASON_RECORDS);
	rcu_read_lock();
	loaded = rcu_dereference(entry->loaded);
	call = loaded ? ktux_call_new(scratch, conn->instance) : NULL;
	if (call) {
		call->loaded = loaded;
		call->conf = entry->conf;
		call->number = number;
		call->timeout = entry->timeout;
		show(conn, scratch, call, buf, path_len);
		look = handle(conn, scratch, call, result);
	} else {
		ktux_look_hand_up(conn, loaded ? TUX_REASON_MEMORY : TUX_REASON_MODULE);
	}
	rcu_read_unlock();
	return look;
}

enum tux_result ktux_module_block(struct conn *conn)
{
	struct tux_req *call = conn->call;
	struct tux_loaded *loaded = call->loaded;
	enum tux_result result;

	if (!percpu_ref_tryget_live(&loaded->refs)) {
		call->reason = TUX_REASON_UNLOADED;
		return TUX_FAIL;
	}
	call->running = true;
	WRITE_ONCE(call->owner, CALL_RUNNING);
	result = loaded->blocking(call);
	percpu_ref_put(&loaded->refs);
	return result;
}

/* Separates the connection from a call that the server has. */
static void separate(struct conn *conn, struct tux_req *call)
{
	conn->call = NULL;
	ktux_call_put(call);
}

enum look ktux_module_block_end(struct conn *conn, enum tux_result result, u32 *used, enum send_result *sent)
{
	struct tux_req *call = conn->call;
	enum look look;

	if (call->reason == TUX_REASON_UNLOADED) {
		counters_of(conn, call)->unloaded++;
		separate(conn, call);
		return ktux_look_hand_up(conn, TUX_REASON_UNLOADED);
	}
	if (ktux_call_ran(conn, call, result == TUX_SUSPEND) == CALL_SUSPENDED)
		return LOOK_SUSPENDED;
	*used = call->head->head_len;
	look = judge(conn, call, "blocking()", result, sent);
	separate(conn, call);
	return look;
}

enum look ktux_module_return(struct conn *conn, u32 *used, enum send_result *sent)
{
	struct tux_req *call = conn->call;
	enum look look;

	*used = call->head->head_len;
	if (call->reason == TUX_REASON_UNLOADED) {
		counters_of(conn, call)->unloaded++;
		look = ktux_look_hand_up(conn, TUX_REASON_UNLOADED);
	} else {
		look = judge(conn, call, "handle()", TUX_SUSPEND, sent);
	}
	separate(conn, call);
	return look;
}

bool ktux_module_expire(struct conn *conn)
{
	struct tux_setup_module_counters *counters = counters_of(conn, conn->call);

	if (!ktux_call_take(conn))
		return false;
	counters->timeouts++;
	conn->reason = TUX_REASON_LATE;
	return true;
}

bool ktux_module_client_left(struct conn *conn, bool record)
{
	struct tux_req *call = conn->call;
	struct tux_setup_module_counters *counters = counters_of(conn, call);
	struct scratch *scratch = ktux_scratch_get();
	bool taken;

	refcount_inc(&call->refs); /* for its copy of the request */
	taken = ktux_call_take(conn);
	if (taken) {
		counters->gone++;
		if (record) {
			scratch->request = *call->head;
			ktux_answer_begin(conn, scratch, call->buf, call->began_us, CLIENT_GONE, 0);
			ktux_answer_note(conn, scratch, ktux_loaded_name(call->loaded));
			ktux_answer_sent(conn, scratch, SEND_DONE);
		}
	}
	ktux_call_put(call);
	return taken;
}
