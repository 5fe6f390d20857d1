/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helper threads and their work queue. */
#ifndef TUX_KERNEL_HELPER_H
#define TUX_KERNEL_HELPER_H

#include "instance.h"

/* Appends work to the queue, unless it is queued, and wakes a helper thread. Any context. */
void ktux_work_queue(struct instance *instance, struct work *work);

/* Removes work from the queue if it is queued. Any context. */
void ktux_work_cancel(struct instance *instance, struct work *work);

/*
 * Runs work on the calling thread. Returns -EINTR after a signal, or for task work that needs a return to user space: the program
 * calls again. Returns 0 once the instance has drained and no connection is left.
 */
int ktux_worker_run(struct instance *instance);

#endif
