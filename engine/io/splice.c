/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "splice.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	TURN_BYTES = 1 << 20, /* bytes of one source before others get their turn */
};

static void pipe_close(struct pipes *pipes, struct pipe *pipe)
{
	close(pipe->fd[0]);
	close(pipe->fd[1]);
	free(pipe);
	pipes->count--;
}

/* Returns a pipe; NULL if there are too many, or if the user has reached the kernel's limit (pipe-user-pages-soft). */
static struct pipe *pipe_get(struct pipes *pipes)
{
	struct pipe *pipe = pipes->spare;

	if (pipe != NULL) {
		pipes->spare = pipe->next;
		pipes->spare_count--;
		return pipe;
	}
	if (pipes->count >= MAX_PIPES)
		return NULL;
	pipe = malloc(sizeof(*pipe));
	if (pipe == NULL)
		return NULL;
	if (pipe2(pipe->fd, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(pipe);
		return NULL;
	}
	pipes->count++;
	if (fcntl(pipe->fd[0], F_GETPIPE_SZ) >= PIPE_BYTES)
		return pipe;
	pipe_close(pipes, pipe);
	return NULL;
}

void pipes_free(struct pipes *pipes)
{
	while (pipes->spare != NULL) {
		struct pipe *pipe = pipes->spare;

		pipes->spare = pipe->next;
		pipe_close(pipes, pipe);
	}
}

static void wait_for_source(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source)
{
	splicing->state = SPLICE_WAITS;
	splicing->turn = 0;
	ops->wait_readable(loop, source);
}

bool splice_begin(struct splice *splicing, struct pipes *pipes, const struct loop_ops *ops, struct loop *loop, struct channel *source,
                  bool own)
{
	struct pipe *pipe = own ? pipe_get(pipes) : NULL;

	if (own && pipe == NULL)
		return false;
	*splicing = (struct splice){ .pipe = pipe };
	wait_for_source(splicing, ops, loop, source);
	return true;
}

void splice_end(struct splice *splicing, struct pipes *pipes)
{
	struct pipe *pipe = splicing->pipe;

	if (pipe != NULL && (splicing->filled > 0 || pipes->spare_count == SPARE_PIPES)) {
		pipe_close(pipes, pipe);
	} else if (pipe != NULL) {
		pipe->next = pipes->spare;
		pipes->spare = pipe;
		pipes->spare_count++;
	}
	*splicing = (struct splice){ .state = SPLICE_NOT };
}

bool splice_readable(struct splice *splicing)
{
	if (splicing->state != SPLICE_WAITS)
		return false;
	splicing->state = SPLICE_READY;
	return true;
}

int64_t splice_move(const struct loop_ops *ops, int from, int to, struct channel *socket, uint64_t most)
{
	ssize_t n;

	ops->set_direct(socket); /* the flag of splice() applies only to the pipe */
	do
		n = splice(from, NULL, to, NULL, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Returns the bytes in a pipe; 0 at its end, when it is empty and has no writer; else a negative errno. */
static int64_t pipe_holds(int fd, uint64_t most)
{
	struct pollfd state = { .fd = fd, .events = POLLIN };
	int held = 0;

	if (ioctl(fd, FIONREAD, &held) < 0)
		return -errno;
	if (held > 0)
		return (uint64_t)held < most ? held : (int64_t)most;
	if (poll(&state, 1, 0) < 0)
		return -errno;
	return (state.revents & POLLHUP) && !(state.revents & POLLIN) ? 0 : -EAGAIN;
}

int64_t splice_fill(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source, uint64_t most)
{
	int64_t n = -EAGAIN;

	if (splicing->state != SPLICE_READY)
		return SPLICE_AGAIN;
	if (splicing->turn < TURN_BYTES && source->pipe)
		n = pipe_holds(source->fd, most);
	else if (splicing->turn < TURN_BYTES)
		n = splice_move(ops, source->fd, splicing->pipe->fd[1], source, most < PIPE_BYTES ? most : PIPE_BYTES);
	if (n == -EAGAIN) {
		wait_for_source(splicing, ops, loop, source);
		return SPLICE_AGAIN;
	}
	if (n < 0) {
		errno = (int)-n;
		return SPLICE_FAILED;
	}
	splicing->filled = source->pipe ? 0 : (uint32_t)n;
	splicing->turn += (uint32_t)n;
	return n;
}

int64_t splice_pour(struct splice *splicing, const struct loop_ops *ops, struct loop *loop, struct channel *source, int pipe_fd,
                    uint64_t most)
{
	int64_t n = -EAGAIN;
	int unread = 0;

	if (splicing->state != SPLICE_READY)
		return SPLICE_AGAIN;
	if (splicing->turn < TURN_BYTES) {
		n = splice_move(ops, source->fd, pipe_fd, source, most < PIPE_BYTES ? most : PIPE_BYTES);
		if (n == -EAGAIN && ioctl(source->fd, FIONREAD, &unread) == 0 && unread > 0)
			return SPLICE_FULL;
	}
	if (n == -EAGAIN) {
		wait_for_source(splicing, ops, loop, source);
		return SPLICE_AGAIN;
	}
	if (n < 0)
		return n == -EPIPE ? SPLICE_CLOSED : SPLICE_FAILED;
	splicing->turn += (uint32_t)n;
	return n;
}
