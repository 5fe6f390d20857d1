/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few threads that may block, for what an engine thread would have to wait for. */
#ifndef TUX_ENGINE_FILES_LOADER_H
#define TUX_ENGINE_FILES_LOADER_H

#include <pthread.h>
#include <stdbool.h>

enum {
	LOADER_THREADS = 4,
	LOADER_SLOW = 2, /* threads that slow jobs may occupy at a time */
};

/* Where finished jobs wait for the thread that asked; its event_fd becomes readable. */
struct inbox {
	pthread_mutex_t lock;
	struct job *jobs;
	int event_fd;
};

/* Embedded in what has to be done. */
struct job {
	struct job *next;
	struct inbox *inbox;          /* NULL: its run() does everything, and may free it */
	bool slow;                    /* takes long: others do not wait for it */
	void (*run)(struct job *job); /* in a loader thread */
};

struct loader {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first;
	struct job **last;
	struct job *slow_first;
	struct job **slow_last;
	unsigned slow_running;
	bool stopping;
	unsigned threads;
	pthread_t thread[LOADER_THREADS];
};

bool inbox_open(struct inbox *inbox);
void inbox_free(struct inbox *inbox);

/* Takes all finished jobs, linked by next, and empties the event_fd. */
struct job *inbox_take(struct inbox *inbox);

bool loader_start(struct loader *loader);

/* Ends the threads; jobs not begun go to their inboxes unrun. Those without an inbox are their owners' again. */
void loader_stop(struct loader *loader);

/* Any thread. The job belongs to the loader until it is in its inbox. */
void loader_submit(struct loader *loader, struct job *job);

/* Puts a job into its inbox. Any thread; a loader thread does it for each job that it has run. */
void loader_deliver(struct job *job);

#endif
