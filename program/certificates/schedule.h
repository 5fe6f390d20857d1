/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The times of renewals and of attempts after failures. Pure. */
#ifndef TUX_PROGRAM_CERTIFICATES_SCHEDULE_H
#define TUX_PROGRAM_CERTIFICATES_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TUX_SCHEDULE_LOOK_S = 3600, /* longest time between two looks at a certificate: clocks and files change */
	TUX_SCHEDULE_DAY_S = 86400, /* longest delay after failures, without jitter, and longest jitter of a renewal */
};

/* Returns the time at which a third of a certificate's lifetime is left. All times are seconds since 1970. */
int64_t tux_schedule_due(int64_t begin, int64_t end);

/*
 * Returns the time of the next look at a certificate that is not due at now: its renewal, with up to a hundredth of its lifetime as jitter, or
 * an earlier look. random is any number.
 */
int64_t tux_schedule_look(int64_t begin, int64_t end, int64_t now, uint32_t random);

/* Returns the delay after so many failures in a row (at least 1): first_s, doubled after each, with up to an eighth as jitter. */
int64_t tux_schedule_retry(uint32_t first_s, unsigned failures, uint32_t random);

/* True if a time has come that was at most most_s ahead when it was set. If it is further ahead now, the clock was set back. */
bool tux_schedule_has_come(int64_t at, int64_t most_s, int64_t now);

#endif
