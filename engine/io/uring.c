/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The io_uring loop: multishot accept, multishot receive into a ring of provided buffers. Handles all completions before one
 * submission. Needs Linux 6.1.
 */
#include "loop.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	RING_ENTRIES = 1024,
	COMPLETIONS = 8192,
	BUFFERS = 256, /* a power of two */
	BUFFER_BYTES = 4096,
	BUFFER_GROUP = 0,
	OP_MASK = 15,
	FAR_MS = 100, /* a time limit from here on is an operation of the ring, which outlasts many waits */
};

/* Kind of an operation, in the low bits of user_data, below the address of its object. */
enum op {
	OP_NONE, /* the result is ignored */
	OP_ACCEPT,
	OP_RECEIVE,
	OP_SEND,
	OP_WRITABLE,
	OP_READABLE,
	OP_CONNECT,
	OP_CLOSE,
	OP_SOURCE,
	OP_LIMIT,
};

struct loop {
	struct io_uring ring;
	const struct loop_events *events;
	void *owner;
	struct io_uring_buf_ring *buffers;
	uint8_t *memory;       /* BUFFERS * BUFFER_BYTES */
	unsigned returned;     /* buffers returned and not yet announced to the kernel */
	struct channel *starved; /* channels that wait for a free buffer */
	struct __kernel_timespec limit; /* of the time limit in progress */
	uint64_t limit_ms;     /* its end on the coarse clock; 0: none is in progress */
};

static uint64_t tag(void *what, enum op op)
{
	return (uint64_t)(uintptr_t)what | (uint64_t)op;
}

/* Never returns NULL: submits a full queue to the kernel first. */
static struct io_uring_sqe *next_sqe(struct loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	while (sqe == NULL) {
		io_uring_submit(&loop->ring);
		sqe = io_uring_get_sqe(&loop->ring);
	}
	return sqe;
}

static void give_back(struct loop *loop, unsigned id)
{
	io_uring_buf_ring_add(loop->buffers, loop->memory + (size_t)id * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)id,
	                      io_uring_buf_ring_mask(BUFFERS), (int)loop->returned);
	loop->returned++;
}

static bool setup_buffers(struct loop *loop)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS, .bgid = BUFFER_GROUP };
	void *ring;

	if (posix_memalign(&ring, 4096, BUFFERS * sizeof(struct io_uring_buf)) != 0)
		return false;
	loop->buffers = ring;
	if (posix_memalign((void **)&loop->memory, 4096, (size_t)BUFFERS * BUFFER_BYTES) != 0)
		return false;
	reg.ring_addr = (uint64_t)(uintptr_t)ring;
	if (io_uring_register_buf_ring(&loop->ring, &reg, 0) != 0)
		return false;
	io_uring_buf_ring_init(loop->buffers);
	for (unsigned i = 0; i < BUFFERS; i++)
		give_back(loop, i);
	io_uring_buf_ring_advance(loop->buffers, (int)loop->returned);
	loop->returned = 0;
	return true;
}

/*
 * Restricts and enables the ring. seccomp does not see ring operations, so the kernel gets the list of those that this loop uses.
 * It refuses any other operation, by any writer of the ring, and any further registration. Returns false with errno.
 */
static bool restrict_ring(struct loop *loop, bool connects)
{
	static const uint8_t operations[] = { IORING_OP_NOP,    IORING_OP_READ,  IORING_OP_WRITEV,  IORING_OP_RECV,
	                                      IORING_OP_SEND,   IORING_OP_SENDMSG, IORING_OP_SEND_ZC, IORING_OP_POLL_ADD,
	                                      IORING_OP_ACCEPT, IORING_OP_CLOSE, IORING_OP_ASYNC_CANCEL,
	                                      IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE };
	enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };
	/*
	 * Two registrations stay permitted: enabling the ring, once, and unregistering its descriptor at the end, without which the
	 * ring would stay.
	 */
	struct io_uring_restriction rule[OPERATIONS + 4] = {
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_BUFFER_SELECT },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_ENABLE_RINGS },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_UNREGISTER_RING_FDS },
	};
	unsigned rules = 3;

	for (unsigned i = 0; i < OPERATIONS; i++)
		rule[rules++] = (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = operations[i] };
	if (connects)
		rule[rules++] = (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_CONNECT };
	/* Debian 12's liburing declares functions for these two, but does not define them. */
	return syscall(SYS_io_uring_register, loop->ring.ring_fd, IORING_REGISTER_RESTRICTIONS, rule, rules) == 0 &&
	       syscall(SYS_io_uring_register, loop->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
}

