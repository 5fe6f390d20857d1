/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A preloaded library that makes chosen calls hang, as on a failed file system or resolver, or fail. The test and all processes of the
 * program share a page: the test writes the calls that hang and reads their number.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	HANG_OPEN = 1,  /* a file or directory is opened */
	HANG_WATCH = 2, /* a directory is watched for one event, as for a listing */
	HANG_NAMES = 4, /* a name is resolved */
	HANG_READ = 8,  /* bytes of a file are read, or sent by sendfile(2): they are not in the page cache */
	FAIL_ACCEPT = 16, /* a connection to a Unix socket is accepted: fails with ENOMEM */
	HANG_POLL = 32, /* poll() of more than three descriptors returns with news of the first two: of a worker or the spawner to the thread of isolated modules */
};

/* test/system/hang.py reads and writes the same layout. */
struct control {
	uint32_t calls; /* HANG_... and FAIL_... */
	uint32_t hung;  /* calls that hang now, and all that have failed */
	uint64_t inode; /* inode of the file or directory */
	uint64_t from;  /* HANG_READ: the first byte that is not in the page cache */
};

static struct control nowhere;
static struct control *control = &nowhere;

static void *find(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	return found;
}

static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("HANG_PAGE");
	const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page = fd >= 0 ? mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (page != MAP_FAILED)
		control = page;
	if (fd >= 0)
		close(fd);
}

static bool chosen(uint32_t call)
{
	return (__atomic_load_n(&control->calls, __ATOMIC_ACQUIRE) & call) != 0;
}

static void hang(uint32_t call)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	__atomic_add_fetch(&control->hung, 1, __ATOMIC_SEQ_CST);
	while (chosen(call))
		nanosleep(&pause, NULL);
	__atomic_sub_fetch(&control->hung, 1, __ATOMIC_SEQ_CST);
}

static bool is_file(int at, const char *path)
{
	struct stat st;

	return fstatat(at, path, &st, 0) == 0 && st.st_ino == control->inode;
}

int openat64(int at, const char *path, int flags, ...)
{
	static int (*real)(int, const char *, int, ...);
	mode_t mode = 0;
	va_list list;

	if (real == NULL)
		real = (int (*)(int, const char *, int, ...))find("openat64");
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
	}
	if (chosen(HANG_OPEN) && is_file(at, path))
		hang(HANG_OPEN);
	return real(at, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	mode_t mode = 0;
	va_list list;

	if (real == NULL)
		real = (int (*)(const char *, int, ...))find("open64");
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(list, flags);
		mode = va_arg(list, mode_t);
		va_end(list);
	}
	if (chosen(HANG_OPEN) && is_file(AT_FDCWD, path))
		hang(HANG_OPEN);
	return real(path, flags, mode);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	static int (*real)(int, const char *, uint32_t);

	if (real == NULL)
		real = (int (*)(int, const char *, uint32_t))find("inotify_add_watch");
	if (chosen(HANG_WATCH) && (mask & IN_ONESHOT) && is_file(AT_FDCWD, path))
		hang(HANG_WATCH);
	return real(fd, path, mask);
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (real == NULL)
		real = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))find("getaddrinfo");
	if (chosen(HANG_NAMES) && !(hints != NULL && (hints->ai_flags & AI_NUMERICHOST)))
		hang(HANG_NAMES);
	return real(host, port, hints, found);
}

/* True if bytes before end of a file are not in the page cache. */
static bool is_cold(int fd, off64_t end)
{
	struct stat st;

	return chosen(HANG_READ) && (uint64_t)end > control->from && fstat(fd, &st) == 0 && st.st_ino == control->inode;
}

ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t off, int flags)
{
	static ssize_t (*real)(int, const struct iovec *, int, off64_t, int);

	if (real == NULL)
		real = (ssize_t(*)(int, const struct iovec *, int, off64_t, int))find("preadv64v2");
	if (is_cold(fd, off + (off64_t)iov->iov_len) && (flags & RWF_NOWAIT)) {
		errno = EAGAIN;
		return -1;
	}
	if (is_cold(fd, off + (off64_t)iov->iov_len))
		hang(HANG_READ);
	return real(fd, iov, count, off, flags);
}

ssize_t pread64(int fd, void *data, size_t len, off64_t off)
{
	static ssize_t (*real)(int, void *, size_t, off64_t);

	if (real == NULL)
		real = (ssize_t(*)(int, void *, size_t, off64_t))find("pread64");
	if (is_cold(fd, off + (off64_t)len))
		hang(HANG_READ);
	return real(fd, data, len, off);
}

ssize_t readahead(int fd, off64_t off, size_t len)
{
	static ssize_t (*real)(int, off64_t, size_t);

	if (real == NULL)
		real = (ssize_t(*)(int, off64_t, size_t))find("readahead");
	if (is_cold(fd, off + (off64_t)len))
		hang(HANG_READ);
	return real(fd, off, len);
}

ssize_t sendfile64(int to, int fd, off64_t *off, size_t len)
{
	static ssize_t (*real)(int, int, off64_t *, size_t);

	if (real == NULL)
		real = (ssize_t(*)(int, int, off64_t *, size_t))find("sendfile64");
	if (off != NULL && is_cold(fd, *off + (off64_t)len))
		hang(HANG_READ);
	return real(to, fd, off, len);
}

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	static int (*real)(int, struct sockaddr *, socklen_t *, int);
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (real == NULL)
		real = (int (*)(int, struct sockaddr *, socklen_t *, int))find("accept4");
	if (chosen(FAIL_ACCEPT) && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX) {
		__atomic_add_fetch(&control->hung, 1, __ATOMIC_SEQ_CST);
		errno = ENOMEM;
		return -1;
	}
	return real(fd, address, len, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	static int (*real)(struct pollfd *, nfds_t, int);
	int found;

	if (real == NULL)
		real = (int (*)(struct pollfd *, nfds_t, int))find("poll");
	found = real(fds, count, timeout);
	if (found > 0 && count > 3 && (fds[0].revents != 0 || fds[1].revents != 0) && chosen(HANG_POLL))
		hang(HANG_POLL);
	return found;
}
