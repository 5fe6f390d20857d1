/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A light HTTP/1.1 load client: one thread, one io_uring, a few microseconds of CPU per request, so that the server and not
 * the client is what is measured. It checks the status and the length of every answer; that the bytes are right is compared
 * by the harness before it measures. Keep-alive, a connection per request, pipelining, a list of paths.
 * A closed loop asks again when it has an answer. An open loop (--rate) asks at random times, whatever the server does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <liburing.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "requests.h"

enum {
	MAX_HEAD = 8192,		/* bytes of a response head; more is an error */
	MAX_CONNECTIONS = 1 << 16,
	MAX_ERRORS = 10000,		/* then the run is given up */
	OVERDUE_S = 10,			/* how much longer a run waits for its first bytes */
	BUFFER_GROUP = 1,
	MAX_BUFFERS = 2048,		/* a connection that finds none receives once more */
	SCRATCH_BYTES = 256 * 1024,	/* one receive of a large body */
	LARGE_BODY = 48 * 1024,		/* longer bodies go to the scratch buffer, not into provided buffers */
	SPIN_NS = 100 * 1000,		/* an open loop polls for so long before a request is due, as a sleep may end late */
};

enum op { OP_CONNECT, OP_SEND, OP_HEAD, OP_BODY, OP_DEADLINE };

enum fault { FAULT_CONNECT, FAULT_SEND, FAULT_RECEIVE, FAULT_CLOSED_EARLY, FAULT_HEAD, FAULT_STATUS, FAULT_LENGTH, FAULT_SURPLUS,
	     FAULTS };

static const char *const fault_names[FAULTS] = {
	"connect", "send", "receive", "closed_early", "head", "status", "length", "surplus",
};

struct conn {
	int fd;
	uint32_t generation;	/* completions of an earlier life of this slot are dropped */
	uint32_t awaited;	/* answers that are still to come */
	uint32_t held;		/* bytes of an unfinished head in head[] */
	bool in_body;
	bool stamp;		/* in the list of those whose requests leave with the next submit */
	uint64_t body_left;
	uint64_t sent_ns;	/* of an open loop: when the request was due */
	const struct message *message; /* sent last */
	char *head;		/* MAX_HEAD bytes, or NULL if no head came in parts yet */
};

struct client {
	struct io_uring ring;
	struct io_uring_buf_ring *buffer_ring;
	char *buffers;
	uint32_t buffer_bytes, buffer_count;
	int recycled;			/* buffers given back since the last advance */
	char *scratch;
	struct sockaddr_storage address;
	socklen_t address_len;
	struct conn *conns;
	uint32_t *stamps;		/* connections whose sent_ns is set just before the submit */
	uint32_t stamp_count;
	struct requests requests;
	uint64_t sent;			/* requests, those of failed connections excluded */

	/* the open loop */
	uint64_t due_ns;		/* when the next request is due, which may be long ago if no connection is free */
	uint64_t random;
	uint32_t *idle;			/* free connections, a ring: the one that waits longest comes first */
	uint32_t idle_first, idle_count;

	/* settings */
	const char *host, *port;
	uint32_t connections;
	double seconds, rate;		/* rate: requests a second, 0 = a closed loop */
	uint64_t most;			/* requests, then the run ends; 0 = no limit */
	bool discard, large, hold;

	struct __kernel_timespec deadline;

	/* results */
	bool done, overdue;		/* overdue: the time is over, and nothing has come */
	uint64_t responses, body_bytes, wire_bytes, opened, unanswered;
	uint64_t faults[FAULTS], errors;
	struct histogram latency;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- submission ---- */

static struct io_uring_sqe *sqe_get(struct client *cl)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&cl->ring);

	if (sqe)
		return sqe;
	io_uring_submit(&cl->ring);
	sqe = io_uring_get_sqe(&cl->ring);
	if (!sqe)
		die("submission queue", EBUSY);
	return sqe;
}

static void sqe_tag(struct client *cl, struct io_uring_sqe *sqe, struct conn *conn, enum op op)
{
	uint64_t index = (uint64_t)(conn - cl->conns);

	io_uring_sqe_set_data64(sqe, (uint64_t)conn->generation << 32 | index << 8 | (uint64_t)op);
}

