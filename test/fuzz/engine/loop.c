/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop interface over simulated descriptors: one with non-blocking sockets in place of epoll, one with blocking sockets in place of
 * io_uring. Within the contract of loop.h the script chooses when, in which order and in which pieces events come. What the engine
 * must not do ends the program: change memory that is being sent, send twice at a time, use a channel that is closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../engine/io/loop.h"
#include "sim.h"

enum { MAX_CHANNELS = 128, MAX_ACCEPTORS = 16, MAX_SOURCES = 16, MAX_RECEIVED = 16384 };

struct entry {
	struct channel *channel;
	const struct msghdr *message; /* being sent; NULL: none */
	uint32_t digest;              /* of its bytes */
	int64_t sent;                 /* bytes of it */
	bool copied;                  /* zero-copy: all bytes are sent, and the result comes later */
	bool zero_copy;
	bool armed;                   /* a receive that receive_stop() may not have stopped yet */
	bool blocked;                 /* waits for writable() */
	bool closes;                  /* the descriptor closes later */
	uint8_t delay;                /* turns until closed() */
};

struct loop {
	const struct loop_events *events;
	void *owner;
	bool blocking;
	struct entry entry[MAX_CHANNELS];
	unsigned entries;
	struct acceptor *acceptor[MAX_ACCEPTORS];
	unsigned acceptors;
	struct source *source[MAX_SOURCES];
	unsigned sources;
};

struct loop_policy loop_policy;
static bool called; /* an event function, since loop_is_quiet() */

bool loop_is_quiet(void)
{
	const bool quiet = !called;

	called = false;
	return quiet;
}

static struct loop *open_loop(const struct loop_events *events, void *owner, bool blocking)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	loop->events = events;
	loop->owner = owner;
	loop->blocking = blocking;
	return loop;
}

static struct loop *ready_open(const struct loop_events *events, void *owner)
{
	return open_loop(events, owner, false);
}

static struct loop *ring_open(const struct loop_events *events, void *owner)
{
	if (loop_policy.uring_fails && loop_policy.uring_opens-- == 0) {
		loop_policy.uring_opens = 0;
		errno = ENOMEM;
		return NULL;
	}
	return open_loop(events, owner, true);
}

static void loop_free(struct loop *loop)
{
	for (unsigned i = 0; i < loop->entries; i++)
		if (loop->entry[i].closes)
			close(loop->entry[i].channel->fd);
	free(loop);
}

static struct entry *find(struct loop *loop, const struct channel *channel)
{
	for (unsigned i = 0; i < loop->entries; i++)
		if (loop->entry[i].channel == channel)
			return &loop->entry[i];
	return NULL;
}

static struct entry *entry_of(struct loop *loop, const struct channel *channel)
{
	struct entry *entry = find(loop, channel);

	require(entry != NULL && !channel->closing);
	return entry;
}

static struct file *file_of(const struct entry *entry)
{
	struct file *file = descriptor_file(entry->channel->fd);

	require(file != NULL);
	return file;
}

static void entry_remove(struct loop *loop, const struct channel *channel)
{
	*find(loop, channel) = loop->entry[--loop->entries];
}

static void loop_wait(struct loop *loop, int timeout_ms)
{
	(void)loop;
	(void)timeout_ms;
	fiber_wait_in_loop();
}

static bool loop_watch(struct loop *loop, struct source *source)
{
	require(loop->sources < MAX_SOURCES);
	loop->source[loop->sources++] = source;
	return true;
}

static bool loop_accept(struct loop *loop, struct acceptor *acceptor)
{
	acceptor->wanted = true;
	if (!acceptor->armed) {
		require(loop->acceptors < MAX_ACCEPTORS);
		loop->acceptor[loop->acceptors++] = acceptor;
	}
	acceptor->armed = true;
	return true;
}

