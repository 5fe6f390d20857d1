/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of the error log about requests: each 403 and 5xx of TUX itself, and each truncated response, with its cause; and about failed
 * handshakes of TLS. A thread writes a few lines per cause and second. It counts the others, and reports their number later.
 */
#ifndef TUX_ENGINE_LOG_ERROR_LINE_H
#define TUX_ENGINE_LOG_ERROR_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../core/span.h"
#include "cause.h"

enum {
	ERROR_LINES_AT_ONCE = 10,    /* lines for one cause, by one thread, within ERROR_LINES_SPAN_MS */
	ERROR_LINES_SPAN_MS = 1000,
};

/* The lines of a thread. Zero-initialize before use. */
struct error_lines {
	struct {
		uint64_t since_ms; /* start of the span */
		uint32_t lines;    /* lines written in the span */
		uint32_t left_out;
	} of[WHYS];
	uint64_t due_ms; /* time for error_lines_tell(); 0 = no line was omitted */
};

struct client;
struct object;
struct request;
struct thread;

/* A backend, as named in a line. */
struct error_line_backend {
	const char *kind; /* "upstream", "program" or "module" */
	struct tux_octets name;
};

/* Returns the id of the request. */
uint64_t error_line_id(struct request *req);

/* Reports a response of TUX itself. req->cause is its cause. */
void error_line_answer(struct request *req, uint16_t status);

/* Reports that the response is truncated, or that another backend gets the request. */
void error_line_cut(struct request *req, struct cause cause, struct error_line_backend backend);
void error_line_retry(struct request *req, struct cause cause, struct error_line_backend backend);

/* Like error_line_cut(), but for a file that is sent by reference: of its request only the id is left. req: NULL, without an access record. */
void error_line_cut_file(struct thread *thread, struct request *req, const struct client *client, const struct object *object, struct cause cause);

/* Reports a failed handshake of TLS with a client. name: the host that the client has named (SNI); NULL: none. */
void error_line_handshake(struct thread *thread, const struct client *client, struct cause cause, const char *name);

/* Reports the number of omitted lines of all past spans; with all also of the present one, because the thread ends. */
void error_lines_tell(struct thread *thread, bool all);

#endif
