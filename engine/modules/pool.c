/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "call.h"

enum { STOP_S = 1 }; /* for threads that are in a module when the engine stops */

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_cond_t less; /* a thread has ended */
	struct tux_req *first;
	struct tux_req **last;
	bool stopping;
	unsigned running; /* threads that have not ended */
	unsigned threads;
	void (*run)(struct tux_req *call);
	void (*leave)(struct tux_req *call);
	pthread_t thread[];
};

/* Removes the first call. Waits for one. Returns NULL when the pool stops. */
static struct tux_req *next_call(struct pool *pool)
{
	struct tux_req *call = NULL;

	pthread_mutex_lock(&pool->lock);
	while (pool->first == NULL && !pool->stopping)
		pthread_cond_wait(&pool->more, &pool->lock);
	if (!pool->stopping) {
		call = pool->first;
		pool->first = call->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
	} else {
		pool->running--;
		pthread_cond_signal(&pool->less);
	}
	pthread_mutex_unlock(&pool->lock);
	return call;
}

static void *pool_thread(void *argument)
{
	struct pool *pool = argument;
	struct tux_req *call;

	while ((call = next_call(pool)) != NULL)
		pool->run(call);
	return NULL;
}

struct pool *pool_start(unsigned threads, const char *name, void (*run)(struct tux_req *call), void (*leave)(struct tux_req *call))
{
	struct pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pthread_t));
	char title[16]; /* pthread_setname_np(3) permits no more */
	int error = 0;

	if (pool == NULL)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	pthread_cond_init(&pool->less, NULL);
	pool->last = &pool->first;
	pool->run = run;
	pool->leave = leave;
	snprintf(title, sizeof(title), "tux %.11s", name);
	while (pool->threads < threads && error == 0) {
		error = pthread_create(&pool->thread[pool->threads], NULL, pool_thread, pool);
		if (error != 0)
			break;
		pthread_setname_np(pool->thread[pool->threads], title);
		pthread_mutex_lock(&pool->lock);
		pool->running++;
		pthread_mutex_unlock(&pool->lock);
		pool->threads++;
	}
	if (error == 0)
		return pool;
	pool_stop(pool);
	errno = error;
	return NULL;
}

void pool_submit(struct pool *pool, struct tux_req *call)
{
	call->next = NULL;
	pthread_mutex_lock(&pool->lock);
	*pool->last = call;
	pool->last = &call->next;
	pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->lock);
}

bool pool_stop(struct pool *pool)
{
	struct timespec until;
	int waited = 0;
	bool ended;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->more);
	while (pool->running > 0 && waited == 0)
		waited = pthread_cond_timedwait(&pool->less, &pool->lock, &until);
	ended = pool->running == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!ended)
		return false;
	while (pool->first != NULL) {
		struct tux_req *call = pool->first;

		pool->first = call->next;
		pool->leave(call);
	}
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_cond_destroy(&pool->less);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
	return true;
}
