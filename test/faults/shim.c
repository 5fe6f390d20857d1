/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A preloaded library that makes one chosen call of the program fail. The test and all processes of the program share a page: the
 * test writes the kind of call, its number, and the error. Calls of glibc and liburing, and operations of io_uring count.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <grp.h>
#include <liburing.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind {
	KIND_NONE,
	KIND_MALLOC,
	KIND_OPEN,
	KIND_READ,
	KIND_PREAD,
	KIND_WRITE,
	KIND_STAT,
	KIND_DIRECTORY,
	KIND_PATH,
	KIND_MMAP,
	KIND_SOCKET,
	KIND_BIND,
	KIND_OPTION,
	KIND_ACCEPT,
	KIND_CONNECT,
	KIND_SEND,
	KIND_RECV,
	KIND_LINK_SEND, /* a packet socket between processes of the program */
	KIND_LINK_RECV,
	KIND_SENDFILE,
	KIND_SPLICE,
	KIND_PIPE,
	KIND_FCNTL,
	KIND_EVENTFD,
	KIND_INOTIFY,
	KIND_EPOLL,
	KIND_WAIT,
	KIND_FORK,
	KIND_EXEC,
	KIND_THREAD,
	KIND_RESOLVE,
	KIND_PRIVILEGE,
	KIND_URING_SETUP,
	KIND_URING_ENTER,
	KIND_URING_ACCEPT,
	KIND_URING_CONNECT,
	KIND_URING_RECV,
	KIND_URING_SEND,
	KIND_URING_POLL,
	KINDS,
};

static const char names[KINDS][16] = {
	"none", "malloc", "open", "read", "pread", "write", "stat", "directory", "path", "mmap", "socket", "bind", "option", "accept",
	"connect", "send", "recv", "link-send", "link-recv", "sendfile", "splice", "pipe", "fcntl", "eventfd", "inotify", "epoll", "wait",
	"fork", "exec", "thread", "resolve", "privilege", "uring-setup", "uring-enter", "uring-accept", "uring-connect", "uring-recv",
	"uring-send", "uring-poll",
};

enum {
	FRAMES = 24,
	RESERVE_BYTES = 1 << 20,
};

/* test/faults/faults.py reads and writes the same layout. */
struct control {
	uint32_t kind;            /* KIND_NONE: every call succeeds */
	uint32_t at;              /* the failing call of that kind, from 1 */
	int32_t error;            /* errno; 0: the call moves fewer bytes than it could */
	uint32_t times;           /* calls that fail from there on */
	uint32_t process;         /* process whose calls count; 0: every process */
	uint32_t watched;         /* process whose blocks of memory count */
	uint32_t seen;            /* calls of that kind so far */
	uint32_t fired;           /* calls that failed */
	uint32_t fired_process;
	uint32_t frames;
	int64_t blocks;           /* allocated minus freed by the watched process */
	uint64_t frame[FRAMES];   /* return addresses of the call that failed, as offsets in the program */
	uint64_t calls[KINDS];    /* calls of all kinds, counted while kind is set or counting */
	uint32_t counting;
	uint32_t kinds;
	char name[KINDS][16];
};

static struct control nowhere;
static struct control *control = &nowhere;
static uint32_t self;
static uintptr_t base;

static void *find(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

/* Declares real: the next function of that name after this library. */
#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) \
	real = (__typeof__(&name))find(#name)

enum outcome {
	PASS,
	FAIL,  /* errno is set */
	SHORT,
};

static void record(void)
{
	void *frame[FRAMES];
	const int count = backtrace(frame, FRAMES);

	for (int i = 0; i < count; i++)
		control->frame[i] = (uintptr_t)frame[i] - base;
	control->frames = (uint32_t)count;
	control->fired_process = self;
}

/* Counts a call, and decides its outcome. */
static enum outcome outcome_of(enum kind kind)
{
	uint32_t number;

	if (control->counting)
		__atomic_fetch_add(&control->calls[kind], 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&control->kind, __ATOMIC_ACQUIRE) != kind || (control->process != 0 && control->process != self))
		return PASS;
	number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
	if (number < control->at || number - control->at >= control->times)
		return PASS;
	if (__atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST) == 1)
		record();
	if (control->error == 0)
		return SHORT;
	errno = control->error;
	return FAIL;
}

