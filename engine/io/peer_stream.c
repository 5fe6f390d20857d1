/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../core/piece.h"

static const struct channel_events channel_events;

static struct peer_stream *peer_stream_of(struct channel *channel)
{
	return (struct peer_stream *)channel;
}

static struct peer_stream *peer_stream_make(struct peer_streams *streams, int fd, struct timers *timers, const struct peer_stream_events *events,
                                  void *owner)
{
	struct peer_stream *stream = aligned_alloc(_Alignof(struct peer_stream), sizeof(*stream));

	if (stream == NULL)
		return NULL;
	*stream = (struct peer_stream){ .channel = { .fd = fd, .single = true, .events = &channel_events }, .streams = streams, .timers = timers,
		                   .events = events, .owner = owner, .next = streams->first };
	if (stream->next != NULL)
		stream->next->prev = stream;
	streams->first = stream;
	return stream;
}

static void peer_stream_free(struct peer_stream *stream)
{
	buffer_forget(&stream->waiting);
	buffer_forget(&stream->going);
	if (stream->prev != NULL)
		stream->prev->next = stream->next;
	else
		stream->streams->first = stream->next;
	if (stream->next != NULL)
		stream->next->prev = stream->prev;
	free(stream);
}

struct peer_stream *peer_stream_open(struct peer_streams *streams, int fd, bool pipe, struct timers *timers, const struct peer_stream_events *events,
                           void *owner)
{
	struct peer_stream *stream = peer_stream_make(streams, fd, timers, events, owner);
	int error;

	if (stream != NULL) {
		stream->channel.pipe = pipe;
		if (streams->ops->add(streams->loop, &stream->channel))
			return stream;
		error = errno;
		peer_stream_free(stream);
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return NULL;
}

struct peer_stream *peer_stream_connect(struct peer_streams *streams, int fd, const struct sockaddr *address, socklen_t address_len,
                              struct timers *timers, const struct peer_stream_events *events, void *owner)
{
	struct peer_stream *stream = peer_stream_make(streams, fd, timers, events, owner);

	if (stream == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	stream->connecting = true;
	streams->ops->connect(streams->loop, &stream->channel, address, address_len);
	return stream;
}

void peer_stream_own(struct peer_stream *stream, const struct peer_stream_events *events, void *owner)
{
	stream->events = events;
	stream->owner = owner;
	stream->unheard = true;
}

static void start_send(struct peer_stream *stream)
{
	stream->iov = (struct iovec){ stream->going.data + stream->going_at, stream->going.len - stream->going_at };
	stream->message = (struct msghdr){ .msg_iov = &stream->iov, .msg_iovlen = 1 };
	if (stream->send != NULL)
		stream->send(&stream->channel, &stream->message, 0);
	else
		stream->streams->ops->send(stream->streams->loop, &stream->channel, &stream->message, 0, false);
}

static void go(struct peer_stream *stream)
{
	stream->going = stream->waiting;
	stream->going_at = 0;
	stream->waiting = (struct buffer){ NULL, 0, 0 };
	stream->sending = true;
	start_send(stream);
}

bool peer_stream_send(struct peer_stream *stream, const uint8_t *data, uint32_t len)
{
	if (!buffer_keep(&stream->waiting, data, len))
		return false;
	if (!stream->sending && !stream->connecting && stream->waiting.len > 0)
		go(stream);
	return true;
}

uint32_t peer_stream_unsent(const struct peer_stream *stream)
{
	return stream->waiting.len + (stream->sending ? stream->going.len - stream->going_at : 0);
}

void peer_stream_receive(struct peer_stream *stream, bool receive)
{
	if (receive)
		stream->streams->ops->receive(stream->streams->loop, &stream->channel);
	else if (stream->channel.receiving)
		stream->streams->ops->receive_stop(stream->streams->loop, &stream->channel);
}

void peer_stream_wait(struct peer_stream *stream, enum timer_kind kind)
{
	timer_start(stream->timers, &stream->timer, kind, *stream->streams->now_ms);
}

void peer_stream_wait_end(struct peer_stream *stream)
{
	timer_stop(&stream->timer);
}

void peer_stream_expired(struct peer_stream *stream)
{
	stream->events->expired(stream);
}

void peer_stream_close(struct peer_stream *stream)
{
	if (stream->channel.closing)
		return;
	stream->owner = NULL;
	timer_stop(&stream->timer);
	stream->streams->ops->close(stream->streams->loop, &stream->channel);
}

void peer_stream_finish(struct peer_stream *stream)
{
	stream->owner = NULL;
	timer_stop(&stream->timer);
	stream->finishing = true;
	if (!stream->sending && !stream->connecting) /* all is sent, or sending failed */
		peer_stream_close(stream);
}

static void on_connected(struct channel *channel, int error)
{
	struct peer_stream *stream = peer_stream_of(channel);

	stream->connecting = false;
	if (stream->finishing && error != 0) {
		peer_stream_close(stream);
		return;
	}
	if (error == 0 && stream->waiting.len > 0)
		go(stream);
	if (!stream->finishing)
		stream->events->connected(stream, error);
}

static void on_received(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct peer_stream *stream = peer_stream_of(channel);

	if (!stream->finishing)
		stream->events->received(stream, data, len);
}

static void on_ended(struct channel *channel, int error)
{
	struct peer_stream *stream = peer_stream_of(channel);

	if (!stream->finishing)
		stream->events->ended(stream, error);
}

static void on_sent(struct channel *channel, int64_t result)
{
	struct peer_stream *stream = peer_stream_of(channel);

	if (result < 0) {
		stream->sending = false;
		if (stream->finishing)
			peer_stream_close(stream);
		else
			stream->events->failed(stream, (int)-result);
		return;
	}
	stream->unheard = false;
	stream->going_at += tux_bytes_min(stream->going.len - stream->going_at, (uint64_t)result);
	if (stream->going_at < stream->going.len) { /* a pipe accepts as much as it has room for */
		start_send(stream);
		return;
	}
	stream->sending = false;
	buffer_forget(&stream->going);
	if (stream->waiting.len > 0)
		go(stream);
	else if (stream->finishing)
		peer_stream_close(stream);
	else
		stream->events->drained(stream);
}

static void on_readable(struct channel *channel)
{
	struct peer_stream *stream = peer_stream_of(channel);

	if (!stream->finishing)
		stream->events->readable(stream);
}

static void on_writable(struct channel *channel)
{
	struct peer_stream *stream = peer_stream_of(channel);

	if (!stream->finishing)
		stream->events->writable(stream);
}

static void on_closed(struct channel *channel)
{
	peer_stream_free(peer_stream_of(channel));
}

static const struct channel_events channel_events = {
	.connected = on_connected,
	.received = on_received,
	.ended = on_ended,
	.sent = on_sent,
	.readable = on_readable,
	.writable = on_writable,
	.closed = on_closed,
};

void peer_streams_free(struct peer_streams *streams)
{
	while (streams->first != NULL) {
		struct channel *channel = &streams->first->channel;

		if (!channel->closing)
			close(channel->fd);
		channel->events->closed(channel);
	}
}