static void buffer_recycle(struct client *cl, unsigned id)
{
	io_uring_buf_ring_add(cl->buffer_ring, cl->buffers + (size_t)id * cl->buffer_bytes, cl->buffer_bytes,
			      (unsigned short)id, io_uring_buf_ring_mask(cl->buffer_count), cl->recycled);
	cl->recycled++;
}

static void conn_stamp(struct client *cl, struct conn *conn)
{
	if (conn->stamp)
		return;
	conn->stamp = true;
	cl->stamps[cl->stamp_count++] = (uint32_t)(conn - cl->conns);
}

/* The next message leaves; its completion is only heard of when it fails. */
static struct io_uring_sqe *conn_send(struct client *cl, struct conn *conn)
{
	const struct message *message = requests_next(&cl->requests);
	struct io_uring_sqe *sqe = sqe_get(cl);

	io_uring_prep_send(sqe, conn->fd, message->bytes, message->len, MSG_NOSIGNAL | MSG_WAITALL);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe_tag(cl, sqe, conn, OP_SEND);
	conn->message = message;
	conn->awaited = cl->requests.depth;
	cl->sent += cl->requests.depth;
	if (!cl->rate)
		conn_stamp(cl, conn);
	return sqe;
}

/* Small answers: one multishot receive for the life of the connection. Large: one receive that holds the head. */
static void conn_receive_head(struct client *cl, struct conn *conn, bool poll_first)
{
	struct io_uring_sqe *sqe = sqe_get(cl);

	if (cl->large)
		io_uring_prep_recv(sqe, conn->fd, NULL, cl->buffer_bytes, 0);
	else
		io_uring_prep_recv_multishot(sqe, conn->fd, NULL, 0, 0);
	if (poll_first)
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
	sqe_tag(cl, sqe, conn, OP_HEAD);
}

/* Every connection receives its body into the same scratch buffer: the bytes are counted, nobody looks at them. */
static void conn_receive_body(struct client *cl, struct conn *conn)
{
	struct io_uring_sqe *sqe = sqe_get(cl);
	uint64_t most = cl->discard ? 1u << 30 : SCRATCH_BYTES;
	size_t len = (size_t)(conn->body_left < most ? conn->body_left : most);

	io_uring_prep_recv(sqe, conn->fd, cl->scratch, len, cl->discard ? MSG_TRUNC : 0);
	sqe_tag(cl, sqe, conn, OP_BODY);
}

/* ---- the open loop ---- */

static void conn_idle(struct client *cl, const struct conn *conn)
{
	cl->idle[(cl->idle_first + cl->idle_count++) % cl->connections] = (uint32_t)(conn - cl->conns);
}

/* Draws when the next request is due: the gaps of a Poisson process are exponential. */
static void due_draw(struct client *cl)
{
	double uniform = ((double)(random_next(&cl->random) >> 11) + 0.5) / (double)(1ull << 53);

	cl->due_ns += (uint64_t)(-log(uniform) * 1e9 / cl->rate);
}

/* Sends the requests that are due, as far as connections are free. The others wait, and keep the time at which they were due. */
static void due_send(struct client *cl, uint64_t now)
{
	while (cl->idle_count > 0 && cl->due_ns <= now) {
		struct conn *conn = &cl->conns[cl->idle[cl->idle_first]];

		cl->idle_first = (cl->idle_first + 1) % cl->connections;
		cl->idle_count--;
		conn->sent_ns = cl->due_ns;
		conn_send(cl, conn);
		due_draw(cl);
	}
}

/* Counts what is still unanswered at the end with the time that it has waited until then: it is the slowest of all. */
static void unanswered_count(struct client *cl, uint64_t now)
{
	for (uint32_t i = 0; i < cl->connections; i++) {
		if (cl->conns[i].awaited == 0)
			continue;
		histogram_add(&cl->latency, now - cl->conns[i].sent_ns);
		cl->unanswered++;
	}
	for (; cl->due_ns <= now; due_draw(cl)) {
		histogram_add(&cl->latency, now - cl->due_ns);
		cl->unanswered++;
	}
}

/* ---- connections ---- */

