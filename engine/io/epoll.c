/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The epoll loop, for kernels and containers without io_uring. Edge-triggered: a list holds the readable channels, each of which is
 * read in turns until it is empty.
 */
#include "../../core/piece.h"
#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BATCH = 512,
	SCRATCH_BYTES = 16384,
	KIND_MASK = 3,
};

/* Kind of an event, in the low bits of its data, below the address. */
enum kind {
	KIND_CHANNEL,
	KIND_ACCEPTOR,
	KIND_SOURCE,
};

struct loop {
	int fd;
	const struct loop_events *events;
	void *owner;
	struct channel *ready;    /* channels to read, write or report before the next wait */
	struct channel **ready_end;
	struct channel *current;  /* channel whose turn it is */
	int batch_count; /* events in batch from the last wait; negative = failed */
	struct epoll_event batch[BATCH];
	uint8_t scratch[SCRATCH_BYTES];
};

static bool control(struct loop *loop, int op, int fd, uint32_t events, void *what, enum kind kind)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)(uintptr_t)what | (uint64_t)kind };

	return epoll_ctl(loop->fd, op, fd, &event) == 0;
}

/* Appends a channel to the list. The list holds a reference, so the channel is not freed before its turn. */
static void queue(struct loop *loop, struct channel *channel)
{
	if (channel->queued)
		return;
	channel->queued = true;
	channel->inflight++;
	channel->next_queued = NULL;
	*loop->ready_end = channel;
	loop->ready_end = &channel->next_queued;
}

static struct loop *epoll_open(const struct loop_events *events, void *owner)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->fd < 0) {
		free(loop);
		return NULL;
	}
	loop->events = events;
	loop->owner = owner;
	loop->ready_end = &loop->ready;
	return loop;
}

static void epoll_free(struct loop *loop)
{
	close(loop->fd);
	free(loop);
}

static bool epoll_watch(struct loop *loop, struct source *source)
{
	return control(loop, EPOLL_CTL_ADD, source->fd, EPOLLIN, source, KIND_SOURCE);
}

static bool epoll_accept(struct loop *loop, struct acceptor *acceptor)
{
	acceptor->wanted = true;
	if (!acceptor->armed)
		acceptor->armed =
			control(loop, EPOLL_CTL_ADD, acceptor->fd, EPOLLIN | EPOLLEXCLUSIVE, acceptor, KIND_ACCEPTOR);
	return acceptor->armed;
}

static void epoll_accept_stop(struct loop *loop, struct acceptor *acceptor)
{
	acceptor->wanted = false;
	if (acceptor->armed)
		control(loop, EPOLL_CTL_DEL, acceptor->fd, 0, acceptor, KIND_ACCEPTOR);
	acceptor->armed = false;
}

static bool epoll_add(struct loop *loop, struct channel *channel)
{
	return control(loop, EPOLL_CTL_ADD, channel->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, channel, KIND_CHANNEL);
}

/*
 * Adds the socket after connect(): before it, and after a failure, epoll reports a hang-up. An immediate result is reported in the
 * channel's turn.
 */
static void epoll_connect(struct loop *loop, struct channel *channel, const struct sockaddr *address, socklen_t address_len)
{
	int error = connect(channel->fd, address, address_len) == 0 ? 0 : errno;

	channel->connecting = true;
	if ((error == 0 || error == EINPROGRESS) && !epoll_add(loop, channel))
		error = errno;
	channel->result = error;
	if (error != EINPROGRESS)
		queue(loop, channel);
}

static void epoll_receive(struct loop *loop, struct channel *channel)
{
	channel->receiving = true;
	channel->watched = false;
	if (channel->readable)
		queue(loop, channel);
}

static void epoll_receive_stop(struct loop *loop, struct channel *channel)
{
	(void)loop;
	channel->receiving = false;
}

/* Removes sent bytes from the pieces of a message. */
static void message_advance(struct msghdr *message, uint64_t sent)
{
	for (; message->msg_iovlen > 0; message->msg_iov++, message->msg_iovlen--) {
		struct iovec *piece = message->msg_iov;
		const uint64_t taken = tux_bytes_take(piece->iov_len, &sent);

		piece->iov_base = (uint8_t *)piece->iov_base + taken;
		piece->iov_len -= taken;
		if (piece->iov_len > 0)
			return;
	}
}

