/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few threads that may block, for work that must not block an engine thread. */
#ifndef TUX_ENGINE_FILES_LOADER_H
#define TUX_ENGINE_FILES_LOADER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LOADER_THREADS = 4,
	LOADER_SLOW = 2,     /* threads that slow jobs may occupy at the same time */
	LOADER_GROUP = 32,   /* threads that jobs of one group may occupy: as many reads as a disk takes at once */
	LOADER_READERS = 40, /* threads of the loader that reads bodies in: a disk that hangs leaves some for the others */
	LOADER_GROUPS = 16,  /* groups that are told apart */
};

/* Finished jobs of a thread. Its event_fd becomes readable when there is one. */
struct inbox {
	pthread_mutex_t lock;
	struct job *jobs;
	int event_fd;
};

/* A job, embedded in an object with its data. */
struct job {
	struct job *next;
	struct inbox *inbox;          /* NULL = no delivery: run() does everything, and may free the job */
	bool slow;                    /* takes long, so others do not wait for it */
	uint8_t slot;                 /* the loader's: of its group */
	uint64_t group;               /* as the device of a file, which may hang; 0 = none. A job of a group is not slow */
	void (*run)(struct job *job); /* called in a loader thread */
};

/* Jobs of a group. More groups than slots share them. */
struct loader_group {
	uint64_t id;       /* 0 = unused */
	unsigned active;   /* jobs that run, or wait only for a thread */
	struct job *first; /* jobs that wait for others of the group */
	struct job **last;
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
	unsigned waiting; /* threads without a job */
	unsigned queued;  /* jobs that have not started, without those that wait for their group */
	unsigned threads;
	unsigned most;    /* threads; more start when jobs would wait */
	pthread_t thread[LOADER_READERS];
	struct loader_group group[LOADER_GROUPS];
};

bool inbox_open(struct inbox *inbox);
void inbox_free(struct inbox *inbox);

/* Returns all finished jobs, linked by next, and resets event_fd. */
struct job *inbox_take(struct inbox *inbox);

/* Starts some of the threads, at most LOADER_READERS. Returns false if none starts. */
bool loader_start(struct loader *loader, unsigned threads, unsigned most);

/*
 * Ends the threads. Jobs that have not started go to their inboxes without running. Jobs without an inbox return to their owners.
 */
void loader_stop(struct loader *loader);

/* Submits a job, which belongs to the loader until it is in its inbox. Returns false if no thread runs. Any thread. */
bool loader_submit(struct loader *loader, struct job *job);

/* Like loader_submit(), but returns false, too, if the job would wait for another one. */
bool loader_submit_at_once(struct loader *loader, struct job *job);

/* Puts a job into its inbox. Any thread. A loader thread calls it for each job that it has run. */
void loader_deliver(struct job *job);

#endif