static void acceptor_remove(struct loop *loop, struct acceptor *acceptor)
{
	for (unsigned i = 0; i < loop->acceptors; i++)
		if (loop->acceptor[i] == acceptor)
			loop->acceptor[i--] = loop->acceptor[--loop->acceptors];
	acceptor->armed = false;
}

static void loop_accept_stop(struct loop *loop, struct acceptor *acceptor)
{
	acceptor->wanted = false;
	if (!loop->blocking || !loop_policy.late)
		acceptor_remove(loop, acceptor);
}

static bool loop_add(struct loop *loop, struct channel *channel)
{
	const struct file *file = descriptor_file(channel->fd);

	require(file != NULL && find(loop, channel) == NULL && loop->entries < MAX_CHANNELS);
	require(file->nonblocking == (!loop->blocking || channel->direct));
	if (!loop->blocking && descriptor_fails()) /* epoll_ctl() */
		return false;
	loop->entry[loop->entries++] = (struct entry){ .channel = channel };
	return true;
}

static void loop_connect(struct loop *loop, struct channel *channel, const struct sockaddr *address, socklen_t address_len)
{
	struct file *file = descriptor_file(channel->fd);

	require(address != NULL && address_len >= sizeof(sa_family_t) && address->sa_family != AF_UNSPEC);
	loop->entry[loop->entries++] = (struct entry){ .channel = channel };
	require(loop->entries < MAX_CHANNELS);
	file->connect = CONNECT_PENDING;
	channel->connecting = true;
}

static void loop_receive(struct loop *loop, struct channel *channel)
{
	struct entry *entry = entry_of(loop, channel);

	channel->receiving = true;
	channel->watched = false;
	entry->armed = true;
}

static void loop_receive_stop(struct loop *loop, struct channel *channel)
{
	struct entry *entry = entry_of(loop, channel);

	channel->receiving = false;
	if (!loop_policy.late)
		entry->armed = false;
}

/* Reads all memory of a message. AddressSanitizer checks that it is valid. */
static uint32_t digest_of(const struct msghdr *message)
{
	uint32_t digest = 2166136261u;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const uint8_t *at = message->msg_iov[i].iov_base;
		const size_t len = message->msg_iov[i].iov_len, step = len < 4096 ? 1 : 61;

		require(len > 0);
		for (size_t byte = 0; byte < len; byte += step)
			digest = (digest ^ at[byte]) * 16777619u;
		digest = (digest ^ at[len - 1]) * 16777619u;
	}
	return digest;
}

static int64_t bytes_of(const struct msghdr *message)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		bytes += (int64_t)message->msg_iov[i].iov_len;
	return bytes;
}

static void loop_send(struct loop *loop, struct channel *channel, struct msghdr *message, int flags, bool zero_copy)
{
	struct entry *entry = entry_of(loop, channel);

	(void)flags;
	require(entry->message == NULL && !channel->leaving && !channel->connecting);
	require(message->msg_iovlen > 0 && message->msg_iovlen <= LOOP_MAX_IOV);
	entry->message = message;
	entry->digest = digest_of(message);
	entry->sent = 0;
	entry->copied = false;
	entry->zero_copy = zero_copy && loop->blocking;
}

static void loop_wait_writable(struct loop *loop, struct channel *channel)
{
	entry_of(loop, channel)->blocked = true;
}

static void loop_wait_readable(struct loop *loop, struct channel *channel)
{
	entry_of(loop, channel)->channel->watched = true;
}

static void ready_set_direct(struct channel *channel)
{
	require(descriptor_file(channel->fd)->nonblocking);
}

static void ring_set_direct(struct channel *channel)
{
	require(!channel->pipe && !channel->connecting);
	channel->direct = descriptor_file(channel->fd)->nonblocking = true;
}

static void loop_release(struct loop *loop, struct channel *channel)
{
	struct entry *entry = entry_of(loop, channel);

	require(entry->message == NULL && !channel->leaving);
	channel->leaving = true;
	channel->receiving = false;
}