/* Sends as much as the socket accepts. Returns true if there is a result: all bytes sent, or an error. */
static bool push(struct channel *channel, int64_t *result)
{
	struct msghdr *message = channel->message;

	for (;;) {
		ssize_t n = channel->pipe ? writev(channel->fd, message->msg_iov, (int)message->msg_iovlen) :
		                            sendmsg(channel->fd, message, channel->message_flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*result = -errno;
			return errno != EAGAIN;
		}
		channel->sent_bytes += n;
		message_advance(message, (uint64_t)n);
		if (message->msg_iovlen == 0) {
			*result = channel->sent_bytes;
			return true;
		}
	}
}

/* Starts to send. The result is reported in the channel's turn, so that sent() is never called from within send(). */
static void epoll_send(struct loop *loop, struct channel *channel, struct msghdr *message, int flags, bool zero_copy)
{
	(void)zero_copy; /* only for io_uring: MSG_ZEROCOPY reports over the error queue */
	channel->message = message;
	channel->message_flags = flags | MSG_NOSIGNAL | MSG_DONTWAIT;
	channel->sent_bytes = 0;
	channel->sending = true;
	if (loop->current != channel)
		queue(loop, channel);
}

static void epoll_wait_writable(struct loop *loop, struct channel *channel)
{
	/* With edge triggering only a new event reports room. EPOLL_CTL_MOD creates one immediately if there is room. */
	channel->blocked = true;
	control(loop, EPOLL_CTL_MOD, channel->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, channel, KIND_CHANNEL);
}

static void epoll_wait_readable(struct loop *loop, struct channel *channel)
{
	channel->watched = true;
	control(loop, EPOLL_CTL_MOD, channel->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, channel, KIND_CHANNEL);
}

static void epoll_set_direct(struct channel *channel)
{
	(void)channel; /* sockets of this loop are always non-blocking */
}

static void epoll_close(struct loop *loop, struct channel *channel)
{
	channel->closing = true;
	channel->receiving = false;
	close(channel->fd);
	queue(loop, channel);
}

static void epoll_release(struct loop *loop, struct channel *channel)
{
	channel->leaving = true;
	channel->receiving = false;
	queue(loop, channel);
}

/* Sends in a channel's turn, including the next messages that sent() starts, up to a limit. */
static void take_sends(struct loop *loop, struct channel *channel)
{
	enum { AT_ONCE = 16, AT_ONCE_BYTES = 1 << 20 };
	int64_t result, bytes = 0;

	for (int i = 0; i < AT_ONCE && bytes < AT_ONCE_BYTES && channel->sending && !channel->closing; i++) {
		if (!push(channel, &result))
			return;
		bytes += result > 0 ? result : 0;
		channel->sending = false;
		channel->events->sent(channel, result);
	}
	if (channel->sending && !channel->closing) /* a closed channel gets only the turn for closed() */
		queue(loop, channel);
}