static bool fails(enum kind kind)
{
	return outcome_of(kind) == FAIL;
}

/*
 * Shuts down a connection that fails with a reset, because a reset affects both directions. For other files the error becomes
 * ENOMEM.
 */
static void reset(int fd)
{
	const int error = errno;

	if (error == ECONNRESET || error == EPIPE)
		errno = shutdown(fd, SHUT_RDWR) == 0 ? error : ENOMEM;
}

/* Fewer bytes: half of them, at least one. */
static size_t fewer(size_t len)
{
	return len > 1 ? len / 2 : len;
}

/* Memory. dlsym() may allocate before the real functions are known. */

static uint8_t reserve[RESERVE_BYTES];
static size_t reserved;
static __thread bool resolving;
static bool begun;

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
} memory;

static void *from_reserve(size_t size)
{
	uint8_t *at = reserve + reserved;

	if (size > RESERVE_BYTES - reserved - 16)
		abort();
	reserved += (size + 15) & ~(size_t)15;
	return at;
}

static bool is_reserve(const void *block)
{
	return (const uint8_t *)block >= reserve && (const uint8_t *)block < reserve + RESERVE_BYTES;
}

static size_t after_in_reserve(const void *block)
{
	return (size_t)(reserve + RESERVE_BYTES - (const uint8_t *)block);
}

/* False until the dynamic loader has relocated this library and begin() has run. Earlier allocations do not count as leaks. */
static bool known(void)
{
	static void *volatile relocated = &reserved;

	if (memory.aligned_alloc != NULL)
		return true;
	if (relocated == NULL || !begun || resolving)
		return false;
	resolving = true;
	memory.malloc = find("malloc");
	memory.calloc = find("calloc");
	memory.realloc = find("realloc");
	memory.free = find("free");
	memory.posix_memalign = find("posix_memalign");
	memory.aligned_alloc = find("aligned_alloc");
	resolving = false;
	return true;
}

static void *counted(void *block)
{
	if (block != NULL && control->watched == self)
		__atomic_fetch_add(&control->blocks, 1, __ATOMIC_RELAXED);
	return block;
}

static void uncounted(void)
{
	if (control->watched == self)
		__atomic_fetch_sub(&control->blocks, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
	if (!known())
		return from_reserve(size);
	return fails(KIND_MALLOC) ? NULL : counted(memory.malloc(size));
}

void *calloc(size_t count, size_t size)
{
	if (!known())
		return from_reserve(count * size);
	return fails(KIND_MALLOC) ? NULL : counted(memory.calloc(count, size));
}

void *realloc(void *block, size_t size)
{
	void *grown;

	if (block == NULL)
		return malloc(size);
	if (is_reserve(block)) {
		grown = malloc(size);
		if (grown != NULL)
			memcpy(grown, block, size < after_in_reserve(block) ? size : after_in_reserve(block));
		return grown;
	}
	if (size > 0 && fails(KIND_MALLOC))
		return NULL;
	grown = memory.realloc(block, size);
	if (size == 0 && grown == NULL)
		uncounted();
	return grown;
}

void free(void *block)
{
	if (block == NULL || is_reserve(block) || !known())
		return;
	uncounted();
	memory.free(block);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	int result;

	if (!known())
		return ENOMEM;
	if (fails(KIND_MALLOC))
		return ENOMEM;
	result = memory.posix_memalign(block, alignment, size);
	if (result == 0)
		counted(*block);
	return result;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (!known())
		return NULL;
	return fails(KIND_MALLOC) ? NULL : counted(memory.aligned_alloc(alignment, size));
}

/* Defines a function that returns bad if it is to fail, and is the real one otherwise. */
#define WRAP(kind, type, bad, name, parameters, ...) \
	type name parameters \
	{ \
		REAL(name); \
		return fails(kind) ? (type)(bad) : real(__VA_ARGS__); \
	}

/* Like WRAP(), but for a function that moves bytes to fd. */
#define WRAP_MOVE(kind, name, parameters, broken, len, ...) \
	ssize_t name parameters \
	{ \
		REAL(name); \
		switch (outcome_of(kind)) { \
		case FAIL: \
			reset(broken); \
			return -1; \
		case SHORT: \
			len = fewer(len); \
			break; \
		case PASS: \
			break; \
		} \
		return real(__VA_ARGS__); \
	}

/* Files. Standard error and output are the test's way to see what the program says, so writing there succeeds. */

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	REAL(open64);
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
	}
	return fails(KIND_OPEN) ? -1 : real(path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	REAL(openat64);
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
	}
	return fails(KIND_OPEN) ? -1 : real(at, path, flags, mode);
}