static int socket_open(const struct client *cl)
{
	int one = 1, fd = socket(cl->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket", errno);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void conn_reset(struct client *cl, struct conn *conn)
{
	conn->generation++;
	cl->sent -= conn->awaited;
	conn->awaited = 0;
	conn->held = 0;
	conn->in_body = false;
	conn->body_left = 0;
}

/* Connect, send and receive in one chain: one submit starts the whole exchange. */
static void conn_open(struct client *cl, struct conn *conn)
{
	struct io_uring_sqe *sqe;

	conn_reset(cl, conn);
	conn->fd = socket_open(cl);
	cl->opened++;
	sqe = sqe_get(cl);
	io_uring_prep_connect(sqe, conn->fd, (struct sockaddr *)&cl->address, cl->address_len);
	sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
	sqe_tag(cl, sqe, conn, OP_CONNECT);
	sqe = conn_send(cl, conn);
	sqe->flags |= IOSQE_IO_LINK;
	conn_receive_head(cl, conn, true);
}

static void conn_fail(struct client *cl, struct conn *conn, enum fault fault)
{
	cl->faults[fault]++;
	cl->errors++;
	if (cl->rate && conn->awaited == 0)
		cl->errors = MAX_ERRORS; /* conn_open() sends, but no request is due on an idle connection: give up */
	if (cl->errors >= MAX_ERRORS) {
		cl->done = true;
		return;
	}
	/* pending operations of this life end with the shutdown and are told apart by their generation */
	shutdown(conn->fd, SHUT_RDWR);
	close(conn->fd);
	conn_open(cl, conn);
}

/* ---- answers ---- */

/* Returns the length of the head, 0 if it is not complete, -1 if it is unusable. */
static long head_parse(const char *buf, size_t len, int *status, uint64_t *length)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4), *line;

	*status = 0;
	*length = UINT64_MAX;
	if (!end)
		return len < MAX_HEAD ? 0 : -1;
	if (end - buf < 12 || memcmp(buf, "HTTP/1.", 7) != 0 || buf[8] != ' ' || (buf[12] != ' ' && buf[12] != '\r'))
		return -1;
	*status = (buf[9] - '0') * 100 + (buf[10] - '0') * 10 + (buf[11] - '0');
	line = buf;
	while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		line++;
		if (end - line > 15 && (line[0] | 0x20) == 'c' && strncasecmp(line, "content-length:", 15) == 0)
			*length = strtoull(line + 15, NULL, 10);
	}
	return end - buf + 4;
}

/* The next request of a connection that has all its answers. */
static void conn_again(struct client *cl, struct conn *conn)
{
	if (cl->rate)
		conn_idle(cl, conn);
	else if (!cl->requests.close && (!cl->most || cl->sent < cl->most))
		conn_send(cl, conn);
}

static void answer_done(struct client *cl, struct conn *conn, uint64_t now)
{
	histogram_add(&cl->latency, now > conn->sent_ns ? now - conn->sent_ns : 0);
	conn->in_body = false;
	if (++cl->responses == cl->most)
		cl->done = true;
	if (--conn->awaited == 0)
		conn_again(cl, conn);
}

/* Returns how many bytes of buf were taken, -1 after conn_fail(). An incomplete head is kept in the connection. */
static long head_take(struct client *cl, struct conn *conn, const char *buf, size_t len)
{
	const char *whole = buf;
	size_t whole_len = len, room = MAX_HEAD - conn->held;
	uint64_t length;
	long head;
	int status;

	if (conn->held) {
		whole_len = conn->held + (len < room ? len : room);
		memcpy(conn->head + conn->held, buf, whole_len - conn->held);
		whole = conn->head;
	}
	head = head_parse(whole, whole_len, &status, &length);
	if (head < 0) {
		conn_fail(cl, conn, FAULT_HEAD);
		return -1;
	}
	if (head == 0) {
		if (!conn->head)
			conn->head = allocate(1, MAX_HEAD);
		if (!conn->held)
			memcpy(conn->head, buf, len);
		conn->held = (uint32_t)whole_len;
		return (long)len;
	}
	if (status != 200 || !message_expects(conn->message, length)) {
		conn_fail(cl, conn, status != 200 ? FAULT_STATUS : FAULT_LENGTH);
		return -1;
	}
	head -= (long)conn->held;
	conn->held = 0;
	conn->in_body = true;
	conn->body_left = length;
	return head;
}

