/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Request ids: numbers that connect the lines of logs, unique among all threads, processes and machines. */
#ifndef TUX_ENGINE_LOG_REQUEST_ID_H
#define TUX_ENGINE_LOG_REQUEST_ID_H

#include <stdint.h>

/* The ids of one thread. They start at a random number and never repeat. */
struct request_ids {
	uint64_t last;
};

void request_ids_open(struct request_ids *ids);

/* Returns the next id, which is never 0. */
static inline uint64_t request_id_next(struct request_ids *ids)
{
	ids->last += UINT64_C(0x9e3779b97f4a7c15); /* odd, so that all numbers occur */
	if (ids->last == 0)
		ids->last += UINT64_C(0x9e3779b97f4a7c15);
	return ids->last;
}

#endif
