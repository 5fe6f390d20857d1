/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of connections, shared by all threads and the kernel engine. */
#ifndef TUX_ENGINE_SLOT_H
#define TUX_ENGINE_SLOT_H

#include "kernel_link.h"

struct slots {
	unsigned *active; /* connections of all threads and the kernel engine that are not parked; atomic */
	unsigned max;
	struct kernel_link *kernel;
};

/* Counts one more connection. Returns false at the limit. A draining thread ignores the limit, to serve the remaining connections. */
bool slot_take(const struct slots *slots, bool draining);

/* Uncounts a closed connection. */
void slot_put(const struct slots *slots);

/* Returns the number of connections that may still be counted, which other threads change at any time. */
unsigned slots_left(const struct slots *slots);

#endif
