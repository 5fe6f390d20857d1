/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The logs of a thread: the ring of its access records, and its lines of the error log. */
#ifndef TUX_ENGINE_LOG_LOG_QUEUE_H
#define TUX_ENGINE_LOG_LOG_QUEUE_H

#include "error_line.h"
#include "log_wait.h"
#include "record_ring.h"
#include "request_id.h"

struct log_queue {
	struct record_ring records;
	int event_fd;             /* the engine's: wakes the reader of the records */
	bool *sleeps;             /* the engine's: the reader waits for event_fd; atomic */
	struct log_waiters waiters;
	struct error_lines error_lines;
	struct request_ids ids;
};

#endif
