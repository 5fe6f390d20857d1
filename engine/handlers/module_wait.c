/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "module_fetch.h"
#include "module_file.h"

enum { READY_AT_ONCE = 64 }; /* descriptors that are handled before other events */

/* Begins a wait. Without memory it is over at once. A wait for something else than the client or a time has the time limit of the module. */
static void begin(struct tux_req *call)
{
	const struct thread *thread = call->calls->thread;
	struct call_wait *wait = &call->wait;

	wait->begun = true;
	wait->over = false;
	switch ((enum call_until)wait->until) {
	case UNTIL_NOTHING:
		wait->over = true;
		break;
	case UNTIL_TIME:
		wait->over = !deadline_start(&call->calls->deadlines, &wait->deadline, thread->now_ms + (wait->ms > 0 ? wait->ms : 1)); /* not in this turn */
		break;
	case UNTIL_ROOM:
	case UNTIL_BODY:
		break;
	case UNTIL_READY:
		wait->over = !call_watch(call);
		if (!call->tunnel) /* which has a limit of its own */
			call->calls->ops->keep(call);
		break;
	case UNTIL_FILE:
		module_file_forget_loads(call);
		break;
	case UNTIL_FETCHED:
		wait->over = module_fetch_begin(call);
		break;
	}
}

/* Looks the file up after the client has taken the one before, for which it may need more time than the module has. */
static bool look_up(struct tux_req *call)
{
	if (stream_has_file(&call->stream))
		return false;
	if (call->timer.next == NULL)
		call->calls->ops->keep(call);
	return module_file_look_up(call);
}

bool module_wait_is_over(struct tux_req *call)
{
	struct call_wait *wait = &call->wait;

	if (!wait->begun)
		begin(call);
	if (wait->until == UNTIL_ROOM)
		wait->over = stream_has_room(&call->stream);
	if (wait->until == UNTIL_BODY)
		wait->over = body_queue_is_ready(&call->queue);
	if (wait->until == UNTIL_FILE && !wait->over)
		wait->over = look_up(call);
	return wait->over;
}

bool module_wait_excuses(const struct tux_req *call)
{
	const struct call_wait *wait = &call->wait;

	return !call_is_kept(call) && wait->begun && (wait->over || (wait->until == UNTIL_FILE && call->req->load.pending == NULL && !call->file.awaited));
}

void module_wait_end(struct tux_req *call)
{
	if (!call->wait.begun) /* else a thread of the module may be setting the next one */
		return;
	deadline_stop(&call->calls->deadlines, &call->wait.deadline);
	timer_stop(&call->timer);
	if (call->wait.until == UNTIL_FILE)
		module_file_leave(call);
	call_unwatch(call);
	module_fetch_end(call);
	call->wait.begun = false;
}

/* Removes the next event of a descriptor. Returns false without one. */
static bool next_ready(const struct calls *calls, struct epoll_event *event)
{
	int count;

	do
		count = epoll_wait(calls->ready.fd, event, 1, 0);
	while (count < 0 && errno == EINTR); /* the loop is not told again */
	return count == 1;
}

void module_waits_ready(struct calls *calls)
{
	struct epoll_event event;

	calls->more_ready = false;
	for (unsigned i = 0; next_ready(calls, &event); i++) { /* one by one: each may end the wait of another */
		struct tux_req *call = event.data.ptr;

		call->wait.over = true;
		call->req->sink->resume(call->req);
		if (i >= READY_AT_ONCE) {
			calls->more_ready = true;
			return;
		}
	}
}

void module_waits_expire(struct calls *calls)
{
	struct deadline *deadline;

	if (calls->more_ready)
		module_waits_ready(calls);
	while ((deadline = deadline_passed(&calls->deadlines, calls->thread->now_ms)) != NULL) {
		struct tux_req *call = (struct tux_req *)((char *)deadline - offsetof(struct tux_req, wait.deadline));

		call->wait.over = true;
		call->req->sink->resume(call->req);
	}
}

int module_waits_next(const struct calls *calls)
{
	if (calls->more_ready)
		return 0;
	return deadlines_next(&calls->deadlines, calls->thread->now_ms);
}