static void body_take(struct client *cl, struct conn *conn, size_t len, uint64_t now)
{
	conn->body_left -= len;
	cl->body_bytes += len;
	if (conn->body_left == 0)
		answer_done(cl, conn, now);
}

/* Returns false if the connection failed and was opened anew. */
static bool bytes_take(struct client *cl, struct conn *conn, const char *buf, size_t len, uint64_t now)
{
	cl->wire_bytes += len;
	while (len > 0) {
		long taken;

		if (conn->awaited == 0) {
			conn_fail(cl, conn, FAULT_SURPLUS);
			return false;
		}
		if (conn->in_body) {
			taken = (long)(conn->body_left < len ? conn->body_left : len);
			body_take(cl, conn, (size_t)taken, now);
		} else {
			taken = head_take(cl, conn, buf, len);
			if (taken < 0)
				return false;
			if (conn->in_body && conn->body_left == 0)
				answer_done(cl, conn, now);
		}
		buf += taken;
		len -= (size_t)taken;
	}
	return true;
}

/* The server closed. Right when a connection each was asked for and the answer is complete. */
static void conn_ended(struct client *cl, struct conn *conn)
{
	if (!cl->requests.close || conn->awaited > 0) {
		conn_fail(cl, conn, FAULT_CLOSED_EARLY);
		return;
	}
	close(conn->fd);
	conn_open(cl, conn);
}

static void on_head(struct client *cl, struct conn *conn, const struct io_uring_cqe *cqe, uint64_t now)
{
	if (cqe->res == -ENOBUFS) {
		if (!(cqe->flags & IORING_CQE_F_MORE))
			conn_receive_head(cl, conn, false);
		return;
	}
	if (cqe->res < 0) {
		conn_fail(cl, conn, FAULT_RECEIVE);
		return;
	}
	if (cqe->res == 0) {
		conn_ended(cl, conn);
		return;
	}
	if (!bytes_take(cl, conn, cl->buffers + (size_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT) * cl->buffer_bytes,
			(size_t)cqe->res, now))
		return;
	if (cqe->flags & IORING_CQE_F_MORE)
		return;
	if (cl->large && conn->in_body)
		conn_receive_body(cl, conn);
	else
		conn_receive_head(cl, conn, false);
}

static void on_body(struct client *cl, struct conn *conn, int res, uint64_t now)
{
	if (res <= 0) {
		conn_fail(cl, conn, res == 0 ? FAULT_CLOSED_EARLY : FAULT_RECEIVE);
		return;
	}
	cl->wire_bytes += (uint64_t)res;
	body_take(cl, conn, (size_t)res, now);
	if (conn->in_body)
		conn_receive_body(cl, conn);
	else
		conn_receive_head(cl, conn, true);
}

static void deadline_set(struct client *cl, double seconds)
{
	struct io_uring_sqe *const sqe = sqe_get(cl);

	cl->deadline.tv_sec = (long long)seconds;
	cl->deadline.tv_nsec = (long long)((seconds - (double)(long long)seconds) * 1e9);
	io_uring_prep_timeout(sqe, &cl->deadline, 0, 0);
	io_uring_sqe_set_data64(sqe, OP_DEADLINE);
}

