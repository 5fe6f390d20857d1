/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

bool inbox_open(struct inbox *inbox)
{
	pthread_mutex_init(&inbox->lock, NULL);
	inbox->jobs = NULL;
	inbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return inbox->event_fd >= 0;
}

void inbox_free(struct inbox *inbox)
{
	if (inbox->event_fd >= 0)
		close(inbox->event_fd);
	pthread_mutex_destroy(&inbox->lock);
}

struct job *inbox_take(struct inbox *inbox)
{
	uint64_t count;

	(void)!read(inbox->event_fd, &count, sizeof(count));
	return inbox_take_unread(inbox);
}

struct job *inbox_take_unread(struct inbox *inbox)
{
	struct job *jobs;

	pthread_mutex_lock(&inbox->lock);
	jobs = inbox->jobs;
	inbox->jobs = NULL;
	pthread_mutex_unlock(&inbox->lock);
	return jobs;
}

/* Puts a job into its inbox. tells: wakes the thread, unless it was woken for others. */
static void put(struct job *job, bool tells)
{
	struct inbox *inbox = job->inbox;
	const uint64_t one = 1;

	pthread_mutex_lock(&inbox->lock);
	tells = tells && inbox->jobs == NULL; /* else the thread will take this job with those before it */
	job->next = inbox->jobs;
	inbox->jobs = job;
	/* Under the lock: after the job can be taken, its thread may end and close the inbox. */
	if (tells)
		(void)!write(inbox->event_fd, &one, sizeof(one));
	pthread_mutex_unlock(&inbox->lock);
}

void loader_deliver(struct job *job)
{
	put(job, true);
}

void loader_deliver_here(struct job *job)
{
	put(job, false);
}

/* Removes the first job of a queue. */
static struct job *take(struct job **first, struct job ***last)
{
	struct job *job = *first;

	*first = job->next;
	if (*first == NULL)
		*last = first;
	return job;
}

static void append(struct job *job, struct job ***last)
{
	job->next = NULL;
	**last = job;
	*last = &job->next;
}

/* Returns the group with this id. A new id gets an unused slot, or shares one. */
static struct loader_group *group_find(struct loader *loader, uint64_t id)
{
	struct loader_group *unused = NULL;

	for (int i = 0; i < LOADER_GROUPS; i++) {
		if (loader->group[i].active > 0 && loader->group[i].id == id)
			return &loader->group[i];
		if (loader->group[i].active == 0)
			unused = &loader->group[i];
	}
	if (unused == NULL)
		return &loader->group[id % LOADER_GROUPS];
	unused->id = id;
	return unused;
}

/* Ends a job that occupied a thread of its group. The next one of the group can start. */
static void group_leave(struct loader *loader, struct loader_group *group)
{
	group->active--;
	if (group->first == NULL || loader->stopping)
		return;
	append(take(&group->first, &group->last), &loader->last);
	loader->queued++; /* this thread takes it, or one before it, for which another thread was woken */
	group->active++;
}

/* Returns the next job, after one of a group. NULL: the loader stops. */
static struct job *next_job(struct loader *loader, struct loader_group *left)
{
	struct job *job = NULL;

	pthread_mutex_lock(&loader->lock);
	if (left != NULL)
		group_leave(loader, left);
	loader->waiting++;
	while (loader->first == NULL && !loader->stopping)
		pthread_cond_wait(&loader->more, &loader->lock);
	loader->waiting--;
	if (!loader->stopping) {
		loader->queued--;
		job = take(&loader->first, &loader->last);
	}
	pthread_mutex_unlock(&loader->lock);
	return job;
}

static void *loader_thread(void *argument)
{
	struct loader *loader = argument;
	struct loader_group *group = NULL;
	struct job *job;

	pthread_setname_np(pthread_self(), "tux loader");
	if (loader->limits.nice != 0) /* of this thread alone; without it the jobs run all the same */
		(void)setpriority(PRIO_PROCESS, 0, loader->limits.nice);
	while ((job = next_job(loader, group)) != NULL) {
		const bool delivered = job->inbox != NULL;

		group = job->group != 0 ? &loader->group[job->slot] : NULL;
		job->run(job);
		if (delivered)
			loader_deliver(job);
	}
	return NULL;
}

static void queues_clear(struct loader *loader)
{
	loader->first = NULL;
	loader->last = &loader->first;
	for (int i = 0; i < LOADER_GROUPS; i++)
		loader->group[i] = (struct loader_group){ .last = &loader->group[i].first };
}

/* Starts another thread. Returns false with errno if that fails. */
static bool thread_start(struct loader *loader)
{
	const int failure = pthread_create(&loader->thread[loader->threads], NULL, loader_thread, loader);

	if (failure != 0) {
		errno = failure;
		return false;
	}
	loader->threads++;
	return true;
}

bool loader_start(struct loader *loader, const struct loader_limits *limits)
{
	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->more, NULL);
	queues_clear(loader);
	loader->waiting = loader->queued = loader->threads = 0;
	loader->stopping = false;
	loader->limits = *limits;
	while (loader->threads < limits->first && thread_start(loader))
		;
	return loader->threads > 0;
}

static void unrun_deliver(struct job *job)
{
	while (job != NULL) {
		struct job *next = job->next;

		if (job->inbox != NULL)
			loader_deliver(job);
		job = next;
	}
}

void loader_stop(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	loader->stopping = true;
	pthread_cond_broadcast(&loader->more);
	pthread_mutex_unlock(&loader->lock);
	for (unsigned i = 0; i < loader->threads; i++)
		pthread_join(loader->thread[i], NULL);
	unrun_deliver(loader->first);
	for (int i = 0; i < LOADER_GROUPS; i++)
		unrun_deliver(loader->group[i].first);
	queues_clear(loader);
}

/* Returns the group of a job, which has a slot then; NULL: none. */
static struct loader_group *group_of(struct loader *loader, struct job *job)
{
	struct loader_group *group = job->group != 0 ? group_find(loader, job->group) : NULL;

	if (group != NULL)
		job->slot = (uint8_t)(group - loader->group);
	return group;
}

static bool submit(struct loader *loader, struct job *job, bool at_once)
{
	struct loader_group *group;
	bool runs;

	pthread_mutex_lock(&loader->lock);
	group = group_of(loader, job);
	if (group != NULL && group->active >= loader->limits.each) {
		if (!at_once)
			append(job, &group->last);
		pthread_mutex_unlock(&loader->lock);
		return !at_once;
	}
	runs = loader->queued < loader->waiting;
	if (!runs && loader->threads < loader->limits.most && !loader->stopping)
		runs = thread_start(loader);
	if (!at_once)
		runs = loader->threads > 0;
	if (runs) {
		append(job, &loader->last);
		loader->queued++;
		if (group != NULL)
			group->active++;
	}
	pthread_mutex_unlock(&loader->lock);
	pthread_cond_signal(&loader->more); /* without the lock, which the thread takes first */
	return runs;
}

bool loader_submit(struct loader *loader, struct job *job)
{
	return submit(loader, job, false);
}

bool loader_submit_at_once(struct loader *loader, struct job *job)
{
	return submit(loader, job, true);
}
