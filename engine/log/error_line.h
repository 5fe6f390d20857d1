/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of the error log that are about requests: each 403 and 5xx of the server's own, and each response that breaks off, with
 * its cause. A thread writes a few lines for each cause in a second. It counts the others, and reports their number afterwards.
 */
#ifndef TUX_ENGINE_LOG_ERROR_LINE_H
#define TUX_ENGINE_LOG_ERROR_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../core/span.h"
#include "cause.h"

enum {
	ERROR_LINES_AT_ONCE = 10,    /* for one cause, by one thread, within ERROR_LINES_SPAN_MS */
	ERROR_LINES_SPAN_MS = 1000,
};

/* The lines of a thread. Zero-initialize before use. */
struct error_lines {
	struct {
		uint64_t since_ms; /* begin of the span */
		uint32_t lines;    /* written within it */
		uint32_t left_out;
	} of[WHYS];
	uint64_t due_ms; /* when error_lines_tell() is to be called; 0: no line was left out */
};

struct conn;
struct worker;

/* A backend as a line names it. */
struct error_line_backend {
	const char *kind; /* "upstream", "program" or "module" */
	struct tux_octets name;
};

/* Returns the id of the request under way. */
uint64_t error_line_id(struct conn *conn);

/* Reports a response of the server's own to the request in worker->request, parsed from buf. conn->cause says why. */
void error_line_answer(struct conn *conn, const uint8_t *buf, uint16_t status);

/* Reports that the response to the held request breaks off, or that another backend gets that request. */
void error_line_cut(struct conn *conn, struct cause cause, struct error_line_backend backend);
void error_line_retry(struct conn *conn, struct cause cause, struct error_line_backend backend);

/* Reports how many lines were left out, of all spans that are over; of the others too if the thread ends. */
void error_lines_tell(struct worker *worker, bool all);

#endif