static void on_completion(struct client *cl, const struct io_uring_cqe *cqe, uint64_t now)
{
	uint64_t data = io_uring_cqe_get_data64(cqe);
	enum op op = (enum op)(data & 0xff);
	struct conn *conn = &cl->conns[(data >> 8) & 0xffffff];
	bool current = op != OP_DEADLINE && conn->generation == (uint32_t)(data >> 32);

	switch (op) {
	case OP_DEADLINE:
		if (cl->body_bytes == 0 && !cl->overdue)
			deadline_set(cl, OVERDUE_S);
		else
			cl->done = true;
		cl->overdue = true;
		break;
	case OP_CONNECT:
		if (current && cqe->res < 0)
			conn_fail(cl, conn, FAULT_CONNECT);
		break;
	case OP_SEND:
		if (current && cqe->res < 0)
			conn_fail(cl, conn, FAULT_SEND);
		break;
	case OP_HEAD:
		if (current)
			on_head(cl, conn, cqe, now);
		break;
	case OP_BODY:
		if (current)
			on_body(cl, conn, cqe->res, now);
		break;
	}
	if (cqe->flags & IORING_CQE_F_BUFFER)
		buffer_recycle(cl, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
}

/* ---- set up ---- */

static void ring_open(struct client *cl)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
	};
	struct io_uring_buf_reg reg = { .bgid = BUFFER_GROUP };
	size_t buffers_bytes;
	unsigned entries = 64;
	int error;

	while (entries < 4 * cl->connections && entries < 16384)
		entries *= 2;
	params.cq_entries = entries * 4;
	error = io_uring_queue_init_params(entries, &cl->ring, &params);
	if (error < 0)
		die("io_uring (Linux 6.1 or newer is needed)", -error);
	io_uring_register_ring_fd(&cl->ring);

	/* Few and just large enough: a buffer ring goes round, and what it touches should stay in the cache. */
	cl->buffer_bytes = cl->large ? 16384 : (uint32_t)((cl->requests.length + 512) * cl->requests.depth + 4095) & ~4095u;
	if (cl->buffer_bytes > 65536)
		cl->buffer_bytes = 65536;
	for (cl->buffer_count = 64; cl->buffer_count < 2 * cl->connections && cl->buffer_count < MAX_BUFFERS;)
		cl->buffer_count *= 2;
	buffers_bytes = (size_t)cl->buffer_bytes * cl->buffer_count;
	if (posix_memalign((void **)&cl->buffers, 4096, buffers_bytes) ||
	    posix_memalign((void **)&cl->scratch, 4096, SCRATCH_BYTES) ||
	    posix_memalign((void **)&cl->buffer_ring, 4096, cl->buffer_count * sizeof(struct io_uring_buf)))
		die("memory", ENOMEM);
	memset(cl->buffers, 0, buffers_bytes);
	memset(cl->scratch, 0, SCRATCH_BYTES);
	reg.ring_addr = (uint64_t)(uintptr_t)cl->buffer_ring;
	reg.ring_entries = cl->buffer_count;
	io_uring_buf_ring_init(cl->buffer_ring);
	error = io_uring_register_buf_ring(&cl->ring, &reg, 0);
	if (error < 0)
		die("buffer ring", -error);
	for (uint32_t i = 0; i < cl->buffer_count; i++)
		buffer_recycle(cl, i);
	io_uring_buf_ring_advance(cl->buffer_ring, cl->recycled);
	cl->recycled = 0;
}

static void address_resolve(struct client *cl)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM }, *found;

	if (getaddrinfo(cl->host, cl->port, &hints, &found))
		die("address", EINVAL);
	memcpy(&cl->address, found->ai_addr, found->ai_addrlen);
	cl->address_len = found->ai_addrlen;
	freeaddrinfo(found);
}

/* Keep-alive connections are all established before the clock starts. */
static void conns_open(struct client *cl)
{
	cl->conns = allocate(cl->connections, sizeof(*cl->conns));
	cl->stamps = allocate(cl->connections, sizeof(*cl->stamps));
	cl->idle = allocate(cl->connections, sizeof(*cl->idle));
	for (uint32_t i = 0; i < cl->connections; i++) {
		struct conn *conn = &cl->conns[i];

		if (cl->requests.close) {
			conn_open(cl, conn);
			continue;
		}
		conn->fd = socket_open(cl);
		if (connect(conn->fd, (struct sockaddr *)&cl->address, cl->address_len))
			die("connect", errno);
		cl->opened++;
		conn_receive_head(cl, conn, true);
		conn_again(cl, conn);
	}
}

