/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls on simulated descriptors. A call that would block a thread of the engine ends the program: no thread of the engine may
 * wait outside of its loop.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim.h"

int __real_close(int fd);
int __wrap_close(int fd);
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
int __wrap_shutdown(int fd, int how);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __real_fstat64(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_socket(int family, int type, int protocol);
int __real_pipe2(int fd[2], int flags);
int __wrap_pipe2(int fd[2], int flags);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __real_poll(struct pollfd *wait, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *wait, nfds_t count, int timeout_ms);
ssize_t __wrap_splice(int from, off64_t *from_off, int to, off64_t *to_off, size_t most, unsigned flags);
ssize_t __wrap_sendfile64(int to, int from, off64_t *off, size_t most);
int __wrap_inotify_init1(int flags);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_rm_watch(int fd, int wd);

static int fail(int error)
{
	errno = error;
	return -1;
}

int __wrap_close(int fd)
{
	if (descriptor_file(fd) == NULL) {
		require(!sim_running || fd < 1 << 20); /* a simulated descriptor that is closed already */
		return __real_close(fd);
	}
	descriptor_close(fd);
	return 0;
}

/* Reads from a stream or a pipe. */
static ssize_t take(struct file *file, void *data, size_t len, bool wait, bool peek)
{
	struct flow *flow = file->in;

	if (flow->broken)
		return fail(ECONNRESET);
	if (flow->at == flow->len && flow->ended)
		return 0;
	if (flow->at == flow->len) {
		require(!wait);
		return fail(EAGAIN);
	}
	if (peek) {
		memcpy(data, flow->data + flow->at, 1);
		return 1;
	}
	return flow_read(flow, data, len < UINT32_MAX ? (uint32_t)len : UINT32_MAX);
}

/* Takes the next whole event. */
static ssize_t take_event(struct file *file, void *data, size_t len)
{
	const struct flow *flow = file->in;
	struct inotify_event event;

	if (flow->at == flow->len)
		return fail(EAGAIN);
	memcpy(&event, flow->data + flow->at, sizeof(event));
	require(sizeof(event) + event.len <= len);
	return flow_read(file->in, data, (uint32_t)sizeof(event) + event.len);
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
	struct file *file = descriptor_file(fd);
	uint64_t count;

	if (file == NULL)
		return __real_read(fd, data, len);
	if (file->kind == FILE_INOTIFY)
		return take_event(file, data, len);
	if (file->kind != FILE_EVENT)
		return take(file, data, len, !file->nonblocking, false);
	count = file->count;
	file->count = 0;
	require(len == sizeof(count) && file->nonblocking);
	if (count == 0)
		return fail(EAGAIN);
	memcpy(data, &count, sizeof(count));
	return sizeof(count);
}

/* A line of the error log: one line without control characters, however hostile the requests are. */
static void check_line(const uint8_t *line, size_t len)
{
	require(len > 0 && line[len - 1] == '\n');
	for (size_t i = 0; i + 1 < len; i++)
		require(line[i] >= ' ' || line[i] == '\t');
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	struct file *file = descriptor_file(fd);

	if (file == NULL && sim_running && fd == STDERR_FILENO) {
		check_line(data, len);
		return (ssize_t)len;
	}
	if (file == NULL)
		return __real_write(fd, data, len);
	require(file->kind == FILE_EVENT);
	file->count++;
	return (ssize_t)len;
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
	struct file *file = descriptor_file(fd);

	require(file != NULL && (flags & MSG_DONTWAIT));
	return file->kind == FILE_PACKETS ? packets_receive(file, data, len, NULL) : take(file, data, len, false, (flags & MSG_PEEK) != 0);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	return __wrap_sendmsg(fd, &message, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct file *file = descriptor_file(fd);
	ssize_t len = 0;
	int error;

	require(file != NULL && file->kind == FILE_PACKETS && (flags & MSG_DONTWAIT) && (flags & MSG_NOSIGNAL));
	error = packets_send(file, message);
	if (error != 0)
		return fail(error);
	for (size_t i = 0; i < message->msg_iovlen; i++)
		len += (ssize_t)message->msg_iov[i].iov_len;
	return len;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct file *file = descriptor_file(fd);
	int passed = -1;
	ssize_t len;

	require(file != NULL && file->kind == FILE_PACKETS && (flags & MSG_DONTWAIT));
	len = packets_receive(file, message->msg_iov->iov_base, message->msg_iov->iov_len, &passed);
	if (len > 0 && passed >= 0) {
		struct cmsghdr *header = CMSG_FIRSTHDR(message);

		*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(header), &passed, sizeof(passed));
	} else {
		message->msg_controllen = 0;
	}
	return len;
}

int __wrap_shutdown(int fd, int how)
{
	struct file *file = descriptor_file(fd);

	require(file != NULL && file->kind == FILE_STREAM && how == SHUT_WR);
	file->was_shut = true;
	file->out->ended = true;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct file *file = descriptor_file(fd);
	va_list rest;
	int *value;

	va_start(rest, request);
	value = va_arg(rest, int *);
	va_end(rest);
	if (file == NULL)
		return __real_ioctl(fd, request, value);
	switch (request) {
	case FIONBIO:
		file->nonblocking = *value != 0;
		return 0;
	case FIONREAD:
		*value = (int)(file->in->len - file->in->at);
		return 0;
	case SIOCOUTQ:
		*value = file->kind == FILE_PACKETS ? (file->packets_full ? 1 << 30 : 0) : (int)(file->out->len - file->out->at);
		return 0;
	default:
		return fail(ENOTTY);
	}
}

int __wrap_fcntl64(int fd, int command, ...)
{
	struct file *file = descriptor_file(fd);
	va_list rest;
	int value;

	va_start(rest, command);
	value = va_arg(rest, int);
	va_end(rest);
	if (file == NULL)
		return __real_fcntl64(fd, command, value);
	switch (command) {
	case F_SETFL:
		file->nonblocking = (value & O_NONBLOCK) != 0;
		return 0;
	case F_GETFL:
		return file->nonblocking ? O_NONBLOCK : 0;
	case F_GETPIPE_SZ:
		return 65536;
	default:
		return 0;
	}
}

int __wrap_fstat64(int fd, struct stat *st)
{
	const struct file *file = descriptor_file(fd);

	if (file == NULL)
		return __real_fstat64(fd, st);
	*st = (struct stat){ .st_mode = S_IFSOCK | 0600, .st_ino = file->inode };
	return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	struct file *file = descriptor_file(fd);
	const int buffer = 1 << 20;

	if (file == NULL)
		return fail(EBADF);
	if (level == IPPROTO_TCP && option == TCP_INFO) {
		struct tcp_info info = { .tcpi_bytes_acked = file->out->at };

		memcpy(value, &info, *len < sizeof(info) ? *len : sizeof(info));
		return 0;
	}
	if (level != SOL_SOCKET || option != SO_SNDBUF)
		return fail(ENOPROTOOPT);
	memcpy(value, &buffer, sizeof(buffer));
	return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	(void)level;
	(void)option;
	(void)value;
	(void)len;
	return descriptor_file(fd) != NULL ? 0 : fail(EBADF);
}

/* The addresses of a stream: IPv4 or IPv6, or those of a Unix socket. */
static int address_of(int fd, struct sockaddr *address, socklen_t *len, uint16_t port)
{
	const struct file *file = descriptor_file(fd);
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr.s6_addr = { 0x20, 1, [15] = 9 } };

	if (file == NULL)
		return fail(EBADF);
	if (file->number % 4 == 3) {
		address->sa_family = AF_UNIX;
		*len = sizeof(address->sa_family);
	} else if (file->number % 2 == 1) {
		memcpy(address, &v6, *len < sizeof(v6) ? *len : sizeof(v6));
	} else {
		memcpy(address, &v4, *len < sizeof(v4) ? *len : sizeof(v4));
	}
	return 0;
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
	return address_of(fd, address, len, 50000);
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
	return address_of(fd, address, len, 80);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	struct file *file = descriptor_file(fd), *accepted;

	(void)address;
	(void)len;
	require(file != NULL && file->kind == FILE_LISTENER);
	if (file->waiting_count == 0)
		return fail(EAGAIN);
	if (descriptor_fails())
		return -1;
	accepted = file->waiting[0];
	memmove(file->waiting, file->waiting + 1, --file->waiting_count * sizeof(file->waiting[0]));
	accepted->refs--; /* the queue's */
	accepted->nonblocking = (flags & SOCK_NONBLOCK) != 0;
	return descriptor_open(accepted);
}