static void uring_free(struct loop *loop)
{
	io_uring_queue_exit(&loop->ring);
	free(loop->buffers);
	free(loop->memory);
	free(loop);
}

static struct loop *uring_open(const struct loop_events *events, void *owner)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
		         IORING_SETUP_R_DISABLED,
		.cq_entries = COMPLETIONS,
	};
	struct loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (loop == NULL)
		return NULL;
	error = io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
	if (error != 0) {
		free(loop);
		errno = -error;
		return NULL;
	}
	loop->events = events;
	loop->owner = owner;
	if (!setup_buffers(loop)) {
		error = errno ? errno : ENOMEM;
		uring_free(loop);
		errno = error;
		return NULL;
	}
	io_uring_register_ring_fd(&loop->ring); /* saves a look-up in every call; optional for older kernels */
	if (!restrict_ring(loop, events->connects != NULL && events->connects(owner))) {
		error = errno;
		uring_free(loop);
		errno = error;
		return NULL;
	}
	return loop;
}

static bool uring_watch(struct loop *loop, struct source *source)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	io_uring_prep_poll_multishot(sqe, source->fd, POLLIN);
	io_uring_sqe_set_data64(sqe, tag(source, OP_SOURCE));
	return true;
}

static bool uring_accept(struct loop *loop, struct acceptor *acceptor)
{
	struct io_uring_sqe *sqe;

	acceptor->wanted = true;
	if (acceptor->armed)
		return true;
	acceptor->armed = true;
	sqe = next_sqe(loop);
	if (loop->events->accept_singly(loop->owner))
		io_uring_prep_accept(sqe, acceptor->fd, NULL, NULL, SOCK_CLOEXEC);
	else
		io_uring_prep_multishot_accept(sqe, acceptor->fd, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data64(sqe, tag(acceptor, OP_ACCEPT));
	return true;
}

static void uring_connect(struct loop *loop, struct channel *channel, const struct sockaddr *address, socklen_t address_len)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	io_uring_prep_connect(sqe, channel->fd, address, address_len);
	io_uring_sqe_set_data64(sqe, tag(channel, OP_CONNECT));
	channel->connecting = true;
	channel->inflight++;
}

static void cancel(struct loop *loop, uint64_t user_data)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	io_uring_prep_cancel64(sqe, user_data, 0);
	io_uring_sqe_set_data64(sqe, OP_NONE);
}

static void uring_accept_stop(struct loop *loop, struct acceptor *acceptor)
{
	acceptor->wanted = false;
	if (acceptor->armed)
		cancel(loop, tag(acceptor, OP_ACCEPT));
}

static bool uring_add(struct loop *loop, struct channel *channel)
{
	(void)loop;
	(void)channel;
	return true;
}

/*
 * Starts to receive. The first receive of a connection is a single one, so a request that closes the connection needs no
 * cancellation.
 */
