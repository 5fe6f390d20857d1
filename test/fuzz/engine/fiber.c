/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as coroutines. A thread runs until it waits: for a condition, for another thread, or in its loop. Then the thread that let
 * it run continues. A mutex is never contended, because no thread waits while it holds one.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "sim.h"

enum { STACK_BYTES = 256 * 1024, MAX_WAITS = 2000 };

enum fiber_state { FIBER_UNUSED, FIBER_WOKEN, FIBER_RUNS, FIBER_CONDITION, FIBER_LOOP, FIBER_ENDED };

struct fiber {
	enum fiber_state state;
	ucontext_t context;     /* of its start */
	void *at[5];            /* where it waits */
	bool started;
	struct fiber *resumer;  /* thread that continues when this one waits */
	void *fake_stack;       /* AddressSanitizer's */
	void *stack;
	size_t stack_bytes;
	void *(*run)(void *argument);
	void *argument;
	const pthread_cond_t *condition;
};

static struct fiber fibers[FIBER_MAX], main_fiber = { .started = true };
static struct fiber *current = &main_fiber;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *argument), void *argument);
int __real_pthread_join(pthread_t id, void **result);
int __wrap_pthread_join(pthread_t id, void **result);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);
int __real_pthread_setname_np(pthread_t id, const char *name);
int __wrap_pthread_setname_np(pthread_t id, const char *name);
int __real_setpriority(int which, id_t who, int value);
int __wrap_setpriority(int which, id_t who, int value);

/* As AddressSanitizer does not see these jumps, it makes no system call for them. */
static void __attribute__((noinline, noreturn, no_sanitize("address"))) jump(struct fiber *to)
{
	__builtin_longjmp(to->at, 1);
}

static void __attribute__((no_sanitize("address"))) switch_to(struct fiber *to)
{
	struct fiber *from = current;

	current = to;
	__sanitizer_start_switch_fiber(from->state == FIBER_ENDED ? NULL : &from->fake_stack, to->stack, to->stack_bytes);
	if (__builtin_setjmp(from->at) == 0) {
		if (to->started)
			jump(to);
		to->started = true;
		setcontext(&to->context);
		abort();
	}
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
}

static void begin(void)
{
	struct fiber *self = current;
	const void *bottom;
	size_t bytes;

	__sanitizer_finish_switch_fiber(NULL, &bottom, &bytes);
	if (self->resumer == &main_fiber && main_fiber.stack == NULL) {
		main_fiber.stack = (void *)(uintptr_t)bottom;
		main_fiber.stack_bytes = bytes;
	}
	self->run(self->argument);
	self->state = FIBER_ENDED;
	switch_to(self->resumer);
	abort();
}

/* Lets a thread run until it waits. */
static void resume(struct fiber *fiber)
{
	fiber->resumer = current;
	fiber->state = FIBER_RUNS;
	switch_to(fiber);
}

static void wait_as(enum fiber_state state)
{
	struct fiber *self = current;

	require(self != &main_fiber);
	self->state = state;
	switch_to(self->resumer);
}

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *argument), void *argument)
{
	struct fiber *fiber = fibers;

	if (!sim_running)
		return __real_pthread_create(id, attributes, run, argument);
	while (fiber < fibers + FIBER_MAX && fiber->state != FIBER_UNUSED)
		fiber++;
	if (fiber == fibers + FIBER_MAX)
		return EAGAIN;
	if (fiber->stack == NULL) {
		fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		require(fiber->stack != MAP_FAILED);
		fiber->stack_bytes = STACK_BYTES;
	}
	require(getcontext(&fiber->context) == 0);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = fiber->stack_bytes;
	fiber->run = run;
	fiber->argument = argument;
	fiber->state = FIBER_WOKEN;
	fiber->fake_stack = NULL;
	fiber->started = false;
	makecontext(&fiber->context, begin, 0);
	*id = (pthread_t)(fiber - fibers + 1);
	return 0;
}

bool fiber_work(unsigned which)
{
	unsigned woken = 0;

	for (unsigned i = 0; i < FIBER_MAX; i++)
		woken += fibers[i].state == FIBER_WOKEN;
	if (woken == 0)
		return false;
	which %= woken;
	for (unsigned i = 0; i < FIBER_MAX; i++)
		if (fibers[i].state == FIBER_WOKEN && which-- == 0) {
			resume(&fibers[i]);
			return true;
		}
	return false;
}

unsigned fiber_loops(void)
{
	unsigned loops = 0;

	for (unsigned i = 0; i < FIBER_MAX; i++)
		loops += fibers[i].state == FIBER_LOOP;
	return loops;
}

void fiber_turn(unsigned which)
{
	const unsigned loops = fiber_loops();

	if (loops == 0)
		return;
	which %= loops;
	for (unsigned i = 0; i < FIBER_MAX; i++)
		if (fibers[i].state == FIBER_LOOP && which-- == 0) {
			resume(&fibers[i]);
			return;
		}
}

void fiber_wait_in_loop(void)
{
	wait_as(FIBER_LOOP);
}

void fiber_check_over(void)
{
	for (unsigned i = 0; i < FIBER_MAX; i++)
		require(fibers[i].state == FIBER_UNUSED);
}

int __wrap_pthread_join(pthread_t id, void **result)
{
	struct fiber *fiber = &fibers[id - 1];

	if (!sim_running)
		return __real_pthread_join(id, result);
	for (unsigned i = 0; fiber->state != FIBER_ENDED; i++) {
		require(i < MAX_WAITS); /* a lost wake-up, or an endless loop */
		if (fiber->state == FIBER_LOOP || fiber->state == FIBER_WOKEN)
			resume(fiber);
		else
			require(fiber_work(0));
	}
	fiber->state = FIBER_UNUSED;
	return 0;
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	struct fiber *self = current;

	if (!sim_running)
		return __real_pthread_cond_wait(condition, mutex);
	pthread_mutex_unlock(mutex);
	self->condition = condition;
	if (self == &main_fiber) {
		for (unsigned i = 0; self->condition != NULL; i++) {
			require(i < MAX_WAITS);
			require(fiber_work(0));
		}
	} else {
		wait_as(FIBER_CONDITION);
	}
	pthread_mutex_lock(mutex);
	return 0;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
	return sim_running ? ETIMEDOUT : __real_pthread_cond_timedwait(condition, mutex, until);
}

/* Wakes one waiting thread, or all. */
static int wake(const pthread_cond_t *condition, bool all)
{
	if (main_fiber.condition == condition) {
		main_fiber.condition = NULL;
		if (!all)
			return 0;
	}
	for (unsigned i = 0; i < FIBER_MAX; i++) {
		if (fibers[i].state != FIBER_CONDITION || fibers[i].condition != condition)
			continue;
		fibers[i].state = FIBER_WOKEN;
		if (!all)
			return 0;
	}
	return 0;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
	return sim_running ? wake(condition, false) : __real_pthread_cond_signal(condition);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition)
{
	return sim_running ? wake(condition, true) : __real_pthread_cond_broadcast(condition);
}

int __wrap_pthread_setname_np(pthread_t id, const char *name)
{
	return sim_running ? 0 : __real_pthread_setname_np(id, name);
}

int __wrap_setpriority(int which, id_t who, int value)
{
	return sim_running ? 0 : __real_setpriority(which, who, value);
}