int __wrap_socket(int family, int type, int protocol)
{
	struct file *file;

	(void)protocol;
	if (family == AF_UNSPEC)
		return fail(EAFNOSUPPORT);
	if (descriptor_fails())
		return -1;
	file = stream_make(FILE_OUTGOING);
	file->nonblocking = (type & SOCK_NONBLOCK) != 0;
	return descriptor_open(file);
}

int __wrap_pipe2(int fd[2], int flags)
{
	struct file *end[2];

	if (!sim_running)
		return __real_pipe2(fd, flags);
	if (descriptor_fails())
		return -1;
	pipe_make(end);
	for (int i = 0; i < 2; i++) {
		end[i]->nonblocking = (flags & O_NONBLOCK) != 0;
		fd[i] = descriptor_open(end[i]);
	}
	return 0;
}

int __wrap_eventfd(unsigned count, int flags)
{
	struct file *file;

	if (!sim_running)
		return __real_eventfd(count, flags);
	if (descriptor_fails())
		return -1;
	file = file_new(FILE_EVENT);
	file->nonblocking = (flags & EFD_NONBLOCK) != 0;
	file->count = count;
	return descriptor_open(file);
}

int __wrap_poll(struct pollfd *wait, nfds_t count, int timeout_ms)
{
	const struct file *file = count == 1 ? descriptor_file(wait->fd) : NULL;

	if (sim_running && count == 1 && wait->fd == STDERR_FILENO) {
		wait->revents = POLLOUT;
		return 1;
	}
	if (file == NULL)
		return __real_poll(wait, count, timeout_ms);
	require(timeout_ms == 0);
	wait->revents = (short)((file->in->at < file->in->len ? POLLIN : 0) | (file->in->ended ? POLLHUP : 0));
	return wait->revents != 0;
}

