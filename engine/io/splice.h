/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zero-copy transfer between two descriptors: splice(2) moves bytes from a socket into a pipe, and from a pipe into a socket. If
 * one end is a program's pipe, no other pipe is needed.
 */
#ifndef TUX_ENGINE_IO_SPLICE_H
#define TUX_ENGINE_IO_SPLICE_H

#include "loop.h"

enum {
	SPLICE_BYTES = 16 * 1024,  /* minimum rest of a body to splice: less is cheaper to copy */
	PIPE_BYTES = 64 * 1024,    /* default capacity of a pipe; larger ones only made more calls wait (bench/host/findings.md) */
	MAX_PIPES = 128,           /* per thread, in use or spare; further bodies are copied */
	SPARE_PIPES = 8,           /* maximum of spare pipes */
};

struct pipe {
	struct pipe *next; /* list of spare pipes */
	int fd[2];         /* read end, write end */
};

/* The pipes of a thread. */
struct pipes {
	struct pipe *spare;
	unsigned spare_count;
	unsigned count; /* pipes in use and spare */
};

enum splice_state {
	SPLICE_NOT,
	SPLICE_WAITS, /* waits for readable() of the source */
	SPLICE_READY, /* the source may have bytes */
};

/* One direction of a transfer, from its source through a pipe. Zeroed: not in progress. */
struct splice {
	uint8_t state;     /* enum splice_state */
	struct pipe *pipe; /* NULL: the source or the destination is a pipe */
	uint32_t filled;   /* bytes in pipe; the reader updates it */
	uint32_t turn;     /* bytes since readable(); bounded, so that other sources get their turn */
};

/* Results of splice_fill(): no data now, end of the source, failure. */
#define SPLICE_AGAIN INT64_C(-1)
#define SPLICE_ENDED INT64_C(0)
#define SPLICE_FAILED INT64_C(-2)
/* More results of splice_pour(): the pipe is full; the pipe has no reader. */
#define SPLICE_FULL INT64_C(-3)
#define SPLICE_CLOSED INT64_C(-4)

/*
 * Starts a transfer after receive_stop() of the source. Data on its way is still received before readable(). own: use a pipe of
 * the thread. Returns false, with nothing started, if no pipe is available.
 */
bool splice_begin(struct splice *splicing, struct pipes *pipes, const struct loop_ops *ops, struct loop *loop, struct channel *source,
                  bool own);

/* Ends a transfer in any state. Closes a pipe that is not empty. */
void splice_end(struct splice *splicing, struct pipes *pipes);

/* Handles readable() of the source. Returns false if the transfer did not wait for it. */
bool splice_readable(struct splice *splicing);

/*
 * Moves up to most bytes from the source into the empty pipe. If the source is a pipe, only returns how many bytes it holds.
 * Returns bytes, SPLICE_ENDED, SPLICE_FAILED with errno, or SPLICE_AGAIN if readable() has to come first.
 */
int64_t splice_fill(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source, uint64_t most);

/* Moves up to most bytes from the source, a socket, into another owner's pipe. */
int64_t splice_pour(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source, int pipe_fd,
                    uint64_t most);

/*
 * Moves up to most bytes from a pipe into a socket or from a socket into a pipe. Returns bytes, or a negative errno; -EAGAIN: no
 * data, or no room.
 */
int64_t splice_move(const struct loop_ops *ops, int from, int to, struct channel *socket, uint64_t most);

/* Closes the spare pipes. */
void pipes_free(struct pipes *pipes);

#endif
