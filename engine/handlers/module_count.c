/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_count.h"

#include <time.h>

#include "../thread.h"

/* Returns the monotonic time, which is never 0. */
static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 + 1;
}

static struct tux_module_counters *counters_of(const struct tux_req *call)
{
	const struct thread *thread = call->calls->thread;

	return &thread->modules[call->loaded - thread->config->loaded];
}

void module_count_begin(struct tux_req *call)
{
	struct tux_module_counters *counters = counters_of(call);

	count(&counters->requests, 1);
	count(&counters->active, 1);
	call->began_us = now_us();
}

/* Counts the end of a request under its outcome. */
static void end(struct tux_req *call, uint64_t *outcome)
{
	struct tux_module_counters *counters = counters_of(call);

	count(outcome, 1);
	count(&counters->active, UINT64_MAX); /* one less */
	count(&counters->long_calls, call->long_calls);
	histogram_add(&counters->duration, (uint64_t)(now_us() - call->began_us), 1);
	call->began_us = 0;
}

void module_count_result(struct tux_req *call, enum call_result result)
{
	struct tux_module_counters *counters = counters_of(call);

	if (call->began_us == 0)
		return;
	if (result == CALL_DECLINED)
		end(call, &counters->declined);
	else if (result != CALL_DONE)
		end(call, &counters->failed);
	else if (call->reply == REPLY_TARGET)
		end(call, &counters->files);
	else
		end(call, &counters->replied[call->status / 100 - 1]);
}

void module_count_timeout(struct tux_req *call)
{
	if (call->began_us != 0)
		end(call, &counters_of(call)->timeouts);
}

void module_count_gone(struct tux_req *call)
{
	if (call->began_us != 0)
		end(call, &counters_of(call)->gone);
}
