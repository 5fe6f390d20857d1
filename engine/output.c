/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum {
	SPARE_OUTS = 256,
	TURN_BYTES = 1 << 20,      /* of one file, before other connections get a turn */
	WINDOW_BYTES = 256 * 1024, /* of a file that is copied */
	ZERO_COPY_BYTES = 32768,   /* smaller buffers are cheaper to copy than to pin */
};

static struct out *out_get(struct worker *worker)
{
	struct out *out = worker->spare;

	if (out != NULL) {
		worker->spare = out->next;
		worker->spare_count--;
	} else {
		out = malloc(sizeof(*out));
		if (out == NULL)
			return NULL;
	}
	out->len = 0;
	out->sent = 0;
	return out;
}

static void out_put(struct worker *worker, struct out *out)
{
	if (worker->spare_count >= SPARE_OUTS) {
		free(out);
		return;
	}
	out->next = worker->spare;
	worker->spare = out;
	worker->spare_count++;
}

uint8_t *output_room(struct conn *conn, uint32_t cap)
{
	if (conn->out == NULL)
		conn->out = out_get(conn->worker);
	if (conn->out == NULL || OUT_BYTES - conn->out->len < cap)
		return NULL;
	return conn->out->data + conn->out->len;
}

uint8_t *output_room_left(struct conn *conn, uint32_t *left)
{
	uint8_t *out = output_room(conn, 0);

	*left = out != NULL ? OUT_BYTES - conn->out->len : 0;
	return out;
}

bool output_copy(struct conn *conn, const uint8_t *data, uint32_t len)
{
	uint8_t *out = output_room(conn, len);

	if (out == NULL)
		return false;
	if (len > 0)
		memcpy(out, data, len);
	output_wrote(conn, len);
	return true;
}

void output_wrote(struct conn *conn, uint32_t len)
{
	conn->out->len += len;
}

bool output_queued(const struct conn *conn)
{
	return (conn->out != NULL && conn->out->len > 0) || conn->source.count > 0;
}

void output_body(struct conn *conn, struct object *object, int fd, struct body_part piece)
{
	struct body_source *answer = &conn->source;

	answer->object = object != NULL ? object_get(object) : NULL;
	answer->fd = fd;
	answer->pipe = false;
	answer->one = piece;
	answer->piece = &answer->one;
	answer->count = 1;
	answer->at = 0;
}

void output_pipe(struct conn *conn, int fd, uint64_t len)
{
	output_body(conn, NULL, fd, (struct body_part){ .len = len });
	conn->source.pipe = true;
}

void output_release(struct conn *conn)
{
	struct body_source *answer = &conn->source;

	if (conn->out != NULL)
		out_put(conn->worker, conn->out);
	conn->out = NULL;
	if (answer->count == 0)
		return;
	if (answer->object != NULL)
		object_put(answer->object);
	if (answer->piece != &answer->one)
		free(answer->piece);
	free(answer->text);
	page_put(answer->page);
	free(answer->window);
	*answer = (struct body_source){ .fd = -1 };
}

uint64_t output_left(const struct conn *conn)
{
	uint64_t left = 0;

	for (uint32_t i = conn->source.at; i < conn->source.count; i++)
		left += conn->source.piece[i].len;
	return left;
}

bool output_copies(const struct worker *worker)
{
	switch (worker->config->large_body) {
	case TUX_LARGE_COPY:
	case TUX_LARGE_ZEROCOPY:
		return true;
	case TUX_LARGE_AUTO:
	case TUX_LARGE_SENDFILE:
		break;
	}
	return false;
}

/* Gathers out and the parts in memory after it. *more is true if another part follows. Returns the number of iovecs. */
static unsigned gather(struct conn *conn, bool *more)
{
	struct out *out = conn->out;
	struct body_source *answer = &conn->source;
	unsigned parts = 0;
	uint32_t i = answer->at;

	if (out->sent < out->len)
		out->iov[parts++] = (struct iovec){ out->data + out->sent, out->len - out->sent };
	for (; i < answer->count && answer->piece[i].memory != NULL && parts < LOOP_MAX_IOV; i++)
		out->iov[parts++] = (struct iovec){ (uint8_t *)(uintptr_t)answer->piece[i].memory, answer->piece[i].len };
	*more = i < answer->count;
	return parts;
}

static enum output_result send_memory(struct conn *conn, unsigned parts, bool more)
{
	struct worker *worker = conn->worker;
	struct out *out = conn->out;
	bool zero_copy = worker->config->large_body == TUX_LARGE_ZEROCOPY && out->sent == out->len &&
	                 out->iov[0].iov_len >= ZERO_COPY_BYTES;

	out->message = (struct msghdr){ .msg_iov = out->iov, .msg_iovlen = parts };
	worker->ops->send(worker->loop, &conn->channel, &out->message, more ? MSG_MORE : 0, zero_copy);
	return OUTPUT_PENDING;
}

