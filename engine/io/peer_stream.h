/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream to or from a peer: the connection to an upstream server, or a pipe of a program. What is given to it is sent in
 * turn and never waited for; what comes is told to its owner at the time.
 */
#ifndef TUX_ENGINE_IO_PEER_STREAM_H
#define TUX_ENGINE_IO_PEER_STREAM_H

#include <stddef.h>

#include "buffer.h"
#include "loop.h"
#include "timer.h"

enum {
	STREAM_ROOM = 64 * 1024, /* bytes that wait to be sent, from which on their source is to pause */
};

struct stream;

/* None of them is called from within a function of this file. The owner may close the stream in any. */
struct stream_events {
	void (*connected)(struct stream *stream, int error); /* 0, or a positive errno */
	void (*received)(struct stream *stream, const uint8_t *data, uint32_t len); /* data is borrowed for the call */
	void (*ended)(struct stream *stream, int error); /* nothing more comes: the peer has finished (0), or a positive errno */
	void (*drained)(struct stream *stream); /* all that was given is with the kernel */
	void (*failed)(struct stream *stream, int error); /* the peer does not take what was given; a positive errno */
	void (*readable)(struct stream *stream); /* after wait_readable() of the loop, or splice_fill() */
	void (*writable)(struct stream *stream);
	void (*expired)(struct stream *stream); /* its timer */
};

struct stream {
	struct channel channel; /* first: the loop's events give this */
	struct streams *streams;
	struct stream *next, *prev; /* all of a thread */
	const struct stream_events *events;
	void *owner;
	struct stream *next_idle; /* upstream.c's */
	struct timer timer;
	struct timers *timers;    /* what timer is in */
	struct buffer waiting;     /* to be sent behind what is under way */
	struct buffer going;       /* under way, from going_at on */
	uint32_t going_at;
	struct iovec iov;
	struct msghdr message;
	bool sending;
	bool finishing;           /* close when all is sent */
	bool used;                /* it has carried an exchange before */
	bool unheard;             /* of what its new owner has given nothing is with the kernel yet */
};

/* All streams of a thread, and its loop. */
struct streams {
	const struct loop_ops *ops;
	struct loop *loop;
	struct stream *first;
	const uint64_t *now_ms;
};

/*
 * A stream over fd, a connected socket or, with pipe, a pipe's end, made as loop_ops.fd_flags says; it is closed with the stream. timers
 * are those that stream_wait() takes a kind of. NULL, with errno and fd closed, without memory.
 */
struct stream *stream_open(struct streams *streams, int fd, bool pipe, struct timers *timers, const struct stream_events *events,
                           void *owner);

/* The same for a socket that is not connected yet; connected() comes. address stays valid until then. */
struct stream *stream_connect(struct streams *streams, int fd, const struct sockaddr *address, socklen_t address_len,
                              struct timers *timers, const struct stream_events *events, void *owner);

/* Another owner takes over. */
void stream_own(struct stream *stream, const struct stream_events *events, void *owner);

/* Has a copy of len bytes sent, as soon as the stream is connected. False without memory: the stream is of no use any more. */
bool stream_send(struct stream *stream, const uint8_t *data, uint32_t len);

/* Bytes that are not with the kernel yet. */
uint32_t stream_unsent(const struct stream *stream);

/* Receive, or pause: what is on its way still comes. */
void stream_receive(struct stream *stream, bool receive);

/* Starts a wait of a kind, after which expired() comes, in place of any other; or ends it. */
void stream_wait(struct stream *stream, enum timer_kind kind);
void stream_wait_end(struct stream *stream);

/* Its timer has expired. */
void stream_expired(struct stream *stream);

/* Closes the stream when what was given is sent, and tells nobody. The owner forgets it. */
void stream_finish(struct stream *stream);

/* Closes it at once; its owner hears no more of it. */
void stream_close(struct stream *stream);

/* Frees all, when their loop is gone. */
void streams_free(struct streams *streams);

static inline struct stream *stream_of_timer(struct timer *timer)
{
	return (struct stream *)((char *)timer - offsetof(struct stream, timer));
}

#endif