/* Moves bytes from a stream or pipe to another. */
ssize_t __wrap_splice(int from, off64_t *from_off, int to, off64_t *to_off, size_t most, unsigned flags)
{
	struct file *source = descriptor_file(from), *target = descriptor_file(to);
	uint32_t n;

	require(source != NULL && target != NULL && from_off == NULL && to_off == NULL && (flags & SPLICE_F_NONBLOCK));
	/* The flag is about pipes only. */
	require((source->kind == FILE_PIPE_READ || source->nonblocking) && (target->kind == FILE_PIPE_WRITE || target->nonblocking));
	if (target->out->broken)
		return fail(EPIPE);
	if (source->in->broken)
		return fail(ECONNRESET);
	if (source->in->at == source->in->len)
		return source->in->ended ? 0 : fail(EAGAIN);
	n = flow_room(target->out, most);
	if (n == 0)
		return fail(EAGAIN);
	if (n > source->in->len - source->in->at)
		n = source->in->len - source->in->at;
	if (n > loop_policy.piece)
		n = loop_policy.piece;
	flow_write(target->out, source->in->data + source->in->at, n);
	flow_read(source->in, NULL, n);
	return n;
}

ssize_t __wrap_sendfile64(int to, int from, off64_t *off, size_t most)
{
	static uint8_t window[65536];
	struct file *target = descriptor_file(to);
	uint32_t n;
	ssize_t got;

	require(target != NULL && target->kind == FILE_STREAM && target->nonblocking);
	if (target->out->broken)
		return fail(EPIPE);
	n = loop_policy.hold_sends ? 0 : flow_room(target->out, most < sizeof(window) ? most : sizeof(window));
	if (n == 0)
		return fail(EAGAIN);
	got = pread(from, window, n, *off);
	if (got > 0) {
		flow_write(target->out, window, (uint32_t)got);
		*off += got;
	}
	return got;
}

int __wrap_inotify_init1(int flags)
{
	(void)flags;
	if (descriptor_fails())
		return -1;
	return descriptor_open(inotify_make());
}

/* The path is that of a descriptor. Directories with the same inode have the same watch. */
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	struct stat st;

	(void)mask;
	require(descriptor_file(fd) != NULL);
	if (stat(path, &st) < 0)
		return -1;
	if (descriptor_fails())
		return -1;
	return inotify_watch(descriptor_file(fd), st.st_ino);
}

int __wrap_inotify_rm_watch(int fd, int wd)
{
	(void)fd;
	(void)wd;
	return 0;
}
