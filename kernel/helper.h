/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lent threads, and what waits for them. */
#ifndef TUX_KERNEL_HELPER_H
#define TUX_KERNEL_HELPER_H

#include "instance.h"

/* Puts work at the end of the queue, once, and wakes a thread. Any context. */
void ktux_work_queue(struct instance *instance, struct work *work);

/* Takes work out of the queue if it is there. Any context. */
void ktux_work_cancel(struct instance *instance, struct work *work);

/*
 * Runs on the calling thread until a signal or what waits for its return to user space (-EINTR: call again), or until the
 * instance has drained and nothing waits (0).
 */
int ktux_worker_run(struct instance *instance);

#endif
