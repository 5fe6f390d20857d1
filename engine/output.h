/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way out of a connection: answers gathered in one buffer, then at most one body that is not copied. */
#ifndef TUX_ENGINE_OUTPUT_H
#define TUX_ENGINE_OUTPUT_H

#include "conn.h"

enum output_result {
	OUTPUT_PENDING, /* sent() or writable() will come */
	OUTPUT_DONE,    /* everything is with the kernel; the answer is released */
	OUTPUT_FAILED,  /* the peer is gone, or the file has shrunk: close */
};

/* Room for cap bytes behind what is queued; NULL when there is none (or no memory). Take what was written with output_wrote(). */
uint8_t *output_room(struct conn *conn, uint32_t cap);

/* Like output_room(), but for all the room that is left, which goes into *left. NULL, and 0, without memory. */
uint8_t *output_room_left(struct conn *conn, uint32_t *left);

/* Queues a copy of len bytes; false, and nothing is queued, if they do not fit. */
bool output_copy(struct conn *conn, const uint8_t *data, uint32_t len);
void output_wrote(struct conn *conn, uint32_t len);

/* Whether something is queued. */
bool output_queued(const struct conn *conn);

/* Makes one piece the body behind what is queued. Takes a reference to object (may be NULL: then the memory is answer.text). */
void output_body(struct conn *conn, struct object *object, int fd, struct body_part piece);

/* The same for len bytes that are in a pipe, of whose end fd is. */
void output_pipe(struct conn *conn, int fd, uint64_t len);

/* Whether files are read into memory, and bodies of peers too. */
bool output_copies(const struct worker *worker);

/* Begins, or goes on after sent(), writable(). */
enum output_result output_start(struct conn *conn);
enum output_result output_advance(struct conn *conn, int64_t result);

/* Bytes of the answer's body that are not with the kernel yet. */
uint64_t output_left(const struct conn *conn);

/* Whether the peer has acknowledged anything since the last call. */
bool output_progressed(struct conn *conn);

/* Frees what is queued. Not while the loop still sends it. */
void output_release(struct conn *conn);

#endif
