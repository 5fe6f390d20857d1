/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread of the engine: its loop, its cache, its connections. Workers share none of these while they serve. */
#ifndef TUX_ENGINE_WORKER_H
#define TUX_ENGINE_WORKER_H

#include "conn.h"

/* Prepares a worker with config, loader and flags set. Returns false with errno on failure; worker_free() is due in any case. */
bool worker_open(struct worker *worker);
void worker_free(struct worker *worker);

/* Thread function; argument is the worker, with ops set. Opens the loop, and serves until stopped or drained. */
void *worker_run(void *argument);

/* Ends the worker's wait, so that it checks the flags. Any thread. */
void worker_wake(struct worker *worker);

#endif
