/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preloaded: a socket never has room for a send() that does not wait. */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	static ssize_t (*next)(int, const void *, size_t, int);
	int domain = 0;
	socklen_t size = sizeof(domain);

	if ((flags & MSG_DONTWAIT) && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_INET) {
		errno = EAGAIN;
		return -1;
	}
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "send");
	return next(fd, data, len, flags);
}
