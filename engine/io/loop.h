/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of one thread: accepts, receives, sends, and reports events through struct loop_events. Two implementations
 * exist, for io_uring and for epoll. Callers do not depend on either. Only the thread that opened a loop may use it.
 */
#ifndef TUX_ENGINE_IO_LOOP_H
#define TUX_ENGINE_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	LOOP_MAX_IOV = 8,
};

struct channel;
struct tls;

/* The events of a channel, for its owner. A member may be NULL if the owner never causes it. */
struct channel_events {
	void (*received)(struct channel *channel, const uint8_t *data, uint32_t len); /* data is borrowed for the call */
	void (*ended)(struct channel *channel, int error); /* 0: the peer has sent FIN; or a positive errno. Receiving stops */
	void (*sent)(struct channel *channel, int64_t result); /* bytes, or a negative errno */
	void (*writable)(struct channel *channel);
	void (*readable)(struct channel *channel);
	void (*connected)(struct channel *channel, int error); /* 0, or a positive errno */
	void (*closed)(struct channel *channel); /* the loop has no reference left: the owner frees the channel */
	void (*released)(struct channel *channel); /* the loop has no reference left: the owner has the socket */
};

/* A stream socket or one end of a pipe, as the loop sees it. Embedded in its owner. The loop uses the low bits of its address. */
struct channel {
	_Alignas(16) int fd;
	bool pipe;          /* set by the owner: read(2) and write(2) instead of recv and send */
	bool direct;        /* io_uring: the socket is non-blocking */
	bool sealed;        /* set by the owner: the kernel encrypts what is sent (kTLS), so neither MSG_WAITALL nor zero-copy */
	bool single;        /* set by the owner: the data decides how the rest is received, so report each before the next */
	uint8_t inflight;   /* operations of the loop that refer to the channel */
	bool receiving;     /* the owner wants data */
	bool armed;         /* io_uring: a receive is in progress */
	bool greeted;       /* io_uring: data was received, so the next receive is multishot */
	bool readable;      /* epoll: data may be available */
	bool hung_up;       /* epoll: the peer has sent FIN */
	bool blocked;       /* epoll: the owner waits for room to send */
	bool sending;       /* epoll: the room is for send() in progress, not for wait_writable() */
	bool queued;        /* on a list of the loop, linked by next_queued */
	bool closing;
	bool leaving;       /* release() is in progress */
	bool connecting;    /* connect() is in progress */
	bool watched;       /* the owner waits for readable(); io_uring: starts when no receive is in progress */
	bool zero_copied;   /* io_uring: the send has its result, but the kernel still reads the memory */
	int32_t result;     /* io_uring: result of that send; epoll: result of connect() */
	int message_flags;  /* epoll: flags of the send in progress */
	struct msghdr *message; /* epoll: message of the send in progress */
	int64_t sent_bytes; /* epoll: bytes of it already sent */
	struct channel *next_queued;
	const struct channel_events *events;
	struct tls *tls;    /* between the channel and its owner; set by io/transport.h, not for the loop; NULL: plain bytes */
};

/* A listening socket. */
struct acceptor {
	_Alignas(16) int fd;
	uint8_t listener; /* index of its listener, for the owner */
	bool shared; /* with other threads */
	bool wanted;
	bool armed;
};

/* Another descriptor to read: an eventfd, inotify. A readable() that sets fd to -1 ends the watch; the descriptor stays open. */
struct source {
	_Alignas(16) int fd;
	void (*readable)(struct source *source, void *owner);
};

struct loop_events {
	void (*accepted)(void *owner, struct acceptor *acceptor, int fd); /* fd, or a negative errno */
	bool (*accept_singly)(void *owner); /* true near the limit: the next connection may be the last */
	bool (*connects)(void *owner); /* true if connect() will be called; NULL: never */
};

struct loop;

struct loop_ops {
	const char *name;
	/* Returns NULL with errno if the kernel lacks a feature that the loop needs. */
	struct loop *(*open)(const struct loop_events *events, void *owner);
	void (*free)(struct loop *loop);
	/* Waits up to timeout_ms (-1: no limit) for events. handle() then calls the event functions. */
	void (*wait)(struct loop *loop, int timeout_ms);
	void (*handle)(struct loop *loop);
	bool (*watch)(struct loop *loop, struct source *source);
	/* Accepts until accept_stop(); connections come through accepted(). Returns false with errno; the caller may retry. */
	bool (*accept)(struct loop *loop, struct acceptor *acceptor);
	void (*accept_stop)(struct loop *loop, struct acceptor *acceptor);
	/*
	 * Adds a new connected socket or pipe. Returns false with errno. fds from accepted() have the mode that this loop needs.
	 * Others are blocking or not according to fd_flags.
	 */
	bool (*add)(struct loop *loop, struct channel *channel);
	int fd_flags; /* SOCK_NONBLOCK or 0 */
	/*
	 * Adds a new socket and connects it. connected() comes later, never during this call. address must stay valid until then.
	 */
	void (*connect)(struct loop *loop, struct channel *channel, const struct sockaddr *address, socklen_t address_len);
	void (*receive)(struct loop *loop, struct channel *channel);
	/* Stops receiving. Data already on its way may still be reported. */
	void (*receive_stop)(struct loop *loop, struct channel *channel);
	/*
	 * Sends message completely, unless the peer stops receiving. sent() reports the result later, never during this call.
	 * message and its memory must stay valid until then. One send at a time.
	 */
	void (*send)(struct loop *loop, struct channel *channel, struct msghdr *message, int flags, bool zero_copy);
	/* Calls writable() once when there is room to send. Until then, the socket is non-blocking for the owner. */
	void (*wait_writable)(struct loop *loop, struct channel *channel);
	/*
	 * Calls readable() once when data is available, or at the end of the stream. Allowed after receive_stop(): data on its
	 * way is reported first. receive() ends the wait.
	 */
	void (*wait_readable)(struct loop *loop, struct channel *channel);
	/* Makes a socket non-blocking for the owner's own sendfile(2) or splice(2). It stays so. Not for pipes. */
	void (*set_direct)(struct channel *channel);
	/*
	 * Removes a socket that is not sending from the loop, without closing it. Data on its way is still reported. released()
	 * comes later, never during this call, when the loop has no reference to the channel left. add() can add it again.
	 */
	void (*release)(struct loop *loop, struct channel *channel);
	/* Closes the socket. closed() comes later, never during this call, when the loop has no reference to the channel left. */
	void (*close)(struct loop *loop, struct channel *channel);
};

extern const struct loop_ops loop_uring;
extern const struct loop_ops loop_epoll;

#endif
