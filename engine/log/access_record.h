/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access record of a response, from its head to its last byte, and the line in the error log for a failure of the server. */
#ifndef TUX_ENGINE_LOG_ACCESS_RECORD_H
#define TUX_ENGINE_LOG_ACCESS_RECORD_H

#include "../conn.h"

/*
 * Counts a complete queued response of TUX itself. It gets an access record, and with 403 and 5xx a line in the error log with
 * req->cause.
 */
void access_record_answer(struct request *req, uint16_t status, uint64_t bytes);

/* Like access_record_answer(), but for a backend's response, which access_record_end() ends. */
void access_record_stream(struct request *req, uint16_t status, struct tux_octets backend);

/*
 * Finishes the queued responses, which were sent except for left bytes of the last one. Counts their durations and writes the
 * record of the last one.
 */
void access_record_end(struct conn *conn, uint64_t left);

#endif
