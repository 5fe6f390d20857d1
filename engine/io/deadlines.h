/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deadlines that differ for each object, in a heap: the first one is found at once. timer.h is for waits of a few equal lengths. */
#ifndef TUX_ENGINE_IO_DEADLINES_H
#define TUX_ENGINE_IO_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

/* Embedded in the object that waits. Zeroed: not waiting. */
struct deadline {
	uint64_t ms;    /* monotonic */
	uint32_t place; /* in the heap, from 1 on; 0 = not waiting */
};

/* Zero-initialize before use. */
struct deadlines {
	struct deadline **heap; /* malloc'ed; each one is due no earlier than the one at half its place */
	uint32_t count;
	uint32_t cap;
};

/* Starts a wait that ends at a time. Returns false if out of memory. */
bool deadline_start(struct deadlines *deadlines, struct deadline *deadline, uint64_t ms);

/* Ends the wait, if it has begun. */
void deadline_stop(struct deadlines *deadlines, struct deadline *deadline);

/* Removes and returns a deadline that has passed, or NULL. */
struct deadline *deadline_passed(struct deadlines *deadlines, uint64_t now_ms);

/* Returns milliseconds until the first deadline: 0 if it has passed, -1 without deadlines. */
int deadlines_next(const struct deadlines *deadlines, uint64_t now_ms);

/* Frees the heap, in which no wait is left. */
void deadlines_free(struct deadlines *deadlines);

#endif
