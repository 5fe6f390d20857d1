/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Postponed requests. A request is known by the inode of its socket, because other processes may have it at another number. */
#include "historic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_MESSAGES = 64 /* at a time */ };

/* Returns the inode of a socket; 0 with errno. */
static uint64_t inode_of(int fd)
{
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		return st.st_ino;
	errno = EINVAL;
	return 0;
}

void postpone(struct request *request)
{
	struct request **const bucket = &library.postponed[request->inode % POSTPONED_BUCKETS];
	const bool early = library.early_inode == request->inode;

	library.current_inode = library.early_inode = 0;
	if (early) {
		request_queue(request);
		return;
	}
	request->next = *bucket;
	*bucket = request;
}

/* Queues a postponed request. Returns false if no request with this socket is postponed. */
static bool queue_again(uint64_t inode)
{
	struct request **at = &library.postponed[inode % POSTPONED_BUCKETS];
	struct request *request;

	pthread_mutex_lock(&library.lock);
	while (*at != NULL && (*at)->inode != inode)
		at = &(*at)->next;
	request = *at;
	if (request != NULL) {
		*at = request->next;
		request_queue(request);
	}
	pthread_mutex_unlock(&library.lock);
	return request != NULL;
}

/*
 * Remembers that another process continues a request that its own handler has not postponed yet: that process cannot see it, and has got a 0.
 * Returns false if the handler does not run for this request.
 */
static bool remember(uint64_t inode)
{
	bool runs;

	pthread_mutex_lock(&library.lock);
	runs = library.current_inode == inode;
	if (runs)
		library.early_inode = inode;
	pthread_mutex_unlock(&library.lock);
	return runs;
}

/* Returns the pipe to the process of the module; -1: unknown. A program that the module executes has its number in the environment. */
static int control_fd(void)
{
	const char *number;

	if (library.pid != 0)
		return library.control[1];
	number = getenv("TUX_CONTROL");
	return number != NULL ? (int)strtol(number, NULL, 10) : -1;
}

int continue_request(int fd)
{
	const uint64_t inode = inode_of(fd);

	if (inode == 0)
		return -1;
	if (getpid() == library.pid) {
		if (queue_again(inode))
			return 0;
	} else if (write(control_fd(), &inode, sizeof(inode)) == (ssize_t)sizeof(inode)) { /* atomic: pipe(7) */
		return 0;
	}
	errno = EINVAL;
	return -1;
}

void control_read(void)
{
	uint64_t inode;

	for (int i = 0; i < MAX_MESSAGES && read(library.control[0], &inode, sizeof(inode)) == (ssize_t)sizeof(inode); i++)
		if (!queue_again(inode) && !remember(inode))
			say(TUX_LOG_WARNING, "another process continues a request that is not postponed");
}