WRAP_MOVE(KIND_READ, read, (int fd, void *data, size_t len), -1, len, fd, data, len)
WRAP_MOVE(KIND_PREAD, pread64, (int fd, void *data, size_t len, off64_t at), -1, len, fd, data, len, at)

ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t at, int flags)
{
	struct iovec one = *iov;

	REAL(preadv64v2);
	switch (outcome_of(KIND_PREAD)) {
	case FAIL:
		return -1;
	case SHORT:
		one.iov_len = fewer(one.iov_len);
		return real(fd, &one, 1, at, flags);
	case PASS:
		break;
	}
	return real(fd, iov, count, at, flags);
}

static bool is_pipe(int fd)
{
	struct stat st;

	return syscall(SYS_fstat, fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
	REAL(write);
	if (fd == STDERR_FILENO || fd == STDOUT_FILENO || len == sizeof(uint64_t) || (len == 1 && is_pipe(fd))) /* what wakes others: an eventfd or a pipe */
		return real(fd, data, len);
	switch (outcome_of(KIND_WRITE)) {
	case FAIL:
		return -1;
	case SHORT:
		len = fewer(len);
		break;
	case PASS:
		break;
	}
	return real(fd, data, len);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct iovec one = *iov;

	REAL(writev);
	switch (outcome_of(KIND_WRITE)) {
	case FAIL:
		return -1;
	case SHORT:
		one.iov_len = fewer(one.iov_len);
		return real(fd, &one, 1);
	case PASS:
		break;
	}
	return real(fd, iov, count);
}

WRAP(KIND_STAT, int, -1, fstat64, (int fd, struct stat64 *st), fd, st)
WRAP(KIND_STAT, int, -1, stat64, (const char *path, struct stat64 *st), path, st)
WRAP(KIND_STAT, int, -1, lstat64, (const char *path, struct stat64 *st), path, st)
WRAP(KIND_STAT, int, -1, fstatat64, (int at, const char *path, struct stat64 *st, int flags), at, path, st, flags)
WRAP(KIND_STAT, int, -1, fstatfs64, (int fd, struct statfs64 *st), fd, st)
WRAP(KIND_DIRECTORY, DIR *, NULL, opendir, (const char *path), path)
WRAP(KIND_DIRECTORY, DIR *, NULL, fdopendir, (int fd), fd)
WRAP(KIND_DIRECTORY, struct dirent64 *, NULL, readdir64, (DIR * directory), directory)
WRAP(KIND_PATH, int, -1, mkdir, (const char *path, mode_t mode), path, mode)
WRAP(KIND_PATH, int, -1, rename, (const char *from, const char *to), from, to)
WRAP(KIND_PATH, int, -1, chmod, (const char *path, mode_t mode), path, mode)
WRAP(KIND_PATH, int, -1, fchmod, (int fd, mode_t mode), fd, mode)
WRAP(KIND_PATH, int, -1, chown, (const char *path, uid_t uid, gid_t gid), path, uid, gid)
WRAP(KIND_PATH, int, -1, fchown, (int fd, uid_t uid, gid_t gid), fd, uid, gid)
WRAP(KIND_PATH, int, -1, chdir, (const char *path), path)
WRAP(KIND_PATH, char *, NULL, realpath, (const char *path, char *resolved), path, resolved)
WRAP(KIND_PATH, int, -1, faccessat, (int at, const char *path, int mode, int flags), at, path, mode, flags)
WRAP(KIND_PATH, int, -1, flock, (int fd, int operation), fd, operation)
WRAP(KIND_MMAP, void *, MAP_FAILED, mmap64, (void *at, size_t len, int protection, int flags, int fd, off64_t off), at, len, protection, flags, fd, off)

/* Sockets and pipes. */

static bool is_link(int fd)
{
	const int error = errno;
	int type = 0;
	socklen_t len = sizeof(type);

	REAL(getsockopt);
	if (real(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		type = 0;
	errno = error;
	return type == SOCK_SEQPACKET || type == SOCK_DGRAM;
}

WRAP(KIND_SOCKET, int, -1, socket, (int family, int type, int protocol), family, type, protocol)
WRAP(KIND_SOCKET, int, -1, socketpair, (int family, int type, int protocol, int fd[2]), family, type, protocol, fd)
WRAP(KIND_BIND, int, -1, bind, (int fd, const struct sockaddr *address, socklen_t len), fd, address, len)
WRAP(KIND_BIND, int, -1, listen, (int fd, int backlog), fd, backlog)
WRAP(KIND_OPTION, int, -1, setsockopt, (int fd, int level, int name, const void *value, socklen_t len), fd, level, name, value, len)
WRAP(KIND_OPTION, int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *len), fd, level, name, value, len)
WRAP(KIND_OPTION, int, -1, getsockname, (int fd, struct sockaddr *address, socklen_t *len), fd, address, len)
WRAP(KIND_OPTION, int, -1, getpeername, (int fd, struct sockaddr *address, socklen_t *len), fd, address, len)
WRAP(KIND_ACCEPT, int, -1, accept4, (int fd, struct sockaddr *address, socklen_t *len, int flags), fd, address, len, flags)
WRAP(KIND_CONNECT, int, -1, connect, (int fd, const struct sockaddr *address, socklen_t len), fd, address, len)
WRAP_MOVE(is_link(fd) ? KIND_LINK_SEND : KIND_SEND, send, (int fd, const void *data, size_t len, int flags), fd, len, fd, data, len, flags)
WRAP_MOVE(is_link(fd) ? KIND_LINK_RECV : KIND_RECV, recv, (int fd, void *data, size_t len, int flags), -1, len, fd, data, len, flags)
WRAP(is_link(fd) ? KIND_LINK_RECV : KIND_RECV, ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags), fd, message, flags)

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr part = *message;
	struct iovec one;

	REAL(sendmsg);
	switch (outcome_of(is_link(fd) ? KIND_LINK_SEND : KIND_SEND)) {
	case FAIL:
		reset(fd);
		return -1;
	case SHORT:
		if (part.msg_iovlen == 0 || part.msg_controllen > 0)
			break;
		one = part.msg_iov[0];
		one.iov_len = fewer(one.iov_len);
		part.msg_iov = &one;
		part.msg_iovlen = 1;
		return real(fd, &part, flags);
	case PASS:
		break;
	}
	return real(fd, message, flags);
}

