/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../io/error_log.h"
#include "../io/print.h"
#include "../small_tables.h"
#include "module_log.h"
#include "pool.h"

enum {
	SPARE_CALLS = TUX_SMALL_TABLES ? 0 : 64, /* a used call rests until as many others were put back */
	LONG_CALL_MS = 50,                       /* a longer handle() in a thread of the server is reported */
};

bool calls_open(struct calls *calls, const struct call_ops *ops)
{
	calls->ops = ops;
	calls->spare_last = &calls->spare;
	calls->inbox.event_fd = -1;
	return inbox_open(&calls->inbox);
}

bool calls_free(struct calls *calls)
{
	struct job *job = calls->inbox.event_fd >= 0 ? inbox_take(&calls->inbox) : NULL;

	while (job != NULL) {
		struct job *next = job->next;

		call_put((struct tux_req *)job);
		job = next;
	}
	while (calls->spare != NULL) {
		struct tux_req *call = calls->spare;

		calls->spare = call->next;
		free(call);
	}
	if (calls->out > 0)
		return false;
	if (calls->inbox.event_fd >= 0)
		inbox_free(&calls->inbox);
	return true;
}

/* Returns an address that only this thread has. */
static const void *this_thread(void)
{
	static _Thread_local char mark;

	return &mark;
}

static enum call_owner owner_of(const struct tux_req *call)
{
	return (enum call_owner)__atomic_load_n(&call->owner, __ATOMIC_ACQUIRE);
}

static void give_to(struct tux_req *call, enum call_owner owner)
{
	__atomic_store_n(&call->owner, (unsigned)owner, __ATOMIC_RELEASE);
}

