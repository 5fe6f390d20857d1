/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

/* Returns a number from 0 to most. */
static int64_t jitter(int64_t most, uint32_t random)
{
	return most > 0 ? (int64_t)(random % ((uint64_t)most + 1)) : 0;
}

int64_t tux_schedule_due(int64_t begin, int64_t end)
{
	return end - (end - begin) / 3;
}

int64_t tux_schedule_look(int64_t begin, int64_t end, int64_t now, uint32_t random)
{
	const int64_t due = tux_schedule_due(begin, end), spread = (end - begin) / 100;

	if (due - now >= TUX_SCHEDULE_LOOK_S)
		return now + TUX_SCHEDULE_LOOK_S;
	return due + jitter(spread < TUX_SCHEDULE_DAY_S ? spread : TUX_SCHEDULE_DAY_S, random);
}

int64_t tux_schedule_retry(uint32_t first_s, unsigned failures, uint32_t random)
{
	int64_t delay = first_s;

	while (failures > 1 && delay < TUX_SCHEDULE_DAY_S) {
		delay *= 2;
		failures--;
	}
	if (delay > TUX_SCHEDULE_DAY_S)
		delay = TUX_SCHEDULE_DAY_S;
	return delay + jitter(delay / 8, random);
}

bool tux_schedule_has_come(int64_t at, int64_t most_s, int64_t now)
{
	return at <= now || at - now > most_s;
}
