/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access record of a response, from its head to its last byte, and the line in the error log for a failure of the server. */
#ifndef TUX_ENGINE_LOG_ACCESS_RECORD_H
#define TUX_ENGINE_LOG_ACCESS_RECORD_H

#include "../request.h"

/*
 * Counts a response of TUX itself, which was given to the sink: req->sent_bytes. It gets an access record, and with 403 and 5xx a line
 * in the error log with req->cause. access_record_end() ends the record of a response that is sent by reference.
 */
void access_record_answer(struct request *req, uint16_t status);

/* Like access_record_answer(), but for a backend's response, which access_record_end() ends. */
void access_record_stream(struct request *req, uint16_t status, struct tux_octets backend);

/* Writes the record of a response that was sent except for left bytes, if the record is still due. */
void access_record_end(struct request *req, uint64_t left);

/* Returns the microseconds since a time, at most UINT32_MAX. */
uint32_t access_record_duration(int64_t began_us);

#endif
