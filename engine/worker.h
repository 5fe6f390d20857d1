/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread of the engine: its loop, its cache, its connections. Nothing of it is shared while it serves. */
#ifndef TUX_ENGINE_WORKER_H
#define TUX_ENGINE_WORKER_H

#include "conn.h"

/* Prepares a worker whose config, loader, flags and acceptors are set. False with errno; worker_free() in any case. */
bool worker_open(struct worker *worker);
void worker_free(struct worker *worker);

/* The thread: opens its loop (ops is set), serves until told to stop or drained. argument is the worker. */
void *worker_run(void *argument);

/* Ends the worker's wait, so that it sees the flags. Any thread. */
void worker_wake(struct worker *worker);

#endif
