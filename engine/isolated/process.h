/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of isolated modules, as the server sees them. One thread starts them through the spawner, writes their error output to the
 * error log, and starts them again when they end. The engine's threads use a process until it is dead.
 */
#ifndef TUX_ENGINE_ISOLATED_PROCESS_H
#define TUX_ENGINE_ISOLATED_PROCESS_H

#include "../config.h"
#include "wire.h"

struct tux_loaded;
struct isolated;

/* A process, from the order to start it until all threads have let go of it. */
struct isolated_process {
	struct isolated *isolated;
	unsigned references;      /* atomic: the manager's, and one of each thread that uses it */
	bool ready;               /* atomic: load() and start() have returned */
	bool dead;                /* atomic: it has ended, or is being ended; nothing more is written to it */
	struct wire_pair *pair;   /* shared memory: one per thread */
	unsigned threads;
	int wake[TUX_MAX_THREADS]; /* write ends of pipes, which wake its threads. They do not block */
	/* of the manager, until it has started: what the process gets */
	int wake_end[TUX_MAX_THREADS];
	int memory_fd;
};

/* An isolated module. */
struct isolated {
	unsigned sandbox;                 /* atomic: set of SANDBOX_..., of the last process that was ready */
	struct isolated_process *process; /* under the manager's lock. NULL: it cannot be started now */
	int wake[TUX_MAX_THREADS];        /* read ends of pipes, which wake the engine's threads. They do not block */
	/* of the manager */
	int wake_end[TUX_MAX_THREADS];    /* their write ends, which the processes get */
	int wake_own[TUX_MAX_THREADS];    /* the same, opened again: a process can let its own ones block */
	unsigned number;                  /* among the isolated modules */
	const struct tux_module_config *config;
	struct tux_loaded *loaded;
	struct isolated_manager *manager;
	struct isolated_run *run;
};

struct isolated_manager;
struct snapshot_module;

/*
 * Makes the isolated modules of a configuration, and sets loaded[i].isolated. spawner_fd is the socket to the spawner of isolated modules,
 * whose rules are they, in their order. Returns NULL with errno on failure.
 */
struct isolated_manager *isolated_open(const struct tux_engine_config *config, struct tux_loaded *loaded, int spawner_fd);

/* Starts the thread, which starts the processes. Call it before the filter of system calls. Returns false with errno. */
bool isolated_start(struct isolated_manager *manager);

/* Ends the processes and the thread after the engine's threads have ended. */
void isolated_stop(struct isolated_manager *manager);

/* Frees everything after the threads' lines were freed. manager may be NULL. */
void isolated_free(struct isolated_manager *manager);

/* Returns the present process of a module, with a reference; NULL if it cannot be started now. Any thread. */
struct isolated_process *isolated_process_get(struct isolated *isolated);

/* Describes the process that requests get now: its state, and the sandbox that the last one has told. Any thread. */
void isolated_describe(const struct isolated *isolated, struct snapshot_module *module);

/* Puts a reference back. Any thread. */
void isolated_process_put(struct isolated_process *process);

/* Kills a process that breaks the rules, with a line that says why. Any thread. */
void isolated_process_kill(struct isolated_process *process, const char *why);

static inline bool isolated_process_is_ready(const struct isolated_process *process)
{
	return __atomic_load_n(&process->ready, __ATOMIC_ACQUIRE);
}

static inline bool isolated_process_is_dead(const struct isolated_process *process)
{
	return __atomic_load_n(&process->dead, __ATOMIC_ACQUIRE);
}

#endif
