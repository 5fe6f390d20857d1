/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream to or from a backend: a connection to an upstream server, or a pipe of a program. Sends queued data in order and never
 * blocks. Reports received data to its owner at once.
 */
#ifndef TUX_ENGINE_IO_PEER_STREAM_H
#define TUX_ENGINE_IO_PEER_STREAM_H

#include <stddef.h>

#include "buffer.h"
#include "loop.h"
#include "timer.h"

enum {
	STREAM_ROOM = 64 * 1024, /* unsent bytes above which the source should pause */
};

struct stream;

/* The events of a stream, for its owner. No function of this file calls them, so the owner may close the stream in any of them. */
struct stream_events {
	void (*connected)(struct stream *stream, int error); /* 0, or a positive errno */
	void (*received)(struct stream *stream, const uint8_t *data, uint32_t len); /* data is borrowed for the call */
	void (*ended)(struct stream *stream, int error); /* no more data: 0 at the end of the stream, or a positive errno */
	void (*drained)(struct stream *stream); /* the kernel has all queued data */
	void (*failed)(struct stream *stream, int error); /* the peer does not receive the queued data; a positive errno */
	void (*readable)(struct stream *stream); /* after wait_readable() of the loop, or splice_fill() */
	void (*writable)(struct stream *stream);
	void (*expired)(struct stream *stream); /* its timer has expired */
};

struct stream {
	struct channel channel; /* first member: the loop's events cast it to struct stream */
	struct streams *streams;
	struct stream *next, *prev; /* list of all streams of a thread */
	const struct stream_events *events;
	void *owner;
	struct stream *next_idle; /* for upstream.c */
	struct timer timer;
	struct timers *timers;    /* the timers that timer belongs to */
	struct buffer waiting;     /* queued, after going */
	struct buffer going;       /* being sent, from going_at on */
	uint32_t going_at;
	struct iovec iov;
	struct msghdr message;
	bool sending;
	bool finishing;           /* close after everything queued is sent */
	bool used;                /* has carried an earlier exchange */
	bool unheard;             /* the kernel has none of the new owner's data yet */
};

/* All streams of a thread, and the thread's loop. */
struct streams {
	const struct loop_ops *ops;
	struct loop *loop;
	struct stream *first;
	const uint64_t *now_ms;
};

/*
 * Opens a stream on fd, a connected socket or (pipe) the end of a pipe, opened with loop_ops.fd_flags. The stream closes fd.
 * stream_wait() uses timers. Returns NULL with errno if out of memory, after closing fd.
 */
struct stream *stream_open(struct streams *streams, int fd, bool pipe, struct timers *timers, const struct stream_events *events,
                           void *owner);

/* Like stream_open(), but connects a new socket; connected() comes later. address must stay valid until then. */
struct stream *stream_connect(struct streams *streams, int fd, const struct sockaddr *address, socklen_t address_len,
                              struct timers *timers, const struct stream_events *events, void *owner);

/* Gives the stream to another owner. */
void stream_own(struct stream *stream, const struct stream_events *events, void *owner);

/*
 * Queues a copy of len bytes, to be sent once the stream is connected. Returns false if out of memory: the stream is then
 * unusable.
 */
bool stream_send(struct stream *stream, const uint8_t *data, uint32_t len);

/* Returns the number of bytes that the kernel does not have yet. */
uint32_t stream_unsent(const struct stream *stream);

/* Starts or pauses receiving. After a pause, data on its way may still come. */
void stream_receive(struct stream *stream, bool receive);

/* Starts a wait of this kind in place of any other, or ends it. expired() comes after the wait. */
void stream_wait(struct stream *stream, enum timer_kind kind);
void stream_wait_end(struct stream *stream);

/* Handles its expired timer. */
void stream_expired(struct stream *stream);

/* Closes the stream after all queued data is sent. The owner gets no more events and must not use the stream again. */
void stream_finish(struct stream *stream);

/* Closes the stream at once. The owner gets no more events. */
void stream_close(struct stream *stream);

/* Frees all streams, after their loop. */
void streams_free(struct streams *streams);

static inline struct stream *stream_of_timer(struct timer *timer)
{
	return (struct stream *)((char *)timer - offsetof(struct stream, timer));
}

#endif