WRAP_MOVE(KIND_SENDFILE, sendfile64, (int to, int from, off64_t *at, size_t len), to, len, to, from, at, len)
WRAP_MOVE(KIND_SPLICE, splice, (int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags), to, len, from, from_at, to, to_at, len, flags)
WRAP(KIND_PIPE, int, -1, pipe2, (int fd[2], int flags), fd, flags)

int fcntl64(int fd, int command, ...)
{
	va_list list;
	void *argument;

	REAL(fcntl64);
	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	return fails(KIND_FCNTL) ? -1 : real(fd, command, argument);
}

WRAP(KIND_FCNTL, int, -1, dup, (int fd), fd)
WRAP(KIND_FCNTL, int, -1, dup2, (int fd, int to), fd, to)
WRAP(KIND_EVENTFD, int, -1, eventfd, (unsigned count, int flags), count, flags)
WRAP(KIND_EVENTFD, int, -1, signalfd, (int fd, const sigset_t *mask, int flags), fd, mask, flags)
WRAP(KIND_INOTIFY, int, -1, inotify_init1, (int flags), flags)
WRAP(KIND_INOTIFY, int, -1, inotify_add_watch, (int fd, const char *path, uint32_t mask), fd, path, mask)
WRAP(KIND_EPOLL, int, -1, epoll_create1, (int flags), flags)