static void loop_close(struct loop *loop, struct channel *channel)
{
	struct entry *entry = entry_of(loop, channel);

	if (entry->message != NULL)
		require(digest_of(entry->message) == entry->digest);
	channel->closing = true;
	channel->receiving = false;
	entry->delay = loop_policy.slow_close ? 1 : 0;
	entry->closes = loop->blocking;
	if (!loop->blocking)
		close(channel->fd);
}

/* Moves bytes of the message from sent on. Returns the bytes moved. */
static uint32_t push(struct entry *entry, struct flow *flow)
{
	uint64_t skip = (uint64_t)entry->sent;
	uint32_t pushed = 0;

	for (size_t i = 0; i < entry->message->msg_iovlen; i++) {
		const struct iovec *iov = &entry->message->msg_iov[i];
		uint32_t n;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		n = flow_room(flow, iov->iov_len - skip);
		flow_write(flow, (const uint8_t *)iov->iov_base + skip, n);
		pushed += n;
		if (skip + n < iov->iov_len)
			break;
		skip = 0;
	}
	return pushed;
}

static void report_sent(struct entry *entry, int64_t result)
{
	struct channel *channel = entry->channel;

	require(digest_of(entry->message) == entry->digest);
	entry->message = NULL;
	called = true;
	channel->events->sent(channel, result);
}

static void take_send(struct loop *loop, struct entry *entry)
{
	struct file *file = file_of(entry);
	const int64_t all = bytes_of(entry->message);

	require(file->nonblocking == (!loop->blocking || entry->channel->direct));
	if (loop_policy.hold_sends)
		return;
	if (entry->copied) {
		report_sent(entry, entry->sent);
		return;
	}
	if (file->out->broken) {
		report_sent(entry, loop->blocking && entry->sent > 0 ? entry->sent : -EPIPE);
		return;
	}
	entry->sent += push(entry, file->out);
	if (entry->sent == all && entry->zero_copy)
		entry->copied = true;
	else if (entry->sent == all || (entry->channel->pipe && loop->blocking && entry->sent > 0))
		report_sent(entry, entry->sent);
}

/* Reports received bytes, or the end. Returns false if neither has come. */
static bool take_bytes(struct entry *entry)
{
	static uint8_t *scratch;
	struct channel *channel = entry->channel;
	struct file *file = file_of(entry);
	uint32_t len;

	if (!file_readable(file))
		return false;
	called = true;
	if (file->in->broken || file->in->at == file->in->len) {
		channel->receiving = false;
		entry->armed = false;
		channel->events->ended(channel, file->in->broken ? ECONNRESET : 0);
		return true;
	}
	len = file->in->len - file->in->at;
	if (len > loop_policy.piece)
		len = loop_policy.piece;
	if (len > MAX_RECEIVED)
		len = MAX_RECEIVED;
	scratch = memory_grow(NULL, len); /* exactly as large, and gone after the call */
	flow_read(file->in, scratch, len);
	entry->armed = channel->receiving;
	channel->events->received(channel, scratch, len);
	free(scratch);
	return true;
}

/* Reports closed() or released(). */
static void take_leave(struct loop *loop, struct entry *entry)
{
	struct channel *channel = entry->channel;

	if (channel->closing && entry->delay > 0) {
		entry->delay--;
		called = true;
		return;
	}
	called = true;
	if (channel->closing) {
		if (entry->closes)
			close(channel->fd);
		entry_remove(loop, channel);
		channel->events->closed(channel);
		return;
	}
	if (entry->armed && loop_policy.late) {
		entry->armed = false;
		if (take_bytes(entry)) /* comes again next turn */
			return;
	}
	channel->leaving = false;
	entry_remove(loop, channel);
	channel->events->released(channel);
}

static void take_connect(struct entry *entry)
{
	struct file *file = file_of(entry);

	if (file->connect != CONNECT_DECIDED)
		return;
	file->connect = CONNECT_NOT;
	entry->channel->connecting = false;
	called = true;
	entry->channel->events->connected(entry->channel, file->connect_error);
}