/* Reads once per turn, so that a busy connection does not starve others. */
static void take_bytes(struct loop *loop, struct channel *channel)
{
	ssize_t n = channel->pipe ? read(channel->fd, loop->scratch, SCRATCH_BYTES) :
	                            recv(channel->fd, loop->scratch, SCRATCH_BYTES, MSG_DONTWAIT);

	if (n > 0) {
		if (n < SCRATCH_BYTES && !channel->hung_up && !channel->pipe) /* a read of a pipe may return less than it holds */
			channel->readable = false;
		channel->events->received(channel, loop->scratch, (uint32_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		int error = n == 0 ? 0 : errno;

		channel->receiving = false;
		channel->readable = false;
		channel->events->ended(channel, error);
	} else if (errno == EAGAIN) {
		channel->readable = false;
	}
	if (!channel->closing && channel->receiving && channel->readable)
		queue(loop, channel);
}

static void take_turn(struct loop *loop, struct channel *channel)
{
	channel->queued = false;
	channel->inflight--;
	loop->current = channel;
	if (channel->connecting && !channel->closing) {
		channel->connecting = false;
		channel->events->connected(channel, channel->result);
	}
	take_sends(loop, channel);
	if (!channel->closing && channel->receiving && channel->readable)
		take_bytes(loop, channel);
	take_sends(loop, channel);
	loop->current = NULL;
	if (channel->queued)
		return;
	if (channel->closing) {
		channel->events->closed(channel);
	} else if (channel->leaving) {
		channel->leaving = false;
		control(loop, EPOLL_CTL_DEL, channel->fd, 0, channel, KIND_CHANNEL);
		channel->events->released(channel);
	}
}

static void on_channel(struct loop *loop, struct channel *channel, uint32_t events)
{
	if (channel->closing || channel->leaving)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) { /* recorded during connect(), too: the event occurs once */
		channel->readable = true;
		channel->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	}
	if (channel->connecting) {
		socklen_t len = sizeof(channel->result);

		/* Keep a known result: SO_ERROR is cleared by the first read, and never is EAGAIN. */
		if (channel->result == EINPROGRESS && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
			getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &channel->result, &len);
			queue(loop, channel);
		}
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		if (channel->receiving)
			queue(loop, channel);
		if (channel->watched) {
			channel->watched = false;
			channel->events->readable(channel);
		}
	}
	if (!channel->closing && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
		if (channel->sending)
			queue(loop, channel);
		if (channel->blocked) {
			channel->blocked = false;
			channel->events->writable(channel);
		}
	}
}

static void on_acceptor(struct loop *loop, struct acceptor *acceptor)
{
	enum { AT_ONCE = 64 };

	for (int i = 0; i < AT_ONCE && acceptor->wanted; i++) {
		int fd = accept4(acceptor->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		loop->events->accepted(loop->owner, acceptor, fd < 0 ? -errno : fd);
		if (fd < 0)
			return;
	}
}

static void epoll_wait_for(struct loop *loop, int timeout_ms)
{
	loop->batch_count = epoll_wait(loop->fd, loop->batch, BATCH, loop->ready != NULL ? 0 : timeout_ms);
}

static void epoll_handle(struct loop *loop)
{
	const int count = loop->batch_count;
	struct channel *last;

	/* Handle inotify events before the requests that may depend on them. */
	for (int i = 0; i < count; i++)
		if ((loop->batch[i].data.u64 & KIND_MASK) == KIND_SOURCE) {
			struct source *source = (struct source *)(uintptr_t)(loop->batch[i].data.u64 - KIND_SOURCE);
			const int fd = source->fd;

			source->readable(source, loop->owner);
			if (source->fd < 0)
				control(loop, EPOLL_CTL_DEL, fd, 0, source, KIND_SOURCE);
		}
	for (int i = 0; i < count; i++) {
		void *what = (void *)(uintptr_t)(loop->batch[i].data.u64 & ~(uint64_t)KIND_MASK);

		if ((loop->batch[i].data.u64 & KIND_MASK) == KIND_CHANNEL)
			on_channel(loop, what, loop->batch[i].events);
		else if ((loop->batch[i].data.u64 & KIND_MASK) == KIND_ACCEPTOR)
			on_acceptor(loop, what);
	}
	if (loop->ready == NULL)
		return;
	last = (struct channel *)((char *)loop->ready_end - offsetof(struct channel, next_queued));
	for (bool done = false; !done && loop->ready != NULL;) {
		struct channel *channel = loop->ready;

		done = channel == last; /* channels queued meanwhile wait for the next round */
		loop->ready = channel->next_queued;
		if (loop->ready == NULL)
			loop->ready_end = &loop->ready;
		take_turn(loop, channel);
	}
}

const struct loop_ops loop_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.free = epoll_free,
	.wait = epoll_wait_for,
	.handle = epoll_handle,
	.watch = epoll_watch,
	.accept = epoll_accept,
	.accept_stop = epoll_accept_stop,
	.add = epoll_add,
	.fd_flags = SOCK_NONBLOCK,
	.connect = epoll_connect,
	.receive = epoll_receive,
	.receive_stop = epoll_receive_stop,
	.send = epoll_send,
	.wait_writable = epoll_wait_writable,
	.wait_readable = epoll_wait_readable,
	.set_direct = epoll_set_direct,
	.release = epoll_release,
	.close = epoll_close,
};