static void uring_receive(struct loop *loop, struct channel *channel)
{
	struct io_uring_sqe *sqe;

	channel->receiving = true;
	channel->watched = false;
	if (channel->armed || channel->queued)
		return;
	sqe = next_sqe(loop);
	if (channel->pipe)
		io_uring_prep_read(sqe, channel->fd, NULL, BUFFER_BYTES, (uint64_t)-1);
	else if (channel->greeted && !channel->single)
		io_uring_prep_recv_multishot(sqe, channel->fd, NULL, 0, 0);
	else
		io_uring_prep_recv(sqe, channel->fd, NULL, BUFFER_BYTES, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
	io_uring_sqe_set_data64(sqe, tag(channel, OP_RECEIVE));
	channel->armed = true;
	channel->inflight++;
}

static void uring_receive_stop(struct loop *loop, struct channel *channel)
{
	channel->receiving = false;
	if (channel->armed)
		cancel(loop, tag(channel, OP_RECEIVE));
}

static void uring_send(struct loop *loop, struct channel *channel, struct msghdr *message, int flags, bool zero_copy)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	flags |= channel->sealed ? MSG_NOSIGNAL : MSG_NOSIGNAL | MSG_WAITALL;
	if (channel->pipe)
		io_uring_prep_writev(sqe, channel->fd, message->msg_iov, (unsigned)message->msg_iovlen, (uint64_t)-1);
	else if (message->msg_iovlen > 1)
		io_uring_prep_sendmsg(sqe, channel->fd, message, (unsigned)flags);
	else if (zero_copy)
		io_uring_prep_send_zc(sqe, channel->fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags, 0);
	else
		io_uring_prep_send(sqe, channel->fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags);
	io_uring_sqe_set_data64(sqe, tag(channel, OP_SEND));
	channel->inflight++;
}

static void wait_for(struct loop *loop, struct channel *channel, unsigned events, enum op op)
{
	struct io_uring_sqe *sqe = next_sqe(loop);

	io_uring_prep_poll_add(sqe, channel->fd, events);
	io_uring_sqe_set_data64(sqe, tag(channel, op));
	channel->inflight++;
}

static void uring_wait_writable(struct loop *loop, struct channel *channel)
{
	wait_for(loop, channel, POLLOUT, OP_WRITABLE);
}

/* Starts to wait for readable(). Data of a receive in progress is reported first. */
static void uring_wait_readable(struct loop *loop, struct channel *channel)
{
	channel->watched = channel->armed || channel->queued;
	if (!channel->watched)
		wait_for(loop, channel, POLLIN | POLLRDHUP, OP_READABLE);
}

/*
 * Sets non-blocking mode, once: it means nothing to the ring's receives and sends on sockets. New sockets are blocking, because most
 * never need it, and because the ring fails a connect() of a non-blocking Unix socket while the listener's queue is full.
 */
static void uring_set_direct(struct channel *channel)
{
	const int on = 1;

	if (!channel->direct)
		channel->direct = ioctl(channel->fd, FIONBIO, &on) == 0;
}

/* Submits a no-op after the cancellation. At its completion no operation is in progress any more. */
static void uring_release(struct loop *loop, struct channel *channel)
{
	struct io_uring_sqe *sqe;

	uring_receive_stop(loop, channel);
	channel->leaving = true;
	sqe = next_sqe(loop);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data64(sqe, tag(channel, OP_CLOSE));
	channel->inflight++;
}

/* Closes the socket. A receive keeps the socket open, so it is cancelled first; the kernel executes both in this order. */
static void uring_close(struct loop *loop, struct channel *channel)
{
	struct io_uring_sqe *sqe;

	channel->closing = true;
	channel->receiving = false;
	if (channel->inflight > 0) {
		sqe = next_sqe(loop);
		io_uring_prep_cancel_fd(sqe, channel->fd, IORING_ASYNC_CANCEL_ALL);
		io_uring_sqe_set_data64(sqe, OP_NONE);
	}
	sqe = next_sqe(loop);
	io_uring_prep_close(sqe, channel->fd);
	io_uring_sqe_set_data64(sqe, tag(channel, OP_CLOSE));
	channel->inflight++;
}

static void on_accept(struct loop *loop, struct acceptor *acceptor, const struct io_uring_cqe *cqe)
{
	if (!(cqe->flags & IORING_CQE_F_MORE))
		acceptor->armed = false;
	if (cqe->res != -ECANCELED && cqe->res != -EINTR)
		loop->events->accepted(loop->owner, acceptor, cqe->res);
	if (acceptor->wanted && !acceptor->armed)
		uring_accept(loop, acceptor);
}