/* Submits, and waits for a completion; an open loop also until the next request is due. */
static int turn_wait(struct client *cl)
{
	struct __kernel_timespec ts = { 0 };
	struct io_uring_cqe *cqe;
	uint64_t now;
	int error;

	if (!cl->rate || cl->idle_count == 0)
		return io_uring_submit_and_wait(&cl->ring, 1);
	now = now_ns();
	if (cl->due_ns <= now + SPIN_NS)
		return io_uring_submit_and_get_events(&cl->ring);
	ts.tv_nsec = (long long)(cl->due_ns - SPIN_NS - now);
	ts.tv_sec = ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	error = io_uring_submit_and_wait_timeout(&cl->ring, &cqe, 1, &ts, NULL);
	return error == -ETIME ? 0 : error;
}

static void run(struct client *cl)
{
	deadline_set(cl, cl->seconds);
	cl->due_ns = now_ns();
	while (!cl->done && !stopped && !(cl->overdue && cl->body_bytes > 0)) {
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;
		uint64_t now = now_ns();
		int error;

		if (cl->rate)
			due_send(cl, now);
		for (uint32_t i = 0; i < cl->stamp_count; i++) {
			cl->conns[cl->stamps[i]].sent_ns = now;
			cl->conns[cl->stamps[i]].stamp = false;
		}
		cl->stamp_count = 0;
		error = turn_wait(cl);
		if (error < 0 && error != -EINTR && error != -EBUSY)
			die("io_uring_enter", -error);
		now = now_ns();
		io_uring_for_each_cqe(&cl->ring, head, cqe) {
			on_completion(cl, cqe, now);
			seen++;
		}
		io_uring_cq_advance(&cl->ring, seen);
		io_uring_buf_ring_advance(cl->buffer_ring, cl->recycled);
		cl->recycled = 0;
	}
}

static double cpu_seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static void report(const struct client *cl, double seconds, const struct rusage *a, const struct rusage *b)
{
	double user = cpu_seconds(&b->ru_utime) - cpu_seconds(&a->ru_utime);
	double sys = cpu_seconds(&b->ru_stime) - cpu_seconds(&a->ru_stime);
	double n = cl->responses ? (double)cl->responses : 1;

	printf("{\"requests\": %llu, \"unanswered\": %llu, \"errors\": %llu, \"faults\": {", (unsigned long long)cl->responses,
	       (unsigned long long)cl->unanswered, (unsigned long long)cl->errors);
	for (int i = 0, first = 1; i < FAULTS; i++) {
		if (!cl->faults[i])
			continue;
		printf("%s\"%s\": %llu", first ? "" : ", ", fault_names[i], (unsigned long long)cl->faults[i]);
		first = 0;
	}
	printf("}, \"opened\": %llu, \"body_bytes\": %llu, \"wire_bytes\": %llu, \"seconds\": %.6f, ",
	       (unsigned long long)cl->opened, (unsigned long long)cl->body_bytes, (unsigned long long)cl->wire_bytes, seconds);
	printf("\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, \"mean_us\": %.2f, ",
	       histogram_percentile_us(&cl->latency, 0.50), histogram_percentile_us(&cl->latency, 0.99),
	       histogram_percentile_us(&cl->latency, 0.999), (double)cl->latency.max_ns / 1000,
	       cl->latency.count ? (double)cl->latency.sum_ns / (double)cl->latency.count / 1000 : 0);
	printf("\"client_user_s\": %.4f, \"client_sys_s\": %.4f, \"client_cpu_us\": %.3f}\n", user, sys, (user + sys) * 1e6 / n);
}

static void usage(void)
{
	fputs("usage: client --port PORT --length BYTES (--path PATH | --paths FILE) [--host ADDRESS] [--milliseconds MS]\n"
	      "              [--requests N] [--connections N] [--rate N] [--depth N] [--random] [--close] [--discard] [--hold]\n"
	      "              [--field LINE] [--cpu N]\n"
	      "  --length BYTES  every answer must be 200 with this Content-Length\n"
	      "  --paths FILE    one path a line, asked for in turn; up to 3 lengths may follow it, one of which the answer must have\n"
	      "  --random        paths in random order in place of turns\n"
	      "  --requests N    end after so many, or after --milliseconds\n"
	      "  --rate N        an open loop: N requests a second at random times (Poisson), latency counts from when one was due\n"
	      "  --depth N       requests sent at once on a connection (pipelining)\n"
	      "  --close         a connection per request\n"
	      "  --discard       bodies over 48 KB are dropped in the kernel (MSG_TRUNC), not copied to the client\n"
	      "  --hold          then keep the connections, idle, until the standard input ends\n"
	      "  --field LINE    a header field line of each request\n"
	      "SIGTERM ends a run early, with its results.\n", stderr);
	exit(2);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || end == text || value < least || value > most)
		usage();
	return value;
}

