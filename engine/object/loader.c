/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader.h"

#include <stdint.h>
#include <sys/eventfd.h>
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
	struct job *jobs;
	uint64_t count;

	while (read(inbox->event_fd, &count, sizeof(count)) > 0)
		;
	pthread_mutex_lock(&inbox->lock);
	jobs = inbox->jobs;
	inbox->jobs = NULL;
	pthread_mutex_unlock(&inbox->lock);
	return jobs;
}

static void deliver(struct job *job)
{
	struct inbox *inbox = job->inbox;
	const uint64_t one = 1;

	pthread_mutex_lock(&inbox->lock);
	job->next = inbox->jobs;
	inbox->jobs = job;
	/* Under the lock: once the job can be taken its thread may end and close the inbox. */
	(void)!write(inbox->event_fd, &one, sizeof(one));
	pthread_mutex_unlock(&inbox->lock);
}

static struct job *next_job(struct loader *loader)
{
	struct job *job;

	pthread_mutex_lock(&loader->lock);
	while (loader->first == NULL && !loader->stopping)
		pthread_cond_wait(&loader->more, &loader->lock);
	job = loader->stopping ? NULL : loader->first;
	if (job != NULL) {
		loader->first = job->next;
		if (loader->first == NULL)
			loader->last = &loader->first;
	}
	pthread_mutex_unlock(&loader->lock);
	return job;
}

static void *loader_thread(void *argument)
{
	struct loader *loader = argument;
	struct job *job;

	pthread_setname_np(pthread_self(), "tux loader");
	while ((job = next_job(loader)) != NULL) {
		job->run(job);
		deliver(job);
	}
	return NULL;
}

bool loader_start(struct loader *loader)
{
	pthread_mutex_init(&loader->lock, NULL);
	pthread_cond_init(&loader->more, NULL);
	loader->first = NULL;
	loader->last = &loader->first;
	loader->stopping = false;
	for (loader->threads = 0; loader->threads < LOADER_THREADS; loader->threads++)
		if (pthread_create(&loader->thread[loader->threads], NULL, loader_thread, loader) != 0)
			break;
	return loader->threads > 0;
}

void loader_stop(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	loader->stopping = true;
	pthread_cond_broadcast(&loader->more);
	pthread_mutex_unlock(&loader->lock);
	for (unsigned i = 0; i < loader->threads; i++)
		pthread_join(loader->thread[i], NULL);
	for (struct job *job = loader->first; job != NULL;) {
		struct job *next = job->next;

		deliver(job);
		job = next;
	}
	loader->first = NULL;
	loader->last = &loader->first;
}

void loader_submit(struct loader *loader, struct job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&loader->lock);
	*loader->last = job;
	loader->last = &job->next;
	pthread_cond_signal(&loader->more);
	pthread_mutex_unlock(&loader->lock);
}