/* Queues a channel that found no buffer. It receives again after the batch, when buffers are free. */
static void starve(struct loop *loop, struct channel *channel)
{
	channel->queued = true;
	channel->next_queued = loop->starved;
	loop->starved = channel;
	channel->inflight++; /* the list holds a reference */
}

static void on_receive(struct loop *loop, struct channel *channel, const struct io_uring_cqe *cqe)
{
	unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	bool live = !channel->closing;

	if (!(cqe->flags & IORING_CQE_F_MORE)) {
		channel->armed = false;
		channel->inflight--;
	}
	if (cqe->res > 0) {
		channel->greeted = true;
		if (live)
			channel->events->received(channel, loop->memory + (size_t)id * BUFFER_BYTES, (uint32_t)cqe->res);
	} else if (cqe->res == -ENOBUFS) {
		if (live && channel->receiving)
			starve(loop, channel);
	} else if (live && cqe->res != -ECANCELED && cqe->res != -EINTR) {
		channel->receiving = false;
		channel->events->ended(channel, -cqe->res);
	}
	if (cqe->flags & IORING_CQE_F_BUFFER)
		give_back(loop, id);
	if (channel->closing || channel->armed)
		return;
	if (channel->receiving)
		uring_receive(loop, channel);
	else if (channel->watched && !channel->queued)
		uring_wait_readable(loop, channel);
}

static void on_send(struct channel *channel, const struct io_uring_cqe *cqe)
{
	int result = cqe->res;

	if (cqe->flags & IORING_CQE_F_MORE) { /* zero-copy: the memory is free at the next completion */
		channel->zero_copied = true;
		channel->result = result;
		return;
	}
	channel->inflight--;
	if (channel->zero_copied) {
		channel->zero_copied = false;
		result = channel->result;
	}
	if (!channel->closing)
		channel->events->sent(channel, result);
}

/* Reports the end of a close or release after the channel's last operation. */
static void settle(struct channel *channel)
{
	if (channel->inflight > 0)
		return;
	if (channel->closing) {
		channel->events->closed(channel);
	} else if (channel->leaving) {
		channel->leaving = false;
		channel->events->released(channel);
	}
}

static void on_completion(struct loop *loop, const struct io_uring_cqe *cqe)
{
	void *what = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)OP_MASK);
	struct channel *channel = what;

	switch ((enum op)(cqe->user_data & OP_MASK)) {
	case OP_NONE:
	case OP_SOURCE: /* handled before */
		return;
	case OP_ACCEPT:
		on_accept(loop, what, cqe);
		return;
	case OP_RECEIVE:
		on_receive(loop, channel, cqe);
		break;
	case OP_SEND:
		on_send(channel, cqe);
		break;
	case OP_WRITABLE:
		channel->inflight--;
		if (!channel->closing)
			channel->events->writable(channel);
		break;
	case OP_READABLE:
		channel->inflight--;
		if (!channel->closing)
			channel->events->readable(channel);
		break;
	case OP_CONNECT:
		channel->inflight--;
		channel->connecting = false;
		if (!channel->closing)
			channel->events->connected(channel, -cqe->res);
		break;
	case OP_CLOSE:
		channel->inflight--;
		break;
	case OP_LIMIT:
		loop->limit_ms = 0;
		return;
	}
	settle(channel);
}

static void on_source(struct loop *loop, const struct io_uring_cqe *cqe)
{
	struct source *source = (struct source *)(uintptr_t)(cqe->user_data & ~(uint64_t)OP_MASK);

	if (source->fd < 0)
		return;
	source->readable(source, loop->owner);
	if (source->fd < 0) {
		if (cqe->flags & IORING_CQE_F_MORE)
			cancel(loop, cqe->user_data);
	} else if (!(cqe->flags & IORING_CQE_F_MORE)) {
		uring_watch(loop, source);
	}
}

