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
	PEER_STREAM_ROOM = 64 * 1024, /* unsent bytes above which the source should pause */
};

struct peer_stream;

/* The events of a stream, for its owner. No function of this file calls them, so the owner may close the stream in any of them. */
struct peer_stream_events {
	void (*connected)(struct peer_stream *stream, int error); /* 0, or a positive errno */
	void (*received)(struct peer_stream *stream, const uint8_t *data, uint32_t len); /* data is borrowed for the call */
	void (*ended)(struct peer_stream *stream, int error); /* no more data: 0 at the end of the stream, or a positive errno */
	void (*drained)(struct peer_stream *stream); /* the kernel has all queued data */
	void (*failed)(struct peer_stream *stream, int error); /* the peer does not receive the queued data; a positive errno */
	void (*readable)(struct peer_stream *stream); /* after wait_readable() of the loop, or splice_fill() */
	void (*writable)(struct peer_stream *stream);
	void (*expired)(struct peer_stream *stream); /* its timer has expired */
};

struct peer_stream {
	struct channel channel; /* first member: the loop's events cast it to struct peer_stream */
	struct peer_streams *streams;
	struct peer_stream *next, *prev; /* list of all streams of a thread */
	const struct peer_stream_events *events;
	void *owner;
	struct peer_stream *next_idle; /* for upstream.c */
	struct timer timer;
	struct timers *timers;    /* the timers that timer belongs to */
	struct buffer waiting;     /* queued, after going */
	struct buffer going;       /* being sent, from going_at on */
	uint32_t going_at;
	struct iovec iov;
	struct msghdr message;
	void (*send)(struct channel *channel, struct msghdr *message, int flags); /* set by the owner: sends in place of the loop, as for TLS */
	bool connecting;          /* connected() is due */
	bool sending;
	bool finishing;           /* close after everything queued is sent */
	bool used;                /* has carried an earlier exchange */
	bool unheard;             /* the kernel has none of the new owner's data yet */
};

/* All streams of a thread, and the thread's loop. */
struct peer_streams {
	const struct loop_ops *ops;
	struct loop *loop;
	struct peer_stream *first;
	const uint64_t *now_ms;
};

/*
 * Opens a stream on fd, a connected socket or (pipe) the end of a pipe, opened with loop_ops.fd_flags. The stream closes fd.
 * peer_stream_wait() uses timers. Returns NULL with errno if out of memory, after closing fd.
 */
struct peer_stream *peer_stream_open(struct peer_streams *streams, int fd, bool pipe, struct timers *timers, const struct peer_stream_events *events,
                           void *owner);

/* Like peer_stream_open(), but connects a new socket; connected() comes later. address must stay valid until then. */
struct peer_stream *peer_stream_connect(struct peer_streams *streams, int fd, const struct sockaddr *address, socklen_t address_len,
                              struct timers *timers, const struct peer_stream_events *events, void *owner);

/* Gives the stream to another owner. */
void peer_stream_own(struct peer_stream *stream, const struct peer_stream_events *events, void *owner);

/*
 * Queues a copy of len bytes, to be sent once the stream is connected. Returns false if out of memory: the stream is then
 * unusable.
 */
bool peer_stream_send(struct peer_stream *stream, const uint8_t *data, uint32_t len);

/* Returns the number of bytes that the kernel does not have yet. */
uint32_t peer_stream_unsent(const struct peer_stream *stream);

/* Starts or pauses receiving. After a pause, data on its way may still come. */
void peer_stream_receive(struct peer_stream *stream, bool receive);

/* Starts a wait of this kind in place of any other, or ends it. expired() comes after the wait. */
void peer_stream_wait(struct peer_stream *stream, enum timer_kind kind);
void peer_stream_wait_end(struct peer_stream *stream);

/* Handles its expired timer. */
void peer_stream_expired(struct peer_stream *stream);

/* Closes the stream after all queued data is sent. The owner gets no more events and must not use the stream again. */
void peer_stream_finish(struct peer_stream *stream);

/* Closes the stream at once. The owner gets no more events. */
void peer_stream_close(struct peer_stream *stream);

/* Frees all streams, after their loop. */
void peer_streams_free(struct peer_streams *streams);

static inline struct peer_stream *peer_stream_of_timer(struct timer *timer)
{
	return (struct peer_stream *)((char *)timer - offsetof(struct peer_stream, timer));
}

#endif
