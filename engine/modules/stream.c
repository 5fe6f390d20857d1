/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <string.h>

void stream_open(struct stream *stream)
{
	pthread_mutex_init(&stream->lock, NULL);
	stream->bytes = (struct buffer){ NULL, 0, 0 };
	stream_reset(stream);
}

void stream_reset(struct stream *stream)
{
	buffer_forget(&stream->bytes);
	stream->state = STREAM_NONE;
	stream->counts_only = stream->wants_room = stream->progressed = false;
	stream->length = -1;
	stream->written = stream->file_off = stream->file_len = 0;
}

void stream_close(struct stream *stream)
{
	pthread_mutex_destroy(&stream->lock);
}

int stream_begin(struct stream *stream, int64_t length, bool counts_only)
{
	int error = 0;

	pthread_mutex_lock(&stream->lock);
	if (stream->state == STREAM_NONE) {
		stream->state = STREAM_OPEN;
		stream->length = length;
		stream->counts_only = counts_only;
	} else {
		error = -EALREADY;
	}
	pthread_mutex_unlock(&stream->lock);
	return error;
}

/* Returns 0 if len more bytes may be written, or a negative errno. The caller has the lock. */
static int check(const struct stream *stream, uint64_t len)
{
	if (stream->state != STREAM_OPEN)
		return stream->state == STREAM_NONE ? -EINVAL : -EALREADY;
	if (stream->length >= 0 && len > (uint64_t)stream->length - stream->written)
		return -EMSGSIZE;
	return len > INT64_MAX - stream->written ? -EMSGSIZE : 0;
}

static uint32_t room(const struct stream *stream)
{
	return stream->file_len > 0 || stream->bytes.len >= STREAM_ROOM ? 0 : STREAM_ROOM - stream->bytes.len;
}

/* Writes up to len bytes. The caller has the lock. */
static int write_some(struct stream *stream, const void *data, uint32_t len)
{
	const uint32_t most = room(stream);
	const int error = check(stream, len);
	uint32_t taken = len < most ? len : most;

	if (error != 0)
		return error;
	if (stream->counts_only)
		taken = len < STREAM_ROOM ? len : STREAM_ROOM;
	else if (!buffer_keep(&stream->bytes, data, taken))
		return -ENOMEM;
	stream->wants_room = stream->wants_room || taken < len;
	stream->progressed = stream->progressed || taken > 0;
	stream->written += taken;
	return (int)taken;
}

int stream_write(struct stream *stream, const void *data, uint32_t len)
{
	int taken;

	pthread_mutex_lock(&stream->lock);
	taken = write_some(stream, data, len);
	pthread_mutex_unlock(&stream->lock);
	return taken;
}

/* Continues with the file. The caller has the lock. */
static int write_file(struct stream *stream, uint64_t off, uint64_t len)
{
	const int error = check(stream, len);

	if (error != 0)
		return error;
	if (stream->file_len > 0) {
		stream->wants_room = true;
		return -EAGAIN;
	}
	stream->progressed = stream->progressed || len > 0;
	stream->written += len;
	stream->file_off = off;
	stream->file_len = stream->counts_only ? 0 : len;
	return 0;
}

int stream_write_file(struct stream *stream, uint64_t off, uint64_t len)
{
	int error;

	pthread_mutex_lock(&stream->lock);
	error = write_file(stream, off, len);
	pthread_mutex_unlock(&stream->lock);
	return error;
}

int stream_end(struct stream *stream)
{
	int error;

	pthread_mutex_lock(&stream->lock);
	error = check(stream, 0);
	if (error == 0 && stream->length >= 0 && stream->written < (uint64_t)stream->length && !stream->counts_only) {
		stream->state = STREAM_CUT;
		error = -EMSGSIZE;
	} else if (error == 0) {
		stream->state = STREAM_WHOLE;
	}
	pthread_mutex_unlock(&stream->lock);
	return error;
}

int stream_cut(struct stream *stream)
{
	int error;

	pthread_mutex_lock(&stream->lock);
	error = check(stream, 0);
	if (error == 0)
		stream->state = STREAM_CUT;
	pthread_mutex_unlock(&stream->lock);
	return error;
}

enum stream_state stream_state(struct stream *stream)
{
	enum stream_state state;

	pthread_mutex_lock(&stream->lock);
	state = (enum stream_state)stream->state;
	pthread_mutex_unlock(&stream->lock);
	return state;
}

bool stream_has_room(struct stream *stream)
{
	bool has;

	pthread_mutex_lock(&stream->lock);
	has = room(stream) > 0;
	pthread_mutex_unlock(&stream->lock);
	return has;
}

bool stream_tells_room(struct stream *stream)
{
	bool tells;

	pthread_mutex_lock(&stream->lock);
	tells = stream->wants_room && stream->state == STREAM_OPEN && room(stream) > 0;
	stream->wants_room = stream->wants_room && !tells;
	pthread_mutex_unlock(&stream->lock);
	return tells;
}

bool stream_progressed(struct stream *stream)
{
	bool progressed;

	pthread_mutex_lock(&stream->lock);
	progressed = stream->progressed;
	stream->progressed = false;
	pthread_mutex_unlock(&stream->lock);
	return progressed;
}

bool stream_waits_for_room(struct stream *stream)
{
	bool waits;

	pthread_mutex_lock(&stream->lock);
	waits = stream->state == STREAM_OPEN && stream->wants_room && room(stream) == 0;
	pthread_mutex_unlock(&stream->lock);
	return waits;
}

bool stream_has_begun(struct stream *stream, int64_t *length)
{
	bool begun;

	pthread_mutex_lock(&stream->lock);
	begun = stream->state != STREAM_NONE;
	*length = stream->length;
	pthread_mutex_unlock(&stream->lock);
	return begun;
}

bool stream_has_file(struct stream *stream)
{
	bool has;

	pthread_mutex_lock(&stream->lock);
	has = stream->file_len > 0;
	pthread_mutex_unlock(&stream->lock);
	return has;
}

void stream_take(struct stream *stream, uint64_t most, struct stream_piece *piece)
{
	*piece = (struct stream_piece){ .file_len = 0 };
	pthread_mutex_lock(&stream->lock);
	piece->state = (enum stream_state)stream->state;
	if (stream->bytes.len > 0) {
		piece->bytes = stream->bytes;
		stream->bytes = (struct buffer){ NULL, 0, 0 };
	} else if (stream->file_len > 0) {
		piece->file_off = stream->file_off;
		piece->file_len = stream->file_len < most ? stream->file_len : most;
		stream->file_off += piece->file_len;
		stream->file_len -= piece->file_len;
		if (piece->file_len == 0)
			piece->state = STREAM_OPEN; /* the file is left */
	}
	pthread_mutex_unlock(&stream->lock);
}