/* Takes a call from one owner for another. Returns false if it has another owner. */
static bool take_from(struct tux_req *call, enum call_owner from, enum call_owner owner)
{
	unsigned expected = (unsigned)from;

	return __atomic_compare_exchange_n(&call->owner, &expected, (unsigned)owner, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void complain(struct tux_loaded *loaded, const char *text)
{
	module_log(loaded, "", text, (uint32_t)strlen(text));
}

bool call_is_owned(const struct tux_req *call, const char *function)
{
	const enum call_owner owner = owner_of(call);
	char text[SAY_BYTES];

	if (owner == CALL_SUSPENDED || (owner == CALL_MODULE && call->runner == this_thread()))
		return true;
	print(text, sizeof(text), "%s() was called for a request that %s", function,
	      owner == CALL_MODULE ? "another thread handles" : "the module does not have");
	complain(call->loaded, text);
	return false;
}

struct tux_req *call_get(struct calls *calls, struct tux_loaded *loaded)
{
	struct tux_req *call = calls->spare_count > SPARE_CALLS ? calls->spare : NULL;

	if (call != NULL) {
		calls->spare = call->next;
		if (calls->spare == NULL)
			calls->spare_last = &calls->spare;
		calls->spare_count--;
	} else {
		call = malloc(sizeof(*call));
		if (call == NULL)
			return NULL;
	}
	memset(call, 0, sizeof(*call));
	calls->out++;
	call->job.inbox = &calls->inbox;
	call->loaded = loaded;
	call->calls = calls;
	call->fd = -1;
	return call;
}

void call_forget_reply(struct tux_req *call)
{
	if (call->reply == REPLY_COPY)
		free((void *)(uintptr_t)call->data);
	if (call->reply == REPLY_MEMORY && call->drop != NULL)
		call->drop(call->argument);
	if (call->reply == REPLY_FD)
		close(call->fd);
	call->reply = REPLY_NONE;
	buffer_forget(&call->type);
	buffer_forget(&call->fields);
	buffer_forget(&call->text);
}

void call_put(struct tux_req *call)
{
	struct calls *calls = call->calls;

	calls->ops->put(call);
	call_forget_reply(call);
	buffer_forget(&call->body);
	free(call->copy);
	free(call->memory);
	call->copy = NULL;
	call->memory = NULL;
	call->req = NULL;
	give_to(call, CALL_SERVER);
	call->next = NULL;
	*calls->spare_last = call;
	calls->spare_last = &call->next;
	calls->spare_count++;
	calls->out--;
}

bool call_detach(struct tux_req *call)
{
	const uint32_t bytes = call->head->head_len;
	struct call_copy *copy;

	if (call->copy != NULL)
		return true;
	copy = malloc(sizeof(*copy) + bytes + call->path_len);
	if (copy == NULL)
		return false;
	copy->head = *call->head;
	memcpy(copy->bytes, call->bytes, bytes);
	memcpy(copy->bytes + bytes, call->path, call->path_len);
	call->copy = copy;
	call->bytes = copy->bytes;
	call->head = &copy->head;
	call->path = copy->bytes + bytes;
	return true;
}

/* A module may return the error of the function that failed. */
static void complain_of_result(struct tux_loaded *loaded, int result)
{
	char text[SAY_BYTES];

	if (result < 0)
		print(text, sizeof(text), "handle() failed: %s", strerror(-result));
	else
		print(text, sizeof(text), "handle() returned %d, which is no result", result);
	complain(loaded, text);
}

/* Returns the result of a handle() after which the call is the server's. It is TUX_DONE if there is a reply. */
static enum tux_result judge(const struct tux_req *call, enum tux_result result)
{
	if (call->reply != REPLY_NONE) {
		if (result != TUX_DONE && !call->suspended)
			complain(call->loaded, "handle() gave a reply and did not return TUX_DONE");
		return TUX_DONE;
	}
	if (result == TUX_SUSPEND)
		complain(call->loaded, call->suspended ? "a request was resumed without a reply" : "handle() returned TUX_SUSPEND without tux_suspend()");
	else if (result == TUX_DONE)
		complain(call->loaded, "handle() returned TUX_DONE without a reply");
	else if (result != TUX_DECLINE && result != TUX_FAIL)
		complain_of_result(call->loaded, (int)result);
	return result == TUX_DECLINE ? TUX_DECLINE : TUX_FAIL;
}

/* Removes a party. Returns true if it was the last one: then only the caller uses the call. */
static bool leave(struct tux_req *call, enum call_party party)
{
	return __atomic_sub_fetch(&call->parties, (unsigned)party, __ATOMIC_ACQ_REL) == 0;
}

/*
 * Runs handle(). Returns TUX_SUSPEND if the module keeps the call: then another thread may give it back at any time, and it must not be
 * used any more, except by the thread of the request.
 */
static enum tux_result run(struct tux_req *call)
{
	enum tux_result result;

	call->runner = this_thread();
	__atomic_store_n(&call->parties, PARTY_HANDLE, __ATOMIC_RELAXED);
	give_to(call, CALL_MODULE);
	result = call->loaded->module->handle(call);
	if (result != TUX_SUSPEND && call->suspended && take_from(call, CALL_SUSPENDED, CALL_SERVER))
		leave(call, PARTY_SUSPENDED); /* it suspended the request, and did not need to */
	if (!leave(call, PARTY_HANDLE))
		return TUX_SUSPEND;
	give_to(call, CALL_SERVER);
	return judge(call, result);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Leaves the call to the module, which has a limited time for it. */
static void leave_to_module(struct tux_req *call)
{
	call->kept = true;
	call->calls->ops->keep(call);
}

enum tux_result call_run(struct tux_req *call)
{
	struct tux_loaded *loaded = call->loaded;
	const int64_t began = now_ms();
	const enum tux_result result = run(call);
	const int64_t took = now_ms() - began;
	char text[SAY_BYTES];

	if (took > LONG_CALL_MS) {
		print(text, sizeof(text), "handle() took %lld ms, during which its thread served nobody else; a module that waits needs threads",
		      (long long)took);
		complain(loaded, text);
		call->long_calls++;
	}
	if (result == TUX_SUSPEND)
		leave_to_module(call);
	return result;
}

void call_submit(struct tux_req *call)
{
	leave_to_module(call);
	pool_submit(call->loaded->pool, call);
}

void call_run_in_pool(struct tux_req *call)
{
	const bool gone = __atomic_load_n(&call->gone, __ATOMIC_ACQUIRE);
	const enum tux_result result = gone ? TUX_FAIL : run(call);

	if (result == TUX_SUSPEND)
		return;
	call->result = (uint8_t)result;
	loader_deliver(&call->job);
}

void call_lose(struct tux_req *call)
{
	__atomic_store_n(&call->gone, true, __ATOMIC_SEQ_CST);
	if (!call->kept)
		call_put(call);
	else if (__atomic_load_n(&call->owner, __ATOMIC_SEQ_CST) == CALL_SUSPENDED && call->loaded->module->gone != NULL)
		call->loaded->module->gone(call);
}

static bool is_gone(const struct tux_req *call)
{
	return __atomic_load_n(&call->gone, __ATOMIC_SEQ_CST);
}

int call_resume(struct tux_req *call)
{
	bool gone;

	if (!take_from(call, CALL_SUSPENDED, CALL_SERVER)) {
		complain(call->loaded, "tux_resume() was called for a request that is not suspended");
		return -EPERM;
	}
	gone = is_gone(call);
	if (leave(call, PARTY_SUSPENDED)) { /* else the thread that runs handle() gives it back */
		call->result = (uint8_t)(gone ? TUX_FAIL : judge(call, TUX_SUSPEND));
		loader_deliver(&call->job);
	}
	return gone ? -ESTALE : 0;
}

int call_suspend(struct tux_req *call)
{
	if (owner_of(call) != CALL_MODULE || call->reply != REPLY_NONE)
		return -EALREADY;
	if (!call_detach(call))
		return -ENOMEM;
	call->suspended = true;
	call->direct = false;
	__atomic_or_fetch(&call->parties, PARTY_SUSPENDED, __ATOMIC_RELAXED);
	__atomic_store_n(&call->owner, (unsigned)CALL_SUSPENDED, __ATOMIC_SEQ_CST);
	/* A client that left before this store is not told to gone(), which wants a suspended request. */
	if (!is_gone(call) || !take_from(call, CALL_SUSPENDED, CALL_MODULE))
		return 0;
	call->suspended = false;
	leave(call, PARTY_SUSPENDED);
	return -ESTALE;
}
