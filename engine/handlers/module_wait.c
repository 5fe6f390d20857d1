/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_wait.h"

#include "module_file.h"

/* Begins a wait. Without memory it is over at once. */
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
		wait->over = !deadline_start(&call->calls->deadlines, &wait->deadline, thread->now_ms + wait->ms);
		break;
	case UNTIL_ROOM:
		break;
	case UNTIL_FILE:
		module_file_forget_loads(call);
		break;
	}
}

bool module_wait_is_over(struct tux_req *call)
{
	struct call_wait *wait = &call->wait;

	if (!wait->begun)
		begin(call);
	if (wait->until == UNTIL_ROOM)
		wait->over = stream_has_room(&call->stream);
	if (wait->until == UNTIL_FILE && !wait->over)
		wait->over = module_file_look_up(call);
	return wait->over;
}

void module_wait_end(struct tux_req *call)
{
	deadline_stop(&call->calls->deadlines, &call->wait.deadline);
	if (call->wait.begun && call->wait.until == UNTIL_FILE)
		lookup_leave(&call->req->load);
	call->wait.begun = false;
}

void module_waits_expire(struct calls *calls)
{
	struct deadline *deadline;

	while ((deadline = deadline_passed(&calls->deadlines, calls->thread->now_ms)) != NULL) {
		struct tux_req *call = (struct tux_req *)((char *)deadline - offsetof(struct tux_req, wait.deadline));

		call->wait.over = true;
		call->req->sink->resume(call->req);
	}
}

int module_waits_next(const struct calls *calls)
{
	return deadlines_next(&calls->deadlines, calls->thread->now_ms);
}
