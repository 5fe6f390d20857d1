/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access record of a response, from its head to its last byte; and the line in the error log if it is a failure of ours. */
#ifndef TUX_ENGINE_LOG_ACCESS_RECORD_H
#define TUX_ENGINE_LOG_ACCESS_RECORD_H

#include "../conn.h"

/*
 * Counts a response of our own that is completely queued, to the request in worker->request, parsed from buf. It has an access record,
 * and, with 403 and 5xx, a line in the error log with conn->cause.
 */
void access_record_answer(struct conn *conn, const uint8_t *buf, uint16_t status, uint64_t bytes);

/* Like access_record_answer(), but for a backend's response, which access_record_end() ends. */
void access_record_stream(struct conn *conn, const uint8_t *buf, uint16_t status, struct tux_octets backend);

/* The queued responses were sent, except left bytes of the last one. Counts how long they took and writes the record of the last one. */
void access_record_end(struct conn *conn, uint64_t left);

#endif
