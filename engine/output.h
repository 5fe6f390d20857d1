/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of a connection: responses copied into one buffer, followed by at most one body that is sent by reference. */
#ifndef TUX_ENGINE_OUTPUT_H
#define TUX_ENGINE_OUTPUT_H

#include "conn.h"

enum output_result {
	OUTPUT_PENDING, /* wait for sent() or writable() */
	OUTPUT_DONE,    /* the kernel has all bytes; the output is released */
	OUTPUT_FAILED,  /* the client disconnected, or the file shrank: close the connection */
};

/* Returns room for cap bytes after the queued bytes; NULL if the buffer is full or out of memory. Follow it with output_wrote(). */
uint8_t *output_room(struct conn *conn, uint32_t cap);

/* Like output_room(), but for all remaining room: *left bytes. Returns NULL with *left 0 if out of memory. */
uint8_t *output_room_left(struct conn *conn, uint32_t *left);

/* Queues a copy of len bytes. Returns false and queues nothing if they do not fit. */
bool output_copy(struct conn *conn, const uint8_t *data, uint32_t len);

/* Queues len bytes that were written at output_room(). */
void output_wrote(struct conn *conn, uint32_t len);

/* True if bytes or a body are queued. */
bool output_queued(const struct conn *conn);

/*
 * Queues one part as the body after the queued bytes. Takes a reference to object; NULL if source.text or source.page owns the
 * memory.
 */
void output_body(struct conn *conn, struct object *object, int fd, struct body_part piece);

/* Like output_body(), but for len bytes in a pipe with the read end fd. */
void output_pipe(struct conn *conn, int fd, uint64_t len);

/* True if bodies of files and backends are copied through memory, by configuration. */
bool output_copies(const struct worker *worker);

/* Sends the queued bytes and body. Call output_start() first and after writable(), output_advance() after sent(). */
enum output_result output_start(struct conn *conn);
enum output_result output_advance(struct conn *conn, int64_t result);

/* Returns the bytes of the body that the kernel does not have yet. */
uint64_t output_left(const struct conn *conn);

/* True if the client has acknowledged bytes since the last call. */
bool output_progressed(struct conn *conn);

/* Frees all queued output. The loop must not be sending it. */
void output_release(struct conn *conn);

#endif