/* Removes sent bytes from out and the parts. */
static void advance(struct conn *conn, uint64_t sent)
{
	struct out *out = conn->out;
	struct body_source *answer = &conn->source;
	uint64_t from_out = out->len - out->sent < sent ? out->len - out->sent : sent;

	count(&conn->worker->counters.sent_bytes, sent);
	out->sent += (uint32_t)from_out;
	sent -= from_out;
	while (answer->at < answer->count) {
		struct body_part *piece = &answer->piece[answer->at];
		uint64_t taken = piece->len < sent ? piece->len : sent;

		piece->len -= taken;
		piece->off += taken;
		if (piece->memory != NULL)
			piece->memory += taken;
		sent -= taken;
		if (piece->len > 0)
			return;
		answer->at++;
	}
}

static void go_direct(struct conn *conn, bool direct)
{
	if (conn->direct != direct)
		conn->worker->ops->set_direct(&conn->channel, direct);
	conn->direct = direct;
}

static enum output_result send_file(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct body_part *piece = &conn->source.piece[conn->source.at];
	uint64_t turn = TURN_BYTES;

	go_direct(conn, true);
	while (piece->len > 0 && turn > 0) {
		off_t off = (off_t)piece->off;
		ssize_t n = sendfile(conn->channel.fd, conn->source.fd, &off, piece->len < turn ? piece->len : turn);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) /* 0: the file shrank, so Content-Length is wrong */
			return OUTPUT_FAILED;
		count(&worker->counters.sent_bytes, (uint64_t)n);
		piece->off += (uint64_t)n;
		piece->len -= (uint64_t)n;
		turn -= (uint64_t)n < turn ? (uint64_t)n : turn;
	}
	if (piece->len > 0) {
		worker->ops->wait_writable(worker->loop, &conn->channel);
		return OUTPUT_PENDING;
	}
	conn->source.at++;
	return OUTPUT_DONE;
}

/* Splices the bytes of a pipe to the client. */
static enum output_result send_piped(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct body_part *piece = &conn->source.piece[conn->source.at];

	while (piece->len > 0) {
		int64_t n = splice_move(worker->ops, conn->source.fd, conn->channel.fd, &conn->channel, piece->len);

		if (n == -EAGAIN) {
			worker->ops->wait_writable(worker->loop, &conn->channel);
			return OUTPUT_PENDING;
		}
		if (n <= 0)
			return OUTPUT_FAILED;
		count(&worker->counters.sent_bytes, (uint64_t)n);
		piece->len -= (uint64_t)n;
	}
	conn->source.at++;
	return OUTPUT_DONE;
}

/* Sends the next part of a file from the window, after refilling it if empty. */
static enum output_result send_window(struct conn *conn)
{
	struct body_source *answer = &conn->source;
	struct body_part *piece = &answer->piece[answer->at];
	bool more;

	if (answer->window == NULL)
		answer->window = malloc(WINDOW_BYTES);
	if (answer->window == NULL)
		return OUTPUT_FAILED;
	if (answer->window_at == answer->window_len) {
		size_t want = piece->len < WINDOW_BYTES ? (size_t)piece->len : WINDOW_BYTES;
		ssize_t n;

		do
			n = pread(answer->fd, answer->window, want, (off_t)piece->off);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return OUTPUT_FAILED;
		answer->window_len = (uint32_t)n;
		answer->window_at = 0;
	}
	more = answer->window_len - answer->window_at < piece->len || answer->at + 1 < answer->count;
	conn->out->iov[0] =
		(struct iovec){ answer->window + answer->window_at, answer->window_len - answer->window_at };
	return send_memory(conn, 1, more);
}

enum output_result output_start(struct conn *conn)
{
	struct body_source *answer = &conn->source;

	if (conn->out == NULL && output_room(conn, 0) == NULL)
		return OUTPUT_FAILED;
	for (;;) {
		enum output_result result;
		bool more;
		unsigned parts = gather(conn, &more);

		if (parts > 0) {
			go_direct(conn, false);
			return send_memory(conn, parts, more);
		}
		if (answer->at == answer->count)
			break;
		if (answer->pipe)
			result = send_piped(conn);
		else if (output_copies(conn->worker))
			return send_window(conn);
		else
			result = send_file(conn);
		if (result != OUTPUT_DONE)
			return result;
	}
	go_direct(conn, false);
	output_release(conn);
	return OUTPUT_DONE;
}

enum output_result output_advance(struct conn *conn, int64_t result)
{
	struct body_source *answer = &conn->source;

	if (result < 0)
		return OUTPUT_FAILED;
	if (answer->window_at < answer->window_len)
		answer->window_at += (uint32_t)result;
	advance(conn, (uint64_t)result);
	return output_start(conn);
}

bool output_progressed(struct conn *conn)
{
	struct tcp_info info = { .tcpi_bytes_acked = 0 };
	socklen_t len = sizeof(info);
	uint64_t acked;
	int queued = 0;

	if (getsockopt(conn->channel.fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
		acked = info.tcpi_bytes_acked;
	} else { /* a Unix socket: the queue shrinks as the client reads */
		ioctl(conn->channel.fd, SIOCOUTQ, &queued);
		acked = UINT64_MAX - (uint64_t)queued;
	}
	if (acked == conn->acked)
		return false;
	conn->acked = acked;
	return true;
}
