/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that go from one descriptor to another without being copied: splice(2) moves them from a socket into a pipe, and from a
 * pipe into a socket. Where one end is a pipe already, a program's, that is the pipe.
 */
#ifndef TUX_ENGINE_IO_SPLICE_H
#define TUX_ENGINE_IO_SPLICE_H

#include "loop.h"

enum {
	SPLICE_BYTES = 16 * 1024,  /* of a body still to come, from which on it is spliced: less is cheaper to copy */
	PIPE_BYTES = 64 * 1024,    /* what a pipe holds unasked; larger ones only made more calls wait (bench/host/findings.md) */
	MAX_PIPES = 128,           /* in use or kept, a thread; bodies beyond are copied */
	SPARE_PIPES = 8,           /* that are kept */
};

struct pipe {
	struct pipe *next; /* of the spare ones */
	int fd[2];         /* to read, to write */
};

/* All pipes of a thread. */
struct pipes {
	struct pipe *spare;
	unsigned spare_count;
	unsigned count; /* in use and spare */
};

enum splice_state {
	SPLICE_NOT,
	SPLICE_WAITS, /* readable() of the source is to come */
	SPLICE_READY, /* the source may have bytes */
};

/* One direction, from its source through a pipe. Zeroed: there is none. */
struct splice {
	uint8_t state;     /* enum splice_state */
	struct pipe *pipe; /* NULL: the source, or where it goes, is one itself */
	uint32_t filled;   /* bytes in pipe; whoever empties it says so */
	uint32_t turn;     /* bytes since readable() came: others are to have their turn */
};

/* What splice_fill() says when nothing comes now, or when the source is at its end. */
#define SPLICE_AGAIN INT64_C(-1)
#define SPLICE_ENDED INT64_C(0)
#define SPLICE_FAILED INT64_C(-2)
/* The same of splice_pour(): the pipe is full; nobody reads from it any more. */
#define SPLICE_FULL INT64_C(-3)
#define SPLICE_CLOSED INT64_C(-4)

/*
 * Begins, behind receive_stop() of the source: what is on its way still is received, before its readable() comes. own: through
 * a pipe of the thread's. False when there is none; then nothing has begun.
 */
bool splice_begin(struct splice *splicing, struct pipes *pipes, const struct loop_ops *ops, struct loop *loop, struct channel *source,
                  bool own);

/* Ends, whatever it is at. A pipe that is not empty is closed. */
void splice_end(struct splice *splicing, struct pipes *pipes);

/* The source's readable() has come; false if it was not waited for. */
bool splice_readable(struct splice *splicing);

/*
 * Moves up to most bytes out of the source into the pipe, which is empty, or, if the source is a pipe, says how many are in there.
 * Bytes, SPLICE_ENDED, SPLICE_FAILED, or SPLICE_AGAIN when readable() has to come first.
 */
int64_t splice_fill(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source, uint64_t most);

/* Moves up to most bytes out of the source, a socket, into a pipe's end of somebody else. */
int64_t splice_pour(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source, int pipe_fd,
                    uint64_t most);

/*
 * Moves bytes out of a pipe's end into a socket, or out of a socket into a pipe's end. Bytes, or a negative errno; -EAGAIN: there
 * is nothing, or no room.
 */
int64_t splice_move(const struct loop_ops *ops, int from, int to, struct channel *socket, uint64_t most);

/* Closes those that are kept. */
void pipes_free(struct pipes *pipes);

#endif
