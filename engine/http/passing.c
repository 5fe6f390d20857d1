/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { PASS_AGAIN_MS = 20 }; /* retry interval if the socket is full */

/* Payload of a message that carries a descriptor. */
struct passed {
	uint64_t listener; /* inode of its socket */
};

void passing_prepare(struct passing *passing, const struct tux_engine_config *config)
{
	struct stat st;

	for (unsigned i = 0; i < config->listener_count; i++)
		if (fstat(config->listeners[i].fd[0], &st) == 0)
			passing->inode[i] = st.st_ino;
}

void passing_open(struct passing *passing, const bool stays[TUX_MAX_LISTENERS])
{
	memcpy(passing->stays, stays, sizeof(passing->stays));
	__atomic_store_n(&passing->open, true, __ATOMIC_RELEASE);
}

bool passing_permits(const struct worker *worker, unsigned listener)
{
	const struct passing *passing = worker->passing;

	return worker->config->pass_fd >= 0 && __atomic_load_n(&passing->open, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&passing->broken, __ATOMIC_RELAXED) && !__atomic_load_n(worker->drain, __ATOMIC_RELAXED) &&
	       worker->pass_again_ms == 0 && passing->stays[listener] && passing->inode[listener] != 0;
}

bool passing_send(struct worker *worker, int fd, unsigned listener)
{
	struct passing *passing = worker->passing;
	struct passed passed = { .listener = passing->inode[listener] };
	struct iovec iov = { .iov_base = &passed, .iov_len = sizeof(passed) };
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(worker->config->pass_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(passed))
		return true;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
		worker->pass_again_ms = worker->now_ms + PASS_AGAIN_MS;
	else
		__atomic_store_n(&passing->broken, true, __ATOMIC_RELAXED);
	return false;
}

bool passing_receive(const struct worker *worker, unsigned *listener, int *fd)
{
	struct passed passed = { .listener = 0 };
	struct iovec iov = { .iov_base = &passed, .iov_len = sizeof(passed) };
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	const struct cmsghdr *header;

	*fd = -1;
	if (recvmsg(worker->config->passed_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(passed))
		return false;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	*listener = 0;
	while (*listener < worker->config->listener_count && worker->passing->inode[*listener] != passed.listener)
		++*listener;
	if (*listener == worker->config->listener_count)
		*listener = TUX_MAX_LISTENERS;
	return true;
}
