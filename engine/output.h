/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of a connection: responses copied into one buffer, followed by at most one body that is sent by reference. */
#ifndef TUX_ENGINE_OUTPUT_H
#define TUX_ENGINE_OUTPUT_H

#include "files/residence.h"
#include "sink.h"
#include "thread.h"

enum {
	OUT_BYTES = 16384, /* of heads and small bodies that are sent together */
};

/* Bytes being sent: heads and small bodies are copied here. Only connections that send have one. */
struct out {
	struct out *next; /* next spare buffer */
	struct msghdr message;
	struct iovec iov[LOOP_MAX_IOV];
	struct read_waiter waiter; /* for the bytes of a file */
	uint32_t len;
	uint32_t sent;
	uint8_t data[OUT_BYTES];
};

/* The spare buffers of a thread. Zero-initialize before use. */
struct outs {
	struct out *spare;
	unsigned spare_count;
};

struct output {
	struct thread *thread;
	struct channel *channel;   /* of the connection */
	struct out *out;           /* NULL: empty */
	struct body_source source; /* sent after out; without parts: no body */
	uint8_t *window;           /* malloc'ed: buffer through which a file is copied */
	uint32_t window_len;
	uint32_t window_at;
	uint32_t at;               /* of the parts of source: being sent */
	bool corked;               /* the socket holds back segments that are not full */
	uint64_t acked;            /* at the last output_progressed() */
};

enum output_result {
	OUTPUT_PENDING, /* wait for sent() or writable() */
	OUTPUT_READING, /* waits until a thread has read the next bytes of the file; output_leave() ends the wait */
	OUTPUT_DONE,    /* the kernel has all bytes; the output is released */
	OUTPUT_FAILED,  /* the client disconnected, or the file shrank: close the connection */
};

/* Returns room for cap bytes after the queued bytes; NULL if the buffer is full or out of memory. Follow it with output_wrote(). */
uint8_t *output_room(struct output *output, uint32_t cap);

/* Like output_room(), but for all remaining room: *left bytes. Returns NULL with *left 0 if out of memory. */
uint8_t *output_room_left(struct output *output, uint32_t *left);

/* Queues a copy of len bytes. Returns false and queues nothing if they do not fit. */
bool output_copy(struct output *output, const uint8_t *data, uint32_t len);

/* Queues len bytes that were written at output_room(). */
void output_wrote(struct output *output, uint32_t len);

/* Queues a body after the queued bytes, as the sink's body() does. No other body is queued. */
void output_body(struct output *output, const struct body_source *body);

/* True if bytes or a body are queued. */
static inline bool output_queued(const struct output *output)
{
	return (output->out != NULL && output->out->len > 0) || output->source.count > 0;
}

/* True if the buffer has room for cap bytes. */
static inline bool output_has_room(const struct output *output, uint32_t cap)
{
	return output->out == NULL || OUT_BYTES - output->out->len >= cap;
}

/*
 * Sends the queued bytes and body. Call output_start() first, after writable(), and after a read that output_of_waiter() waited for,
 * output_advance() after sent().
 */
enum output_result output_start(struct output *output);
enum output_result output_advance(struct output *output, int64_t result);

/* True if the output waits for a read. */
static inline bool output_reads(const struct output *output)
{
	return output->out != NULL && output->out->waiter.read != NULL;
}

/* Removes the output from the read that it waits for, if it does. */
void output_leave(struct output *output);

/* Returns the output that waits for a read. */
static inline struct output *output_of_waiter(const struct read_waiter *waiter)
{
	return waiter->owner;
}

/* Returns the bytes of the body that the kernel does not have yet. */
uint64_t output_left(struct output *output);

/* True if the client has acknowledged bytes since the last call. */
bool output_progressed(struct output *output);

/* Frees all queued output. The loop must not be sending it. */
void output_release(struct output *output);

/* Frees the spare buffers. */
void outs_free(struct outs *outs);

#endif
