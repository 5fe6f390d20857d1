/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor: a server that sends a constant response of the row's size. Of a request it looks for the end of the head alone. It costs
 * what TCP, the kernel's interface and the loop cost on this machine: no server of files can cost less.
 * "uring" sends from memory. "epoll" sends large responses by sendfile, which costs less from some 100 KB on.
 * It expects the bench's client: a connection sends its next requests when it has all responses to those before.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAX_FD = 1 << 16,
	BACKLOG = 4096,
	COPIES_BYTES = 64 * 1024,	/* of responses side by side, so that those to pipelined requests leave in one send */
	SENDFILE_BYTES = 64 * 1024,	/* responses from this length on leave by sendfile */
	CORK_BYTES = 512 * 1024,	/* and from this length on corked: see findings.md, 1 MB */
	EVENTS = 256,			/* of one turn */
	READ_BYTES = 16 * 1024,
	BUFFER_BYTES = 1024,
	BUFFERS = 512,			/* power of two; the ring goes round, and all of it should stay in the CPU's cache */
	BUFFER_GROUP = 1,
	RING_ENTRIES = 4096,
};

/* The unfinished work of each connection, by descriptor. */
struct conn {
	uint8_t matched;	/* bytes of "\r\n\r\n" that the input ends in */
	uint64_t sent, left;	/* bytes of the responses */
};

struct response {
	char *bytes;		/* `copies` of it, one after the other */
	uint64_t len;
	uint32_t copies;
	int file;		/* with the same bytes, for sendfile; -1 = they are sent from memory */
	bool close;		/* the connection closes after it */
};

static struct conn conns[MAX_FD];

static void die(const char *what, int error)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(error));
	exit(2);
}

/* Returns how many heads end in buf. */
static uint32_t heads_end(struct conn *conn, const char *buf, size_t len)
{
	static const char end[] = "\r\n\r\n";
	uint32_t heads = 0;

	for (size_t i = 0; i < len; i++) {
		conn->matched = buf[i] == end[conn->matched] ? conn->matched + 1 : buf[i] == '\r';
		if (conn->matched == 4) {
			conn->matched = 0;
			heads++;
		}
	}
	return heads;
}

/* Writes a response to a file, in pieces as large as the page cache wants to have them. */
static int response_store(const char *folder, const char *bytes, uint64_t len)
{
	int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (file < 0)
		die(folder, errno);
	for (uint64_t done = 0; done < len;) {
		ssize_t written = write(file, bytes + done, len - done);

		if (written < 0)
			die(folder, errno);
		done += (uint64_t)written;
	}
	return file;
}

/* The fields are those that every server sends with a file. */
static void response_build(struct response *response, uint64_t body_bytes, const char *folder)
{
	char head[512];
	uint64_t head_len;
	char *at;

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
		 "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\nLast-Modified: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
		 "ETag: \"0000000000000000\"\r\nAccept-Ranges: bytes\r\n%s\r\n", (unsigned long long)body_bytes,
		 response->close ? "Connection: close\r\n" : "");
	head_len = strlen(head);
	response->len = head_len + body_bytes;
	response->copies = response->len < COPIES_BYTES ? (uint32_t)(COPIES_BYTES / response->len) : 1;
	response->bytes = mmap(NULL, response->len * response->copies, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (response->bytes == MAP_FAILED)
		die("memory", errno);
	at = response->bytes;
	for (uint32_t i = 0; i < response->copies; i++) {
		memcpy(at, head, head_len);
		memset(at + head_len, 'x', body_bytes);
		at += response->len;
	}
	response->file = folder && response->len >= SENDFILE_BYTES ? response_store(folder, response->bytes, response->len) : -1;
}

/* Accepted sockets inherit TCP_NODELAY. */
static int listener_open(const char *host, const char *port, int flags)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
		die("socket", fd < 0 ? errno : EINVAL);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG))
		die("listen", errno);
	return fd;
}

/* ---- over epoll ---- */

