/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../io/descriptor.h"

/* Payload of a message that carries a descriptor. */
struct passed {
	uint64_t listener; /* inode of its socket */
};

void passing_prepare(struct passing *passing, const struct tux_engine_config *config, const bool *drain)
{
	struct stat st;

	passing->config = config;
	passing->drain = drain;
	for (unsigned i = 0; i < config->listener_count; i++)
		if (fstat(config->listeners[i].fd[0], &st) == 0)
			passing->inode[i] = st.st_ino;
}

void passing_open(struct passing *passing, const bool stays[TUX_MAX_LISTENERS])
{
	memcpy(passing->stays, stays, sizeof(passing->stays));
	__atomic_store_n(&passing->open, true, __ATOMIC_RELEASE);
}

bool passing_permits(const struct passing *passing, unsigned listener)
{
	return passing->config->pass_fd >= 0 && __atomic_load_n(&passing->open, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&passing->broken, __ATOMIC_RELAXED) && !__atomic_load_n(passing->drain, __ATOMIC_RELAXED) &&
	       passing->stays[listener] && passing->inode[listener] != 0;
}

enum passing_result passing_send(struct passing *passing, int fd, unsigned listener)
{
	struct passed passed = { .listener = passing->inode[listener] };
	struct iovec iov = { .iov_base = &passed, .iov_len = sizeof(passed) };
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(passing->config->pass_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(passed))
		return PASSING_DONE;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
		return PASSING_LATER;
	__atomic_store_n(&passing->broken, true, __ATOMIC_RELAXED);
	return PASSING_BROKEN;
}

bool passing_receive(const struct passing *passing, unsigned *listener, int *fd)
{
	struct passed passed = { .listener = 0 };
	const ssize_t len = descriptor_receive(passing->config->passed_fd, &passed, sizeof(passed), fd);

	if (len != (ssize_t)sizeof(passed)) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		return false;
	}
	*listener = 0;
	while (*listener < passing->config->listener_count && passing->inode[*listener] != passed.listener)
		++*listener;
	if (*listener == passing->config->listener_count)
		*listener = TUX_MAX_LISTENERS;
	return true;
}