static void feed_starved(struct loop *loop)
{
	struct channel *channel = loop->starved;

	loop->starved = NULL;
	while (channel != NULL) {
		struct channel *next = channel->next_queued;

		channel->queued = false;
		channel->inflight--;
		if (channel->closing || channel->leaving) {
			settle(channel);
		} else if (channel->receiving) {
			uring_receive(loop, channel);
		} else if (channel->watched) {
			uring_wait_readable(loop, channel);
		}
		channel = next;
	}
}

static struct __kernel_timespec timespec_of(int ms)
{
	return (struct __kernel_timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000LL };
}

/*
 * Makes the next waits end after timeout_ms at the latest. An earlier limit in progress stays: its end only leads to another wait. A
 * limit of each wait would start and stop a timer of the kernel each time, which on a virtual machine is 5 % of a small request.
 */
static void limit_waits(struct loop *loop, int timeout_ms)
{
	struct io_uring_sqe *sqe;
	struct timespec now;
	uint64_t end_ms;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	end_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + (uint64_t)timeout_ms;
	if (loop->limit_ms != 0 && loop->limit_ms <= end_ms)
		return;
	sqe = next_sqe(loop);
	loop->limit = timespec_of(timeout_ms);
	if (loop->limit_ms == 0) {
		io_uring_prep_timeout(sqe, &loop->limit, 0, 0);
		io_uring_sqe_set_data64(sqe, tag(loop, OP_LIMIT));
	} else {
		io_uring_prep_timeout_update(sqe, &loop->limit, tag(loop, OP_LIMIT), 0);
		io_uring_sqe_set_data64(sqe, OP_NONE);
	}
	loop->limit_ms = end_ms;
}

static void uring_wait(struct loop *loop, int timeout_ms)
{
	struct __kernel_timespec limit = timespec_of(timeout_ms);
	struct io_uring_cqe *cqe;

	if (timeout_ms == 0) {
		io_uring_submit_and_get_events(&loop->ring);
		return;
	}
	if (timeout_ms > 0 && timeout_ms < FAR_MS) {
		io_uring_submit_and_wait_timeout(&loop->ring, &cqe, 1, &limit, NULL);
		return;
	}
	if (timeout_ms >= 0)
		limit_waits(loop, timeout_ms);
	io_uring_submit_and_wait(&loop->ring, 1);
}

static void uring_handle(struct loop *loop)
{
	struct io_uring_cqe *cqe;
	unsigned head;
	unsigned count = 0;
	unsigned seen = 0;

	/* Handle inotify events before the requests that may depend on them. */
	io_uring_for_each_cqe(&loop->ring, head, cqe) {
		if ((cqe->user_data & OP_MASK) == OP_SOURCE)
			on_source(loop, cqe);
		seen++;
	}
	io_uring_for_each_cqe(&loop->ring, head, cqe) {
		if ((cqe->user_data & OP_MASK) != OP_SOURCE)
			on_completion(loop, cqe);
		else if (count >= seen)
			on_source(loop, cqe);
		count++;
	}
	if (loop->returned > 0) {
		io_uring_buf_ring_cq_advance(&loop->ring, loop->buffers, (int)loop->returned);
		if (count > loop->returned)
			io_uring_cq_advance(&loop->ring, count - loop->returned);
		loop->returned = 0;
	} else {
		io_uring_cq_advance(&loop->ring, count);
	}
	if (loop->starved != NULL)
		feed_starved(loop);
}

const struct loop_ops loop_uring = {
	.name = "io_uring",
	.open = uring_open,
	.free = uring_free,
	.wait = uring_wait,
	.handle = uring_handle,
	.watch = uring_watch,
	.accept = uring_accept,
	.accept_stop = uring_accept_stop,
	.add = uring_add,
	.fd_flags = 0,
	.connect = uring_connect,
	.receive = uring_receive,
	.receive_stop = uring_receive_stop,
	.send = uring_send,
	.wait_writable = uring_wait_writable,
	.wait_readable = uring_wait_readable,
	.set_direct = uring_set_direct,
	.release = uring_release,
	.close = uring_close,
};