static void cpu_pin(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cpu", errno);
}

static void options_read(struct client *cl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", 1, NULL, 'h' }, { "port", 1, NULL, 'p' }, { "milliseconds", 1, NULL, 's' }, { "connections", 1, NULL, 'c' },
		{ "depth", 1, NULL, 'd' }, { "length", 1, NULL, 'l' }, { "path", 1, NULL, 'u' }, { "paths", 1, NULL, 'U' },
		{ "requests", 1, NULL, 'n' }, { "rate", 1, NULL, 'r' }, { "field", 1, NULL, 'f' }, { "random", 0, NULL, 'R' },
		{ "close", 0, NULL, 'C' }, { "discard", 0, NULL, 'D' }, { "hold", 0, NULL, 'H' }, { "cpu", 1, NULL, 'P' },
		{ NULL, 0, NULL, 0 },
	};
	struct requests *requests = &cl->requests;
	char *path = NULL, *file = NULL, **paths = &path;
	uint32_t count = 1;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'h': cl->host = optarg; break;
		case 'p': cl->port = optarg; break;
		case 's': cl->seconds = (double)number(optarg, 1, 3600000) / 1000; break;
		case 'c': cl->connections = (uint32_t)number(optarg, 1, MAX_CONNECTIONS); break;
		case 'd': requests->depth = (uint32_t)number(optarg, 1, 1024); break;
		case 'l': requests->length = number(optarg, 0, 1ull << 40); break;
		case 'u': path = optarg; break;
		case 'U': file = optarg; break;
		case 'n': cl->most = number(optarg, 1, 1ull << 40); break;
		case 'r': cl->rate = (double)number(optarg, 1, 10000000); break;
		case 'f': requests->field = optarg; break;
		case 'R': requests->random = cl->random; break;
		case 'C': requests->close = true; break;
		case 'D': cl->discard = true; break;
		case 'H': cl->hold = true; break;
		case 'P': cpu_pin(number(optarg, 0, CPU_SETSIZE - 1)); break;
		default: usage();
		}
	}
	if (optind != argc || !cl->port || !path == !file)
		usage();
	if ((requests->close || cl->rate || cl->most) && requests->depth > 1)
		usage();
	if (requests->close && (cl->rate || cl->most || cl->hold))
		usage();
	if (file)
		count = paths_read(file, &paths);
	requests_build(requests, paths, count);
	if (requests->length == UINT64_MAX)
		usage();
	cl->large = requests->length > LARGE_BODY;
}

/* Keeps the connections open. The kernel answers for them; this program sleeps. */
static void hold(void)
{
	char byte;

	fflush(stdout);
	while (!stopped && read(STDIN_FILENO, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	static struct client client = {
		.host = "127.0.0.1", .connections = 64, .seconds = 1, .random = 0x9e3779b97f4a7c15u,
		.requests = { .depth = 1, .length = UINT64_MAX },
	};
	struct rlimit files = { MAX_CONNECTIONS + 64, MAX_CONNECTIONS + 64 };
	struct sigaction ends = { .sa_handler = stop };
	struct rusage before, after;
	uint64_t start, end;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &ends, NULL);
	options_read(&client, argc, argv);
	setrlimit(RLIMIT_NOFILE, &files);
	address_resolve(&client);
	ring_open(&client);
	conns_open(&client);
	getrusage(RUSAGE_SELF, &before);
	start = now_ns();
	run(&client);
	end = now_ns();
	getrusage(RUSAGE_SELF, &after);
	if (client.rate)
		unanswered_count(&client, end);
	report(&client, (double)(end - start) / 1e9, &before, &after);
	if (client.hold)
		hold();
	return client.body_bytes > 0 && client.errors < MAX_ERRORS ? 0 : 1;
}
