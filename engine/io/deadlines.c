/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "deadlines.h"

#include <limits.h>
#include <stdlib.h>

enum { FIRST_CAP = 64 };

/* Puts a deadline at a place, from 1 on. */
static void put(struct deadlines *deadlines, uint32_t place, struct deadline *deadline)
{
	deadlines->heap[place - 1] = deadline;
	deadline->place = place;
}

static struct deadline *at(const struct deadlines *deadlines, uint32_t place)
{
	return deadlines->heap[place - 1];
}

/* Moves a deadline up from a free place while the one above it is due later. Returns its place. */
static uint32_t rise(struct deadlines *deadlines, uint32_t place, const struct deadline *deadline)
{
	while (place > 1 && at(deadlines, place / 2)->ms > deadline->ms) {
		put(deadlines, place, at(deadlines, place / 2));
		place /= 2;
	}
	return place;
}

/* Moves a deadline down from a free place while one below it is due earlier. Returns its place. */
static uint32_t sink(struct deadlines *deadlines, uint32_t place, const struct deadline *deadline)
{
	while (place <= deadlines->count / 2) {
		uint32_t below = 2 * place;

		if (below < deadlines->count && at(deadlines, below + 1)->ms < at(deadlines, below)->ms)
			below++;
		if (at(deadlines, below)->ms >= deadline->ms)
			break;
		put(deadlines, place, at(deadlines, below));
		place = below;
	}
	return place;
}

static bool grow(struct deadlines *deadlines)
{
	const uint32_t cap = deadlines->cap > 0 ? 2 * deadlines->cap : FIRST_CAP;
	struct deadline **heap;

	if (deadlines->count < deadlines->cap)
		return true;
	heap = deadlines->cap < UINT32_MAX / 2 ? realloc(deadlines->heap, (size_t)cap * sizeof(struct deadline *)) : NULL;
	if (heap == NULL)
		return false;
	deadlines->heap = heap;
	deadlines->cap = cap;
	return true;
}

bool deadline_start(struct deadlines *deadlines, struct deadline *deadline, uint64_t ms)
{
	deadline_stop(deadlines, deadline);
	if (!grow(deadlines))
		return false;
	deadline->ms = ms;
	deadlines->count++;
	put(deadlines, rise(deadlines, deadlines->count, deadline), deadline);
	return true;
}

void deadline_stop(struct deadlines *deadlines, struct deadline *deadline)
{
	const uint32_t place = deadline->place;
	struct deadline *last;

	if (place == 0)
		return;
	last = at(deadlines, deadlines->count);
	deadlines->count--;
	deadline->place = 0;
	if (last == deadline)
		return;
	put(deadlines, sink(deadlines, rise(deadlines, place, last), last), last);
}

struct deadline *deadline_passed(struct deadlines *deadlines, uint64_t now_ms)
{
	struct deadline *first = deadlines->count > 0 ? at(deadlines, 1) : NULL;

	if (first == NULL || first->ms > now_ms)
		return NULL;
	deadline_stop(deadlines, first);
	return first;
}

int deadlines_next(const struct deadlines *deadlines, uint64_t now_ms)
{
	uint64_t ms;

	if (deadlines->count == 0)
		return -1;
	ms = at(deadlines, 1)->ms;
	if (ms <= now_ms)
		return 0;
	return ms - now_ms > INT_MAX ? INT_MAX : (int)(ms - now_ms);
}

void deadlines_free(struct deadlines *deadlines)
{
	free(deadlines->heap);
	*deadlines = (struct deadlines){ .heap = NULL };
}