/* Handles the events of one channel. Another event function may have removed it, or any other. */
static void take_turn(struct loop *loop, struct channel *channel)
{
	struct entry *entry;

	if ((entry = find(loop, channel)) == NULL)
		return;
	if (channel->closing || channel->leaving) {
		take_leave(loop, entry);
		return;
	}
	if (channel->connecting) {
		take_connect(entry);
		return;
	}
	if (entry->message != NULL)
		take_send(loop, entry);
	if ((entry = find(loop, channel)) == NULL || channel->closing || channel->leaving)
		return;
	if (channel->receiving || entry->armed) {
		if (!take_bytes(entry) && !channel->receiving)
			entry->armed = false;
	}
	if ((entry = find(loop, channel)) == NULL || channel->closing || channel->leaving)
		return;
	if (channel->watched && !channel->receiving && !entry->armed && file_readable(file_of(entry))) {
		channel->watched = false;
		called = true;
		channel->events->readable(channel);
	}
	if ((entry = find(loop, channel)) == NULL || channel->closing || channel->leaving)
		return;
	if (entry->blocked && !loop_policy.hold_sends && (file_of(entry)->out->room > 0 || file_of(entry)->out->broken)) {
		entry->blocked = false;
		called = true;
		channel->events->writable(channel);
	}
}

static void take_sources(struct loop *loop)
{
	for (unsigned i = 0; i < loop->sources; i++) {
		struct source *source = loop->source[i];
		const struct file *file = descriptor_file(source->fd);

		if (file == NULL || !file_readable(file))
			continue;
		called = true;
		source->readable(source, loop->owner);
		if (source->fd < 0)
			loop->source[i--] = loop->source[--loop->sources];
	}
}

static void take_connections(struct loop *loop)
{
	struct acceptor *all[MAX_ACCEPTORS];
	const unsigned count = loop->acceptors;

	memcpy(all, loop->acceptor, sizeof(all));
	for (unsigned i = 0; i < count; i++) {
		struct acceptor *acceptor = all[i];

		for (unsigned at_once = loop_policy.one_accept ? 1 : 8; at_once > 0 && acceptor->armed; at_once--) {
			int fd;

			if (descriptor_file(acceptor->fd)->waiting_count == 0)
				break;
			called = true;
			fd = accept4(acceptor->fd, NULL, NULL, loop->blocking ? 0 : SOCK_NONBLOCK);
			loop->events->accepted(loop->owner, acceptor, fd >= 0 ? fd : -errno);
			if (fd < 0 || loop->events->accept_singly(loop->owner))
				break;
		}
		if (acceptor->armed && !acceptor->wanted)
			acceptor_remove(loop, acceptor);
	}
}

static void loop_handle(struct loop *loop)
{
	struct channel *turn[MAX_CHANNELS];
	const unsigned count = loop->entries;

	for (unsigned i = 0; i < count; i++)
		turn[loop_policy.reversed ? count - 1 - i : i] = loop->entry[i].channel;
	take_sources(loop);
	take_connections(loop);
	for (unsigned i = 0; i < count; i++)
		take_turn(loop, turn[i]);
}

#define LOOP_OPS \
	.free = loop_free, .wait = loop_wait, .handle = loop_handle, .watch = loop_watch, .accept = loop_accept, \
	.accept_stop = loop_accept_stop, .add = loop_add, .connect = loop_connect, .receive = loop_receive, \
	.receive_stop = loop_receive_stop, .send = loop_send, .wait_writable = loop_wait_writable, \
	.wait_readable = loop_wait_readable, .release = loop_release, .close = loop_close

const struct loop_ops loop_epoll = { .name = "epoll", .open = ready_open, .fd_flags = SOCK_NONBLOCK, .set_direct = ready_set_direct, LOOP_OPS };
const struct loop_ops loop_uring = { .name = "io_uring", .open = ring_open, .fd_flags = 0, .set_direct = ring_set_direct, LOOP_OPS };
