/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accept.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "http/conn.h"
#include "http/passing.h"
#include "slot.h"

enum {
	RETRY_ACCEPT_MS = 100, /* after running out of descriptors or memory */
	SINGLE_ACCEPTS = 64,   /* per thread: accept connections one at a time when so few are left to the limit */
};

/* Continues a connection that the kernel engine handed up. The kernel engine has already counted it. */
static void take_handed_up(struct worker *worker, const struct tux_handed_up *handed)
{
	int nonblocking = worker->ops->fd_flags == SOCK_NONBLOCK;
	struct conn *conn;

	ioctl(handed->fd, FIONBIO, &nonblocking);
	conn = conn_open(worker, handed->fd, handed->listener);
	if (conn == NULL) {
		slot_put(worker);
		return;
	}
	conn_start(conn);
	conn->from_kernel = true;
	conn->handover_failed = handed->reason == TUX_REASON_BACKEND;
	if (handed->reason == TUX_REASON_TIMEOUT)
		conn_refuse(conn, TUX_REFUSED_TIMEOUT);
	else if (handed->reason == TUX_REASON_DRAIN)
		conn_pass(conn); /* its next request is unread, and the engine that took over responds */
}

void accept_take_handed_up(struct worker *worker)
{
	enum { AT_ONCE = 32 };
	struct tux_handed_up handed[AT_ONCE];
	unsigned got;

	do {
		got = kernel_link_take(worker->kernel, handed, AT_ONCE);
		for (unsigned i = 0; i < got; i++)
			take_handed_up(worker, &handed[i]);
	} while (got == AT_ONCE);
	if (got == 0 && (errno == EMFILE || errno == ENFILE))
		files_trim(&worker->files); /* some of its objects hold descriptors */
}

void accept_switch(struct worker *worker, bool accept)
{
	worker->accepting = accept;
	worker->accept_again_ms = 0;
	for (unsigned i = 0; i < worker->acceptor_count; i++)
		if (__atomic_load_n(&worker->by_kernel[worker->acceptor[i].listener], __ATOMIC_RELAXED))
			continue;
		else if (!accept)
			worker->ops->accept_stop(worker->loop, &worker->acceptor[i]);
		else if (!worker->ops->accept(worker->loop, &worker->acceptor[i]))
			worker->accept_again_ms = worker->now_ms + RETRY_ACCEPT_MS;
}

/* Stops accepting until a retry. A timer is needed because a connection of another thread may close first. */
static void pause_accepting(struct worker *worker)
{
	if (worker->draining) /* connections in the accept queues are still accepted */
		return;
	accept_switch(worker, false);
	worker->accept_again_ms = worker->now_ms + RETRY_ACCEPT_MS;
}

void accept_resume(struct worker *worker)
{
	for (struct conn *conn = worker->conns; conn != NULL && worker->parked > 0; conn = conn->next) {
		if (!conn->parked || conn->state == CONN_CLOSED)
			continue;
		if (!slot_take(worker))
			break;
		conn->parked = false;
		worker->parked--;
		conn_start(conn);
	}
	if (worker->draining)
		return;
	if (slot_none(worker))
		pause_accepting(worker);
	else
		accept_switch(worker, true);
}

/* Opens an accepted connection. Over the limit it waits unread until another connection closes. */
static void take_accepted(struct worker *worker, int fd, unsigned listener, bool from_kernel)
{
	struct conn *conn = conn_open(worker, fd, listener);

	if (conn == NULL)
		return;
	conn->from_kernel = from_kernel;
	if (slot_take(worker)) {
		conn_start(conn);
	} else {
		conn->parked = true;
		worker->parked++;
	}
}

static void on_accepted(void *owner, struct acceptor *acceptor, int fd)
{
	struct worker *worker = owner;

	if (fd >= 0) {
		count(&worker->counters.connections, 1);
		take_accepted(worker, fd, acceptor->listener, false);
		if (slot_none(worker))
			pause_accepting(worker);
	} else if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS) {
		files_trim(&worker->files); /* some of its objects hold descriptors */
		pause_accepting(worker);
	}
}

static bool accept_singly(void *owner)
{
	const struct worker *worker = owner;

	return __atomic_load_n(worker->active, __ATOMIC_RELAXED) + SINGLE_ACCEPTS * worker->config->threads >
	       worker->config->max_connections;
}

static bool connects(void *owner)
{
	const struct worker *worker = owner;

	return worker->config->upstream_count > 0;
}

void accept_take_passed(struct worker *worker)
{
	int nonblocking = worker->ops->fd_flags == SOCK_NONBLOCK;
	unsigned listener;
	int fd;

	while (passing_receive(worker, &listener, &fd)) {
		if (fd < 0) { /* out of descriptors: the kernel has closed this one, but free some for the next */
			files_trim(&worker->files);
			continue;
		}
		if (listener == TUX_MAX_LISTENERS) { /* its listener is no longer configured */
			close(fd);
			continue;
		}
		ioctl(fd, FIONBIO, &nonblocking);
		count(&worker->counters.connections, 1);
		take_accepted(worker, fd, listener, worker->by_kernel[listener]);
	}
}

const struct loop_events accept_events = {
	.accepted = on_accepted,
	.accept_singly = accept_singly,
	.connects = connects,
};