static void cork(int fd, int on)
{
	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

/* Sends what is left, until the socket takes no more. Returns false if the connection failed. */
static bool epoll_send(const struct response *response, int fd, struct conn *conn)
{
	while (conn->left > 0) {
		off_t offset = (off_t)(conn->sent % response->len);
		uint64_t most = response->len * response->copies - (uint64_t)offset, len = conn->left < most ? conn->left : most;
		ssize_t sent = response->file >= 0 ? sendfile(fd, response->file, &offset, len)
						   : send(fd, response->bytes + offset, len, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN;
		conn->sent += (uint64_t)sent;
		conn->left -= (uint64_t)sent;
	}
	return true;
}

/* Returns false if the connection is over. */
static bool epoll_conn(const struct response *response, int fd)
{
	static char buf[READ_BYTES];
	bool corked = response->file >= 0 && response->len >= CORK_BYTES;
	struct conn *conn = &conns[fd];
	ssize_t len = conn->left ? 0 : recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (!conn->left) {
		if (len <= 0)
			return len < 0 && errno == EAGAIN;
		conn->sent = 0;
		conn->left = response->len * heads_end(conn, buf, (size_t)len);
		if (corked && conn->left)
			cork(fd, 1);
	}
	if (!epoll_send(response, fd, conn))
		return false;
	if (conn->left)
		return true;
	if (corked)
		cork(fd, 0);
	return !response->close || conn->sent == 0;
}

static void epoll_accept(int loop, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		/* edges of both directions, so that a full socket needs no call more */
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd };

		if (fd >= MAX_FD || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event)) {
			close(fd);
			continue;
		}
		conns[fd] = (struct conn){ 0 };
	}
}

static void epoll_run(const struct response *response, int listener)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN, .data.fd = listener };
	int loop = epoll_create1(EPOLL_CLOEXEC);

	if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event))
		die("epoll", errno);
	for (;;) {
		int count = epoll_wait(loop, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd == listener)
				epoll_accept(loop, listener);
			else if (!epoll_conn(response, fd))
				close(fd);
		}
	}
}

/* ---- over io_uring ---- */

enum op { OP_ACCEPT, OP_RECEIVE, OP_SEND, OP_CLOSE };

struct uring {
	struct io_uring ring;
	struct io_uring_buf_ring *buffer_ring;
	char *buffers;
	int listener, recycled;
};

static struct io_uring_sqe *uring_sqe(struct uring *uring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	if (!sqe) {
		io_uring_submit(&uring->ring);
		sqe = io_uring_get_sqe(&uring->ring);
	}
	if (!sqe)
		die("submission queue", EBUSY);
	return sqe;
}

static void uring_tag(struct io_uring_sqe *sqe, enum op op, int fd)
{
	io_uring_sqe_set_data64(sqe, (uint64_t)fd << 8 | op);
}

static void uring_accept(struct uring *uring)
{
	struct io_uring_sqe *sqe = uring_sqe(uring);

	io_uring_prep_multishot_accept(sqe, uring->listener, NULL, NULL, SOCK_CLOEXEC);
	uring_tag(sqe, OP_ACCEPT, uring->listener);
}

/* One receive for the life of a connection; one for each request if it closes then, as a receive under way would keep it open. */
static void uring_receive(struct uring *uring, int fd, bool once)
{
	struct io_uring_sqe *sqe = uring_sqe(uring);

	if (once)
		io_uring_prep_recv(sqe, fd, NULL, BUFFER_BYTES, 0);
	else
		io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
	uring_tag(sqe, OP_RECEIVE, fd);
}

static void uring_close(struct uring *uring, int fd)
{
	struct io_uring_sqe *sqe = uring_sqe(uring);

	io_uring_prep_close(sqe, fd);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	uring_tag(sqe, OP_CLOSE, fd);
}

/* Sends as many responses as heads ended. A close follows in the same chain. */
static void uring_send(struct uring *uring, const struct response *response, int fd, uint32_t heads)
{
	while (heads > 0) {
		uint32_t copies = heads < response->copies ? heads : response->copies;
		struct io_uring_sqe *sqe = uring_sqe(uring);

		io_uring_prep_send(sqe, fd, response->bytes, response->len * copies, MSG_NOSIGNAL | MSG_WAITALL);
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		heads -= copies;
		if (heads > 0 || response->close)
			sqe->flags |= IOSQE_IO_HARDLINK; /* closes after a failed send, too */
		uring_tag(sqe, OP_SEND, fd);
	}
	if (response->close)
		uring_close(uring, fd);
}

static void buffer_recycle(struct uring *uring, uint32_t id)
{
	io_uring_buf_ring_add(uring->buffer_ring, uring->buffers + (size_t)id * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)id,
			      io_uring_buf_ring_mask(BUFFERS), uring->recycled++);
}

