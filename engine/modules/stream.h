/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream of a call: its response in pieces. A thread of the module writes the pieces, and the thread of the request takes them at the
 * same time, so each function but stream_open() and stream_reset() takes the lock.
 */
#ifndef TUX_ENGINE_MODULES_STREAM_H
#define TUX_ENGINE_MODULES_STREAM_H

#include <pthread.h>

#include "../io/buffer.h"

enum { STREAM_ROOM = 64 * 1024 }; /* bytes that wait in a stream */

enum stream_state {
	STREAM_NONE,  /* the response is not a stream, or has not begun */
	STREAM_OPEN,
	STREAM_WHOLE, /* the module has ended it */
	STREAM_CUT,   /* it ends before its end, and the client must see that */
};

struct stream {
	pthread_mutex_t lock; /* protects the members after it */
	uint8_t state;        /* enum stream_state */
	bool counts_only;     /* content is counted and dropped: for HEAD */
	bool wants_room;      /* a write was short, and the writer was not told about room since then */
	bool progressed;      /* content was written since stream_progressed() */
	int64_t length;       /* bytes of the whole; -1 = unknown */
	uint64_t written;     /* bytes, taken or not */
	struct buffer bytes;  /* not taken yet */
	uint64_t file_off;    /* next byte of the file that follows bytes */
	uint64_t file_len;    /* bytes of the file that are not taken yet */
};

/* The next piece of a stream. */
struct stream_piece {
	struct buffer bytes;     /* the caller frees it. Empty, and file_len is 0: everything was taken */
	uint64_t file_off;
	uint64_t file_len;       /* bytes of the file; 0 = the piece is not of the file */
	enum stream_state state; /* after the piece */
};

/* Initializes the lock once, and the members before each use. stream_reset() frees what they have. */
void stream_open(struct stream *stream);
void stream_reset(struct stream *stream);

/* Frees the lock of a stream that was reset. */
void stream_close(struct stream *stream);

/*
 * Begins, writes, continues with len bytes of the file, ends, and cuts a stream. Return values are those of the functions of tux/module.h;
 * -EINVAL: it has not begun; -EALREADY: it has ended.
 */
int stream_begin(struct stream *stream, int64_t length, bool counts_only);
int stream_write(struct stream *stream, const void *data, uint32_t len);
int stream_write_file(struct stream *stream, uint64_t off, uint64_t len);
int stream_end(struct stream *stream);
int stream_cut(struct stream *stream);

enum stream_state stream_state(struct stream *stream);

/* True if stream_write() would take bytes. */
bool stream_has_room(struct stream *stream);

/* True once after a short write as soon as there is room. */
bool stream_tells_room(struct stream *stream);

/* True if content was written since the last call, or if the writer waits for room: then the client is late, and not the module. */
bool stream_progressed(struct stream *stream);
bool stream_waits_for_room(struct stream *stream);

/* True if the stream has begun. *length is its length then, or -1. */
bool stream_has_begun(struct stream *stream, int64_t *length);

/* True if a piece of the file was not taken yet. */
bool stream_has_file(struct stream *stream);

/* Takes the next piece: bytes; or at most most bytes of the file, if no bytes are before it. most is 0: no piece of the file. */
void stream_take(struct stream *stream, uint64_t most, struct stream_piece *piece);

#endif
