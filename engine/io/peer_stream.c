/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const struct channel_events channel_events;

static struct stream *stream_of(struct channel *channel)
{
	return (struct stream *)channel;
}

static struct stream *stream_make(struct streams *streams, int fd, struct timers *timers, const struct stream_events *events,
                                  void *owner)
{
	struct stream *stream = aligned_alloc(_Alignof(struct stream), sizeof(*stream));

	if (stream == NULL)
		return NULL;
	*stream = (struct stream){ .channel = { .fd = fd, .single = true, .events = &channel_events }, .streams = streams, .timers = timers,
		                   .events = events, .owner = owner, .next = streams->first };
	if (stream->next != NULL)
		stream->next->prev = stream;
	streams->first = stream;
	return stream;
}

static void stream_free(struct stream *stream)
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

struct stream *stream_open(struct streams *streams, int fd, bool pipe, struct timers *timers, const struct stream_events *events,
                           void *owner)
{
	struct stream *stream = stream_make(streams, fd, timers, events, owner);
	int error;

	if (stream != NULL) {
		stream->channel.pipe = pipe;
		if (streams->ops->add(streams->loop, &stream->channel))
			return stream;
		error = errno;
		stream_free(stream);
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return NULL;
}

struct stream *stream_connect(struct streams *streams, int fd, const struct sockaddr *address, socklen_t address_len,
                              struct timers *timers, const struct stream_events *events, void *owner)
{
	struct stream *stream = stream_make(streams, fd, timers, events, owner);

	if (stream == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	streams->ops->connect(streams->loop, &stream->channel, address, address_len);
	return stream;
}

void stream_own(struct stream *stream, const struct stream_events *events, void *owner)
{
	stream->events = events;
	stream->owner = owner;
	stream->unheard = true;
}

static void go(struct stream *stream)
{
	stream->going = stream->waiting;
	stream->going_at = 0;
	stream->waiting = (struct buffer){ NULL, 0, 0 };
	stream->iov = (struct iovec){ stream->going.data, stream->going.len };
	stream->message = (struct msghdr){ .msg_iov = &stream->iov, .msg_iovlen = 1 };
	stream->sending = true;
	stream->streams->ops->send(stream->streams->loop, &stream->channel, &stream->message, 0, false);
}

bool stream_send(struct stream *stream, const uint8_t *data, uint32_t len)
{
	if (!buffer_keep(&stream->waiting, data, len))
		return false;
	if (!stream->sending && !stream->channel.connecting && stream->waiting.len > 0)
		go(stream);
	return true;
}

uint32_t stream_unsent(const struct stream *stream)
{
	return stream->waiting.len + (stream->sending ? stream->going.len - stream->going_at : 0);
}

void stream_receive(struct stream *stream, bool receive)
{
	if (receive)
		stream->streams->ops->receive(stream->streams->loop, &stream->channel);
	else if (stream->channel.receiving)
		stream->streams->ops->receive_stop(stream->streams->loop, &stream->channel);
}

void stream_wait(struct stream *stream, enum timer_kind kind)
{
	timer_start(stream->timers, &stream->timer, kind, *stream->streams->now_ms);
}

void stream_wait_end(struct stream *stream)
{
	timer_stop(&stream->timer);
}

void stream_expired(struct stream *stream)
{
	stream->events->expired(stream);
}

void stream_close(struct stream *stream)
{
	if (stream->channel.closing)
		return;
	stream->owner = NULL;
	timer_stop(&stream->timer);
	stream->streams->ops->close(stream->streams->loop, &stream->channel);
}

void stream_finish(struct stream *stream)
{
	stream->owner = NULL;
	timer_stop(&stream->timer);
	stream->finishing = true;
	if (!stream->sending && !stream->channel.connecting) /* all is sent, or sending failed */
		stream_close(stream);
}

static void on_connected(struct channel *channel, int error)
{
	struct stream *stream = stream_of(channel);

	if (stream->finishing && error != 0) {
		stream_close(stream);
		return;
	}
	if (error == 0 && stream->waiting.len > 0)
		go(stream);
	if (!stream->finishing)
		stream->events->connected(stream, error);
}

static void on_received(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct stream *stream = stream_of(channel);

	if (!stream->finishing)
		stream->events->received(stream, data, len);
}

static void on_ended(struct channel *channel, int error)
{
	struct stream *stream = stream_of(channel);

	if (!stream->finishing)
		stream->events->ended(stream, error);
}

static void on_sent(struct channel *channel, int64_t result)
{
	struct stream *stream = stream_of(channel);

	if (result < 0) {
		stream->sending = false;
		if (stream->finishing)
			stream_close(stream);
		else
			stream->events->failed(stream, (int)-result);
		return;
	}
	stream->unheard = false;
	stream->going_at += (uint32_t)result;
	if (stream->going_at < stream->going.len) { /* a pipe accepts as much as it has room for */
		stream->iov = (struct iovec){ stream->going.data + stream->going_at, stream->going.len - stream->going_at };
		stream->message = (struct msghdr){ .msg_iov = &stream->iov, .msg_iovlen = 1 };
		stream->streams->ops->send(stream->streams->loop, &stream->channel, &stream->message, 0, false);
		return;
	}
	stream->sending = false;
	buffer_forget(&stream->going);
	if (stream->waiting.len > 0)
		go(stream);
	else if (stream->finishing)
		stream_close(stream);
	else
		stream->events->drained(stream);
}

static void on_readable(struct channel *channel)
{
	struct stream *stream = stream_of(channel);

	if (!stream->finishing)
		stream->events->readable(stream);
}

static void on_writable(struct channel *channel)
{
	struct stream *stream = stream_of(channel);

	if (!stream->finishing)
		stream->events->writable(stream);
}

static void on_closed(struct channel *channel)
{
	stream_free(stream_of(channel));
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

void streams_free(struct streams *streams)
{
	while (streams->first != NULL) {
		if (!streams->first->channel.closing)
			close(streams->first->channel.fd);
		stream_free(streams->first);
	}
}
