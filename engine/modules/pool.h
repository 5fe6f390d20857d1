/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of a module that may block. */
#ifndef TUX_ENGINE_MODULES_POOL_H
#define TUX_ENGINE_MODULES_POOL_H

#include <stdbool.h>

struct pool;
struct tux_req;

/*
 * Starts threads that call run(call) for each submitted call. pool_stop() calls leave(call) for those that have not started. Returns NULL
 * with errno on failure.
 */
struct pool *pool_start(unsigned threads, const char *name, void (*run)(struct tux_req *call), void (*leave)(struct tux_req *call));

/* Submits a call. Any thread. */
void pool_submit(struct pool *pool, struct tux_req *call);

/*
 * Ends the threads, leaves the calls that have not started, and frees the pool. Returns false if a thread does not return from its call
 * within a second: then the pool stays.
 */
bool pool_stop(struct pool *pool);

#endif
