/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../io/clock.h"
#include "../io/error_log.h"
#include "../io/print.h"
#include "../small_tables.h"
#include "call_fetch.h"
#include "module_log.h"
#include "pool.h"

enum {
	SPARE_CALLS = TUX_SMALL_TABLES ? 0 : 64, /* a used call rests until as many others were put back */
	LONG_CALL_MS = 50,                       /* a longer call in a thread of the server is reported */
	HUNG_CALL_MS = 1000,                     /* one that has not returned by then is reported, too: it may never return */
};

bool calls_open(struct calls *calls, const struct call_ops *ops)
{
	calls->ops = ops;
	calls->spare_last = &calls->spare;
	calls->inbox.event_fd = -1;
	return inbox_open(&calls->inbox);
}

/* Makes a call spare. */
static void spare(struct tux_req *call)
{
	struct calls *calls = call->calls;

	call->used = call->discarded = false;
	call->next = NULL;
	*calls->spare_last = call;
	calls->spare_last = &call->next;
	calls->spare_count++;
	calls->out--;
}

bool calls_free(struct calls *calls)
{
	struct job *job = calls->inbox.event_fd >= 0 ? inbox_take(&calls->inbox) : NULL;

	while (job != NULL) {
		struct tux_req *call = (struct tux_req *)job;

		job = job->next;
		if (call_take_news(call) & NEWS_RETURNED)
			call_put(call);
	}
	while (calls->spare != NULL) {
		struct tux_req *call = calls->spare;

		calls->spare = call->next;
		stream_close(&call->stream);
		body_queue_close(&call->queue);
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

bool call_has_memory(const struct tux_req *call, const char *function)
{
	return __atomic_load_n(&call->teller, __ATOMIC_RELAXED) == this_thread() || call_is_owned(call, function);
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
		stream_open(&call->stream);
		body_queue_open(&call->queue);
		call->job = (struct job){ .inbox = &calls->inbox };
	}
	memset(&call->next, 0, sizeof(*call) - offsetof(struct tux_req, next));
	calls->out++;
	call->used = true;
	call->loaded = loaded;
	call->calls = calls;
	call->reads = module_reads_bodies(loaded);
	call->fd = call->wait.fd = -1;
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
	call_fetch_free(call->fetch);
	call->fetch = NULL;
	call->req = NULL;
	stream_reset(&call->stream);
	body_queue_reset(&call->queue);
	if (call->wait.fd >= 0)
		close(call->wait.fd);
	call->wait.fd = -1;
	give_to(call, CALL_SERVER);
	if (__atomic_load_n(&call->news, __ATOMIC_ACQUIRE) != 0) /* the inbox has it */
		call->discarded = true;
	else
		spare(call);
}

unsigned call_take_news(struct tux_req *call)
{
	const unsigned news = __atomic_exchange_n(&call->news, 0, __ATOMIC_ACQ_REL);

	if (!call->used)
		return 0;
	if (!call->discarded)
		return news;
	spare(call);
	return 0;
}

/* Delivers a call to the thread of the request. If it is under way, its thread finds the news, too. The caller must not use it any more. */
static void deliver(struct tux_req *call, enum call_news news)
{
	struct calls *calls = call->calls;

	if (__atomic_fetch_or(&call->news, (unsigned)news, __ATOMIC_ACQ_REL) != 0)
		return;
	if (__atomic_load_n(&calls->gatherer, __ATOMIC_RELAXED) == this_thread()) {
		calls->gathered = true;
		loader_deliver_here(&call->job);
	} else {
		loader_deliver(&call->job);
	}
}

void calls_gather(struct calls *calls)
{
	calls->gathered = false;
	__atomic_store_n(&calls->gatherer, this_thread(), __ATOMIC_RELAXED);
}

struct job *calls_gathered(struct calls *calls)
{
	__atomic_store_n(&calls->gatherer, NULL, __ATOMIC_RELAXED);
	return calls->gathered ? inbox_take_unread(&calls->inbox) : NULL;
}

bool call_detach(struct tux_req *call)
{
	const uint32_t bytes = call->head->head_len;
	struct call_copy *copy;

	if (call->copy != NULL)
		return true;
	copy = malloc(sizeof(*copy) + bytes + call->path_len + call->tls_len);
	if (copy == NULL)
		return false;
	memcpy(&copy->head, call->head, offsetof(struct tux_request, fields.line) + call->head->fields.count * sizeof(struct tux_field));
	memcpy(copy->bytes, call->bytes, bytes);
	memcpy(copy->bytes + bytes, call->path, call->path_len);
	if (call->tls_len > 0)
		memcpy(copy->bytes + bytes + call->path_len, call->tls, call->tls_len);
	call->copy = copy;
	call->bytes = copy->bytes;
	call->head = &copy->head;
	call->path = copy->bytes + bytes;
	call->tls = copy->bytes + bytes + call->path_len;
	return true;
}

/* Returns the name of the function of the module that runs, or has run last. */
static const char *name_of_run(const struct tux_req *call)
{
	return call->again ? "resumed()" : "handle()";
}

static void complain_of_run(const struct tux_req *call, const char *text)
{
	char line[SAY_BYTES];

	print(line, sizeof(line), "%s %s", name_of_run(call), text);
	complain(call->loaded, line);
}

/* A module may return the error of the function that failed. */
static void complain_of_result(const struct tux_req *call, int result)
{
	char text[SAY_BYTES];

	if (result < 0)
		print(text, sizeof(text), "failed: %s", strerror(-result));
	else
		print(text, sizeof(text), "returned %d, which is no result", result);
	complain_of_run(call, text);
}

bool call_watch(struct tux_req *call)
{
	struct epoll_event event = { .events = EPOLLONESHOT, .data.ptr = call };

	if (call->wait.events & POLLIN)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (call->wait.events & POLLOUT)
		event.events |= EPOLLOUT;
	return epoll_ctl(call->calls->ready.fd, EPOLL_CTL_ADD, call->wait.fd, &event) == 0;
}

void call_unwatch(struct tux_req *call)
{
	if (call->wait.fd < 0)
		return;
	epoll_ctl(call->calls->ready.fd, EPOLL_CTL_DEL, call->wait.fd, NULL);
	close(call->wait.fd);
	call->wait.fd = -1;
}

bool call_is_suspended(const struct tux_req *call)
{
	return owner_of(call) == CALL_SUSPENDED;
}

bool call_is_gone(const struct tux_req *call)
{
	return __atomic_load_n(&call->gone, __ATOMIC_SEQ_CST);
}

/* Cuts the stream of a call that the module has given back, unless it has ended. */
static void end_stream(struct tux_req *call, enum tux_result result)
{
	if ((int)result < 0)
		complain_of_result(call, (int)result);
	if (stream_cut(&call->stream) == 0)
		complain(call->loaded, "a request was given back before tux_stream_end(), so its response is cut");
}

/* Returns the result of a run after which the call is the server's. */
static enum call_result judge(struct tux_req *call, enum tux_result result)
{
	if (call->wait.until != UNTIL_NOTHING) {
		if (result != TUX_SUSPEND)
			complain_of_run(call, "gave a request back to wait, and did not return TUX_SUSPEND");
		return CALL_WAITS;
	}
	if (call_is_gone(call))
		return CALL_FAILED;
	if (call->reply == REPLY_STREAM) {
		end_stream(call, result);
		return CALL_DONE;
	}
	if (call->reply != REPLY_NONE) {
		if (result != TUX_DONE && !call->suspended)
			complain_of_run(call, "gave a reply and did not return TUX_DONE");
		return CALL_DONE;
	}
	if (result == TUX_SUSPEND && call->suspended)
		complain(call->loaded, "a request was resumed without a reply");
	else if (result == TUX_SUSPEND)
		complain_of_run(call, "returned TUX_SUSPEND without tux_suspend()");
	else if (result == TUX_DONE)
		complain_of_run(call, "returned TUX_DONE without a reply");
	else if (result != TUX_DECLINE && result != TUX_FAIL)
		complain_of_result(call, (int)result);
	return result == TUX_DECLINE ? CALL_DECLINED : CALL_FAILED;
}

/* Removes a party. Returns true if it was the last one: then only the caller uses the call. */
static bool leave(struct tux_req *call, enum call_party party)
{
	return __atomic_sub_fetch(&call->parties, (unsigned)party, __ATOMIC_ACQ_REL) == 0;
}

/* True if blocking() may continue the request that handle() has not kept. */
static bool may_block(const struct tux_req *call)
{
	return call->loaded->blocking != NULL && !call->again && !call->suspended && call->reply == REPLY_NONE &&
	       call->wait.until == UNTIL_NOTHING;
}

/*
 * Runs handle() or resumed(). Returns CALL_KEPT if the module keeps the call: then another thread may give it back at any time, and it must
 * not be used any more, except by the thread of the request.
 */
static enum call_result run(struct tux_req *call, bool here)
{
	const struct tux_loaded *loaded = call->loaded;
	enum tux_result result;

	call->runner = this_thread();
	call->here = here;
	call->suspended = false;
	call->wait.until = UNTIL_NOTHING;
	__atomic_store_n(&call->parties, PARTY_HANDLE, __ATOMIC_RELAXED);
	give_to(call, CALL_MODULE);
	result = call->again ? loaded->resumed(call) : loaded->module->handle(call);
	if (result == TUX_BLOCKS && may_block(call))
		result = loaded->blocking(call);
	if (result != TUX_SUSPEND && call->suspended && take_from(call, CALL_SUSPENDED, CALL_SERVER))
		leave(call, PARTY_SUSPENDED); /* it suspended the request, and did not need to */
	if (!leave(call, PARTY_HANDLE))
		return CALL_KEPT;
	give_to(call, CALL_SERVER);
	return judge(call, result);
}

/* Leaves the call to the module, which has a limited time for it. */
static void leave_to_module(struct tux_req *call)
{
	call->kept = true;
	call->calls->ops->keep(call);
}

enum call_result call_run(struct tux_req *call)
{
	const uint64_t began = clock_ms();
	struct calls *calls = call->calls;
	enum call_result result;
	char text[SAY_BYTES];
	uint64_t took;

	__atomic_store_n(&calls->running_since_ms, began, __ATOMIC_RELAXED);
	__atomic_store_n(&calls->running, call->loaded, __ATOMIC_RELEASE);
	result = run(call, true);
	__atomic_store_n(&calls->running, NULL, __ATOMIC_RELEASE);
	took = clock_ms() - began;
	if (took > LONG_CALL_MS) {
		print(text, sizeof(text), "%s took %llu ms, during which its thread served nobody else; a module that waits needs threads",
		      name_of_run(call), (unsigned long long)took);
		complain(call->loaded, text);
		call->long_calls++;
	}
	if (result == CALL_KEPT)
		leave_to_module(call);
	return result;
}

void calls_tell_hung(struct calls *calls, uint64_t now_ms)
{
	const struct tux_loaded *loaded = __atomic_load_n(&calls->running, __ATOMIC_ACQUIRE);
	const uint64_t since = __atomic_load_n(&calls->running_since_ms, __ATOMIC_RELAXED);
	char front[128];
	char text[SAY_BYTES];

	if (loaded == NULL || since == calls->told_ms || now_ms < since + HUNG_CALL_MS)
		return;
	calls->told_ms = since;
	print(front, sizeof(front), "module %s:", loaded->config->name);
	print(text, sizeof(text), "a call has not returned for %llu ms, and its thread serves nobody else until it does; a module that waits needs threads",
	      (unsigned long long)(now_ms - since));
	say(front, text, (uint32_t)strlen(text));
}

void call_submit(struct tux_req *call)
{
	leave_to_module(call);
	pool_submit(call->loaded->pool, call);
}

void call_return_unrun(struct tux_req *call)
{
	call->result = call->again && call_is_gone(call) ? CALL_WAITS : CALL_FAILED; /* gone() is due to a module that knows the call */
	deliver(call, NEWS_RETURNED);
}

void call_run_in_pool(struct tux_req *call)
{
	enum call_result result;

	if (call_is_gone(call)) {
		call_return_unrun(call);
		return;
	}
	result = run(call, false);
	if (result == CALL_KEPT)
		return;
	call->result = (uint8_t)result;
	deliver(call, NEWS_RETURNED);
}

/* Tells the module that the request has ended, which nobody has. The module has it meanwhile, so that it finds its memory. */
static void tell_gone(struct tux_req *call)
{
	if (call->loaded->module->gone == NULL)
		return;
	call->runner = this_thread();
	call->here = true;
	call->suspended = call->direct = false; /* a reply reaches nobody */
	__atomic_store_n(&call->parties, PARTY_HANDLE, __ATOMIC_RELAXED);
	give_to(call, CALL_MODULE);
	call->loaded->module->gone(call);
	give_to(call, CALL_SERVER);
}

/* Like tell_gone(), but calls a function for a suspended request, which another thread of the module may be giving back. */
static void tell_suspended(struct tux_req *call, void (*function)(struct tux_req *call))
{
	__atomic_store_n(&call->teller, this_thread(), __ATOMIC_RELAXED);
	function(call);
	__atomic_store_n(&call->teller, NULL, __ATOMIC_RELAXED);
}

void call_put_lost(struct tux_req *call)
{
	if (call->result == CALL_WAITS && call_is_gone(call))
		tell_gone(call);
	call_put(call);
}

void call_lose(struct tux_req *call)
{
	__atomic_store_n(&call->gone, true, __ATOMIC_SEQ_CST);
	if (!call->kept)
		call_put_lost(call);
	else if (__atomic_load_n(&call->owner, __ATOMIC_SEQ_CST) == CALL_SUSPENDED && call->loaded->module->gone != NULL)
		tell_suspended(call, call->loaded->module->gone);
}

void call_tell_room(struct tux_req *call)
{
	if (call->loaded->writable != NULL && call->kept && owner_of(call) == CALL_SUSPENDED && stream_tells_room(&call->stream))
		tell_suspended(call, call->loaded->writable);
}

void call_tell_body(struct tux_req *call)
{
	if (call->loaded->readable != NULL && call->kept && owner_of(call) == CALL_SUSPENDED && body_queue_tells(&call->queue))
		tell_suspended(call, call->loaded->readable);
}

void call_wake(struct tux_req *call)
{
	if (!call->here || owner_of(call) != CALL_MODULE)
		deliver(call, NEWS_STREAM);
}

/* Gives a suspended call, which the caller has taken from the module, to the thread of the request. */
static void give_back_suspended(struct tux_req *call)
{
	if (!leave(call, PARTY_SUSPENDED)) /* the thread that runs handle() gives it back */
		return;
	call->result = (uint8_t)judge(call, TUX_SUSPEND);
	deliver(call, NEWS_RETURNED);
}

int call_resume(struct tux_req *call)
{
	bool gone;

	if (!take_from(call, CALL_SUSPENDED, CALL_SERVER)) {
		complain(call->loaded, "tux_resume() was called for a request that is not suspended");
		return -EPERM;
	}
	gone = call_is_gone(call);
	give_back_suspended(call);
	return gone ? -ESTALE : 0;
}

/* True if the module has nothing more to do for the request but to give it back. */
static bool has_reply(struct tux_req *call)
{
	if (call->reply != REPLY_STREAM)
		return call->reply != REPLY_NONE;
	switch (stream_state(&call->stream)) {
	case STREAM_NONE:
	case STREAM_CUT:
		break;
	case STREAM_OPEN:
		return false;
	case STREAM_WHOLE: /* a tunnel may still be read */
		return !call->upgraded;
	}
	return true;
}

int call_take_back(struct tux_req *call, const char *function)
{
	if (!call_is_owned(call, function))
		return -EPERM;
	if (call->loaded->resumed == NULL)
		return -ENOSYS;
	if (has_reply(call))
		return -EALREADY;
	if (!take_from(call, CALL_SUSPENDED, CALL_SERVER) && !take_from(call, CALL_MODULE, CALL_SERVER))
		return -EPERM; /* another thread has just given it back */
	return 0;
}

int call_give_back(struct tux_req *call, enum call_until until)
{
	const bool gone = call_is_gone(call);

	if (!gone)
		call->wait.until = (uint8_t)until;
	if (call->suspended)
		give_back_suspended(call);
	return gone ? -ESTALE : TUX_SUSPEND;
}

void call_return(struct tux_req *call, enum call_result result)
{
	if (!take_from(call, CALL_SUSPENDED, CALL_SERVER))
		return;
	leave(call, PARTY_SUSPENDED);
	call->result = (uint8_t)result;
	deliver(call, NEWS_RETURNED);
}

int call_suspend(struct tux_req *call)
{
	if (owner_of(call) != CALL_MODULE || has_reply(call))
		return -EALREADY;
	if (!call_detach(call))
		return -ENOMEM;
	call->suspended = true;
	call->direct = false;
	__atomic_or_fetch(&call->parties, PARTY_SUSPENDED, __ATOMIC_RELAXED);
	__atomic_store_n(&call->owner, (unsigned)CALL_SUSPENDED, __ATOMIC_SEQ_CST);
	/* A client that left before this store is not told to gone(), which wants a suspended request. */
	if (!call_is_gone(call) || !take_from(call, CALL_SUSPENDED, CALL_MODULE)) {
		if (call->reply == REPLY_STREAM || call->reads) /* it may have room, or bytes, which only a suspended request is told about */
			deliver(call, NEWS_STREAM);
		return 0;
	}
	call->suspended = false;
	leave(call, PARTY_SUSPENDED);
	return -ESTALE;
}
