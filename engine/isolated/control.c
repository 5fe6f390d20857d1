/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 2 * CONTROL_GROUP };

bool control_send(int fd, const void *message, size_t len, const int *fds, unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * MOST)] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)message, len };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > MOST) {
		errno = E2BIG;
		return false;
	}
	if (count > 0) {
		struct cmsghdr *passed = (struct cmsghdr *)control;

		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		passed->cmsg_level = SOL_SOCKET;
		passed->cmsg_type = SCM_RIGHTS;
		passed->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(passed), fds, sizeof(int) * count);
	}
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

int control_receive(int fd, void *message, size_t size, int *fds, unsigned most, unsigned *count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * MOST)];
	struct iovec iov = { message, size };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t len;

	*count = 0;
	do
		len = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	for (struct cmsghdr *one = len >= 0 ? CMSG_FIRSTHDR(&header) : NULL; one != NULL; one = CMSG_NXTHDR(&header, one)) {
		const size_t got = one->cmsg_len >= CMSG_LEN(0) ? (one->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < got; i++) {
			int passed;

			memcpy(&passed, CMSG_DATA(one) + i * sizeof(int), sizeof(passed));
			if (*count < most)
				fds[(*count)++] = passed;
			else
				close(passed);
		}
	}
	if (len >= 0 && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		while (*count > 0)
			close(fds[--*count]);
		errno = EBADMSG;
		return -1;
	}
	return (int)len;
}