static void uring_received(struct uring *uring, const struct response *response, int fd, const struct io_uring_cqe *cqe)
{
	uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT, heads = 0;

	if (cqe->res > 0)
		heads = heads_end(&conns[fd], uring->buffers + (size_t)id * BUFFER_BYTES, (size_t)cqe->res);
	if (cqe->flags & IORING_CQE_F_BUFFER)
		buffer_recycle(uring, id);
	if (heads > 0)
		uring_send(uring, response, fd, heads);
	if ((cqe->flags & IORING_CQE_F_MORE) || (heads > 0 && response->close))
		return;
	if (cqe->res > 0 || cqe->res == -ENOBUFS)
		uring_receive(uring, fd, response->close);
	else
		uring_close(uring, fd);
}

static void uring_accepted(struct uring *uring, const struct response *response, const struct io_uring_cqe *cqe)
{
	if (cqe->res >= MAX_FD) {
		uring_close(uring, cqe->res);
	} else if (cqe->res >= 0) {
		conns[cqe->res] = (struct conn){ 0 };
		uring_receive(uring, cqe->res, response->close);
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		uring_accept(uring);
}

static void uring_open(struct uring *uring)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = RING_ENTRIES * 4,
	};
	struct io_uring_buf_reg reg = { .bgid = BUFFER_GROUP, .ring_entries = BUFFERS };
	int error = io_uring_queue_init_params(RING_ENTRIES, &uring->ring, &params);

	if (error < 0)
		die("io_uring (Linux 6.1 or newer is needed)", -error);
	io_uring_register_ring_fd(&uring->ring);
	uring->buffers = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uring->buffer_ring = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (uring->buffers == MAP_FAILED || uring->buffer_ring == MAP_FAILED)
		die("memory", errno);
	reg.ring_addr = (uint64_t)(uintptr_t)uring->buffer_ring;
	io_uring_buf_ring_init(uring->buffer_ring);
	error = io_uring_register_buf_ring(&uring->ring, &reg, 0);
	if (error < 0)
		die("buffer ring", -error);
	for (uint32_t i = 0; i < BUFFERS; i++)
		buffer_recycle(uring, i);
	io_uring_buf_ring_advance(uring->buffer_ring, uring->recycled);
	uring->recycled = 0;
}

/* Every turn handles all completions, then submits once. */
static void uring_run(const struct response *response, int listener)
{
	struct uring uring = { .listener = listener };

	uring_open(&uring);
	uring_accept(&uring);
	for (;;) {
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;
		int error = io_uring_submit_and_wait(&uring.ring, 1);

		if (error < 0 && error != -EINTR && error != -EBUSY)
			die("io_uring_enter", -error);
		io_uring_for_each_cqe(&uring.ring, head, cqe) {
			uint64_t data = io_uring_cqe_get_data64(cqe);

			if ((data & 0xff) == OP_ACCEPT)
				uring_accepted(&uring, response, cqe);
			else if ((data & 0xff) == OP_RECEIVE)
				uring_received(&uring, response, (int)(data >> 8), cqe);
			seen++;
		}
		io_uring_cq_advance(&uring.ring, seen);
		io_uring_buf_ring_advance(uring.buffer_ring, uring.recycled);
		uring.recycled = 0;
	}
}

static void usage(void)
{
	fputs("usage: floor uring|epoll ADDRESS PORT BYTES FOLDER [--close]\n"
	      "  BYTES    of the body of every response\n"
	      "  FOLDER   of a file without a name that large responses are sent from\n"
	      "  --close  close a connection after its response\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static struct response response;
	bool uring = argc > 1 && strcmp(argv[1], "uring") == 0;

	if (argc < 6 || argc > 7 || (!uring && strcmp(argv[1], "epoll") != 0) || (argc == 7 && strcmp(argv[6], "--close") != 0))
		usage();
	signal(SIGPIPE, SIG_IGN);
	response.close = argc == 7;
	response_build(&response, strtoull(argv[4], NULL, 10), uring ? NULL : argv[5]);
	if (uring)
		uring_run(&response, listener_open(argv[2], argv[3], 0));
	else
		epoll_run(&response, listener_open(argv[2], argv[3], SOCK_NONBLOCK));
}