/* Only adding takes memory. */
int epoll_ctl(int fd, int operation, int of, struct epoll_event *event)
{
	REAL(epoll_ctl);
	return operation == EPOLL_CTL_ADD && fails(KIND_EPOLL) ? -1 : real(fd, operation, of, event);
}

WRAP(KIND_WAIT, int, -1, epoll_wait, (int fd, struct epoll_event *events, int max, int timeout), fd, events, max, timeout)
WRAP(KIND_WAIT, int, -1, poll, (struct pollfd * fds, nfds_t count, int timeout), fds, count, timeout)
WRAP(KIND_WAIT, pid_t, -1, waitpid, (pid_t pid, int *status, int options), pid, status, options)
WRAP(KIND_WAIT, int, -1, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), type, id, info, options)

/* Processes, threads, names, privileges. */

pid_t fork(void)
{
	pid_t pid;

	REAL(fork);
	if (fails(KIND_FORK))
		return -1;
	pid = real();
	if (pid == 0)
		self = (uint32_t)getpid();
	return pid;
}

/* A function of C cannot stand before vfork(): it would return twice. */
pid_t vfork(void)
{
	return fork();
}

WRAP(KIND_EXEC, int, -1, execve, (const char *path, char *const argument[], char *const environment[]), path, argument, environment)

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	REAL(pthread_create);
	return fails(KIND_THREAD) ? errno : real(thread, attributes, run, argument);
}

WRAP(KIND_RESOLVE, int, EAI_MEMORY, getaddrinfo,
     (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result), node, service, hints, result)
WRAP(KIND_PRIVILEGE, int, -1, setresuid, (uid_t real_id, uid_t effective, uid_t saved), real_id, effective, saved)
WRAP(KIND_PRIVILEGE, int, -1, setresgid, (gid_t real_id, gid_t effective, gid_t saved), real_id, effective, saved)
WRAP(KIND_PRIVILEGE, int, -1, setgroups, (size_t count, const gid_t *groups), count, groups)
WRAP(KIND_PRIVILEGE, int, -1, initgroups, (const char *user, gid_t group), user, group)
WRAP(KIND_PRIVILEGE, int, -1, chroot, (const char *path), path)

static enum kind kind_of_call(long number)
{
	switch (number) {
	case SYS_openat2:
		return KIND_OPEN;
	case SYS_capset:
	case SYS_landlock_add_rule:
	case SYS_landlock_create_ruleset:
	case SYS_landlock_restrict_self:
		return KIND_PRIVILEGE;
	default:
		return KIND_NONE;
	}
}

