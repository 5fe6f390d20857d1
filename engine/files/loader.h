/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few threads that may block, for work that must not block an engine thread. */
#ifndef TUX_ENGINE_FILES_LOADER_H
#define TUX_ENGINE_FILES_LOADER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LOADER_ROOTS = 4,     /* roots that may hang before a load of another one waits for them */
	LOADER_THREADS = 4,   /* for loads of one root */
	LOADER_SLOW = 2,      /* for listings, and other jobs of one root that take long */
	LOADER_SLOW_NICE = 5, /* their nice value: a worker on the same processor goes first */
	LOADER_DISK = 32,     /* for reads of one disk: as many as a disk takes at once */
	LOADER_READERS = 100, /* for all reads: three disks that hang leave some */
	LOADER_GROUPS = 16,   /* groups that are told apart */
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
	uint8_t slot;                 /* the loader's: of its group */
	uint64_t group;               /* what may hang: the root or the device of a file; 0 = none */
	void (*run)(struct job *job); /* called in a loader thread */
};

/* Jobs of a group. More groups than slots share them. */
struct loader_group {
	uint64_t id;       /* 0 = unused */
	unsigned active;   /* jobs that run, or wait only for a thread */
	struct job *first; /* jobs that wait for others of the group */
	struct job **last;
};

/* The threads of a loader. */
struct loader_limits {
	unsigned first; /* start at once; others when jobs would wait */
	unsigned most;  /* at most LOADER_READERS */
	unsigned each;  /* that jobs of one group may occupy */
	int nice;       /* nice value of each; 0 = that of the process */
};

struct loader {
	pthread_mutex_t lock;
	struct loader_limits limits;
	pthread_cond_t more;
	struct job *first;
	struct job **last;
	bool stopping;
	unsigned waiting; /* threads without a job */
	unsigned queued;  /* jobs that have not started, without those that wait for their group */
	unsigned threads;
	pthread_t thread[LOADER_READERS];
	struct loader_group group[LOADER_GROUPS];
};

bool inbox_open(struct inbox *inbox);
void inbox_free(struct inbox *inbox);

/* Returns all finished jobs, linked by next, and resets event_fd. */
struct job *inbox_take(struct inbox *inbox);

/* Like inbox_take(), but does not reset event_fd, so the thread may be woken for nothing. */
struct job *inbox_take_unread(struct inbox *inbox);

/* Starts the first threads. Returns false with errno if none starts. loader_stop() is due in any case. */
bool loader_start(struct loader *loader, const struct loader_limits *limits);

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

/* Like loader_deliver(), but for the thread of the inbox, which is not woken: it calls inbox_take_unread() before it waits. */
void loader_deliver_here(struct job *job);

#endif
