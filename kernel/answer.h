/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts a response, and writes its access record. Call under the socket's lock, bottom halves off. */
#ifndef TUX_KERNEL_ANSWER_H
#define TUX_KERNEL_ANSWER_H

#include "send.h"

/* Returns the time since 1970 in microseconds. */
s64 ktux_answer_now_us(void);

/* Returns TUX_DATE_LEN bytes in scratch. */
const u8 *ktux_answer_date(struct scratch *scratch, s64 now_s);

/*
 * Begins a response to the request in scratch, whose head is at buf and was complete at began_us: counts it, and begins its access record
 * in scratch. bytes: of the head and the body.
 */
void ktux_answer_begin(struct conn *conn, struct scratch *scratch, const u8 *buf, s64 began_us, u16 status, u64 bytes);

/* Names the backend of the response that was begun in its access record, if there is one. */
void ktux_answer_note(struct conn *conn, struct scratch *scratch, const char *name);

/* Writes the record if the response has been sent. Else the connection keeps it for ktux_answer_finish(). */
void ktux_answer_sent(struct conn *conn, struct scratch *scratch, enum send_result result);

/* Writes the access record of a response that is complete or cut short. Returns false if the ring has no room yet. */
bool ktux_answer_finish(struct conn *conn);

#endif