long syscall(long number, ...)
{
	const enum kind kind = kind_of_call(number);
	long argument[6];
	va_list list;

	REAL(syscall);
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	if (kind != KIND_NONE && fails(kind))
		return -1;
	return real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

/* io_uring. An operation that is to fail is submitted as one that does nothing, and its completion gets the error. */

static __thread struct {
	struct io_uring *ring;
	unsigned seen;      /* submission entries */
	bool due;
	uint64_t user_data;
	int result;
} operation;

static enum kind kind_of_operation(uint8_t opcode)
{
	switch (opcode) {
	case IORING_OP_ACCEPT:
		return KIND_URING_ACCEPT;
	case IORING_OP_CONNECT:
		return KIND_URING_CONNECT;
	case IORING_OP_RECV:
	case IORING_OP_READ:
		return KIND_URING_RECV;
	case IORING_OP_SEND:
	case IORING_OP_SENDMSG:
	case IORING_OP_SEND_ZC:
	case IORING_OP_WRITEV:
		return KIND_URING_SEND;
	case IORING_OP_POLL_ADD:
		return KIND_URING_POLL;
	default:
		return KIND_NONE;
	}
}

static void look_at(struct io_uring_sqe *sqe)
{
	const enum kind kind = kind_of_operation(sqe->opcode);

	if (kind == KIND_NONE)
		return;
	switch (outcome_of(kind)) {
	case PASS:
		return;
	case SHORT:
		if (sqe->opcode == IORING_OP_SEND || sqe->opcode == IORING_OP_RECV || sqe->opcode == IORING_OP_READ)
			sqe->len = (uint32_t)fewer(sqe->len);
		return;
	case FAIL:
		break;
	}
	operation.due = true;
	operation.user_data = sqe->user_data;
	if (kind == KIND_URING_SEND)
		reset(sqe->fd);
	operation.result = -errno;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_NOP;
	sqe->fd = -1;
	sqe->user_data = operation.user_data;
}

static void look_at_new(struct io_uring *ring)
{
	if (operation.ring != ring) {
		operation.ring = ring;
		operation.seen = ring->sq.sqe_head;
	}
	while (operation.seen != ring->sq.sqe_tail)
		look_at(&ring->sq.sqes[operation.seen++ & *ring->sq.kring_mask]);
}

static void complete(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned head;

	if (!operation.due)
		return;
	io_uring_for_each_cqe(ring, head, cqe) {
		if (cqe->user_data != operation.user_data || cqe->res != 0 || cqe->flags != 0)
			continue;
		cqe->res = operation.result;
		operation.due = false;
		return;
	}
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
	REAL(io_uring_queue_init_params);
	return fails(KIND_URING_SETUP) ? -errno : real(entries, ring, params);
}

int io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *reg, unsigned flags)
{
	REAL(io_uring_register_buf_ring);
	return fails(KIND_URING_SETUP) ? -errno : real(ring, reg, flags);
}

int io_uring_register_ring_fd(struct io_uring *ring)
{
	REAL(io_uring_register_ring_fd);
	return fails(KIND_URING_SETUP) ? -errno : real(ring);
}

int io_uring_submit(struct io_uring *ring)
{
	REAL(io_uring_submit);
	look_at_new(ring);
	return fails(KIND_URING_ENTER) ? -errno : real(ring);
}

int io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned count, struct __kernel_timespec *limit,
                                     sigset_t *mask)
{
	int result;

	REAL(io_uring_submit_and_wait_timeout);
	look_at_new(ring);
	if (fails(KIND_URING_ENTER))
		return -errno;
	result = real(ring, cqe, count, limit, mask);
	complete(ring);
	return result;
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
	int result;

	REAL(io_uring_submit_and_wait);
	look_at_new(ring);
	if (fails(KIND_URING_ENTER))
		return -errno;
	result = real(ring, count);
	complete(ring);
	return result;
}

static int find_base(struct dl_phdr_info *info, size_t size, void *argument)
{
	(void)size;
	(void)argument;
	base = info->dlpi_addr;
	return 1; /* the program comes first */
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TUX_FAULTS");
	void *frame[2];
	void *page;
	int fd;

	self = (uint32_t)getpid();
	dl_iterate_phdr(find_base, NULL);
	backtrace(frame, 2); /* loads what it needs */
	begun = true;
	if (path == NULL)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		abort();
	close(fd);
	memcpy(((struct control *)page)->name, names, sizeof(names));
	((struct control *)page)->kinds = KINDS;
	__atomic_store_n(&control, page, __ATOMIC_SEQ_CST);
}
