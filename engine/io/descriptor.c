/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "descriptor.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t descriptor_receive(int socket_fd, void *message, size_t size, int *fd)
{
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(*fd))];
	struct iovec iov = { message, size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	const ssize_t len = recvmsg(socket_fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	for (struct cmsghdr *one = len >= 0 ? CMSG_FIRSTHDR(&header) : NULL; one != NULL; one = CMSG_NXTHDR(&header, one)) {
		if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(*fd) <= one->cmsg_len; at += sizeof(*fd)) {
			int passed;

			memcpy(&passed, (const unsigned char *)one + at, sizeof(passed));
			if (*fd < 0)
				*fd = passed;
			else
				close(passed);
		}
	}
	return len;
}
