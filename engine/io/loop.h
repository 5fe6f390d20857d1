/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of one thread: accepts, receives, sends, and tells what happened through struct
 * loop_events. Two of them exist, over io_uring and over epoll; nothing above knows which runs.
 * Everything here belongs to the thread that opened the loop.
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

/* What the loop tells the owner of a channel. Members that the owner never gives cause for may be NULL. */
struct channel_events {
	void (*received)(struct channel *channel, const uint8_t *data, uint32_t len); /* data is borrowed for the call */
	void (*ended)(struct channel *channel, int error); /* 0: the peer has sent its FIN; or a positive errno. Receiving has stopped */
	void (*sent)(struct channel *channel, int64_t result); /* bytes, or a negative errno */
	void (*writable)(struct channel *channel);
	void (*readable)(struct channel *channel);
	void (*connected)(struct channel *channel, int error); /* 0, or a positive errno */
	void (*closed)(struct channel *channel); /* the loop is done with it: free it */
	void (*released)(struct channel *channel); /* the loop knows nothing of it any more: its socket is the owner's */
};

/* A stream socket, or an end of a pipe, as the loop sees it. Embedded in its owner. The low bits of its address are the loop's. */
struct channel {
	_Alignas(16) int fd;
	bool pipe;          /* the owner's to say: read and written, not received and sent */
	bool single;        /* the owner's to say: what came decides how the rest is taken, so no more is received before it is told */
	uint8_t inflight;   /* operations of the loop that still refer to the channel */
	bool receiving;     /* the owner wants bytes */
	bool armed;         /* io_uring: a receive is under way */
	bool greeted;       /* io_uring: something was received, so the next receive is multishot */
	bool readable;      /* epoll: there may be bytes */
	bool hung_up;       /* epoll: the peer has sent its FIN */
	bool blocked;       /* epoll: the owner waits for room to send */
	bool sending;       /* epoll: the room is for finishing send(), not for wait_writable() */
	bool queued;        /* on a list of the loop, linked by next_queued */
	bool closing;
	bool leaving;       /* release() is under way */
	bool connecting;    /* connect() is under way */
	bool watched;       /* the owner waits for bytes to take itself; io_uring: as soon as no receive is under way */
	bool zero_copied;   /* io_uring: the result is there, the kernel still reads the memory */
	int32_t result;     /* io_uring: of that send; epoll: of connect() */
	int message_flags;  /* epoll: of the send under way */
	struct msghdr *message; /* epoll: the same */
	int64_t sent_bytes; /* epoll: the same, so far */
	struct channel *next_queued;
	const struct channel_events *events;
};

/* A listening socket. */
struct acceptor {
	_Alignas(16) int fd;
	uint8_t listener; /* the owner's: which one it is a socket of */
	bool shared; /* with the other threads */
	bool wanted;
	bool armed;
};

/* Anything else that becomes readable: an eventfd, inotify. A readable() that sets fd to -1 ends the watching; the descriptor stays open. */
struct source {
	_Alignas(16) int fd;
	void (*readable)(struct source *source, void *owner);
};

struct loop_events {
	void (*accepted)(void *owner, struct acceptor *acceptor, int fd); /* fd, or a negative errno */
	bool (*accept_singly)(void *owner); /* near the limit: the next connection may be the last */
	bool (*connects)(void *owner); /* connect() will be called; NULL: never */
};

struct loop;

struct loop_ops {
	const char *name;
	/* NULL with errno when the kernel has not what it takes. */
	struct loop *(*open)(const struct loop_events *events, void *owner);
	void (*free)(struct loop *loop);
	/* Waits up to timeout_ms (-1: for ever) until something happens; handle() then calls the events of all that has. */
	void (*wait)(struct loop *loop, int timeout_ms);
	void (*handle)(struct loop *loop);
	bool (*watch)(struct loop *loop, struct source *source);
	/* Accept, until accept_stop(): connections come through accepted(). False with errno: to be tried again. */
	bool (*accept)(struct loop *loop, struct acceptor *acceptor);
	void (*accept_stop)(struct loop *loop, struct acceptor *acceptor);
	/* Takes a new connected socket or pipe; false with errno. accepted() hands out fds as this loop likes them; others are blocking
	 * or not as fd_flags says. */
	bool (*add)(struct loop *loop, struct channel *channel);
	int fd_flags; /* SOCK_NONBLOCK or 0 */
	/* Takes a new socket and connects it: connected() comes, never from within this call. address stays valid until then. */
	void (*connect)(struct loop *loop, struct channel *channel, const struct sockaddr *address, socklen_t address_len);
	void (*receive)(struct loop *loop, struct channel *channel);
	/* Bytes that are already on their way may still come after this. */
	void (*receive_stop)(struct loop *loop, struct channel *channel);
	/*
	 * Sends what message says, whole if the peer takes it: the result comes through sent(), never
	 * from within this call. message and its memory stay valid until then. One send at a time.
	 */
	void (*send)(struct loop *loop, struct channel *channel, struct msghdr *message, int flags, bool zero_copy);
	/* Calls writable() once when there is room; meanwhile the socket is non-blocking for the owner. */
	void (*wait_writable)(struct loop *loop, struct channel *channel);
	/*
	 * The same for bytes to read: readable() comes once, also at the end of the stream. Behind receive_stop(): what is on its way
	 * is told first. receive() ends the wait.
	 */
	void (*wait_readable)(struct loop *loop, struct channel *channel);
	/* Makes the socket (non-)blocking as the owner's own sendfile(2) or splice(2) needs it. */
	void (*set_direct)(struct channel *channel, bool direct);
	/*
	 * Lets go of a socket that is not sending, without closing it; what was on its way is still told. released() comes
	 * when nothing refers to the channel any more, never from within this call; add() takes it up again.
	 */
	void (*release)(struct loop *loop, struct channel *channel);
	/* Closes the socket; closed() comes when nothing refers to the channel any more, never from within this call. */
	void (*close)(struct loop *loop, struct channel *channel);
};

extern const struct loop_ops loop_uring;
extern const struct loop_ops loop_epoll;

#endif
