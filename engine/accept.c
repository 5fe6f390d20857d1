/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "files/lookup.h"
#include "http/conn_return.h"

enum {
	RETRY_ACCEPT_MS = 100, /* after running out of descriptors or memory */
	SINGLE_ACCEPTS = 64,   /* per thread: accept connections one at a time when so few are left to the limit */
};

bool accept_open(struct accept *accept, unsigned index)
{
	const struct tux_engine_config *config = accept->thread->config;
	unsigned sockets = 0;

	for (unsigned i = 0; i < config->listener_count; i++)
		sockets += config->listeners[i].count;
	accept->acceptor = calloc(sockets, sizeof(*accept->acceptor));
	if (accept->acceptor == NULL)
		return false;
	for (unsigned i = 0; i < config->listener_count; i++) {
		const struct tux_listener *listener = &config->listeners[i];

		for (unsigned fd = index % listener->count; fd < listener->count; fd += config->threads) {
			accept->acceptor[accept->count].listener = (uint8_t)i;
			accept->acceptor[accept->count].shared = listener->count < config->threads;
			accept->acceptor[accept->count++].fd = listener->fd[fd];
		}
	}
	return true;
}

/* Makes a socket from elsewhere blocking or not, as the loop needs it. */
static void set_mode(const struct thread *thread, int fd)
{
	int nonblocking = thread->ops->fd_flags == SOCK_NONBLOCK;

	ioctl(fd, FIONBIO, &nonblocking);
}

/* Returns a copy of the target that comes with a connection, malloc'ed; NULL: it has none, or out of memory. */
static struct chosen_target *chosen_of(const struct tux_handed_up *handed)
{
	const size_t bytes = (size_t)handed->target_len + handed->fields_len;
	struct chosen_target *chosen;

	if (handed->target_len == 0)
		return NULL;
	chosen = malloc(sizeof(*chosen) + bytes);
	if (chosen == NULL)
		return NULL;
	chosen->target_len = handed->target_len;
	chosen->lines_len = handed->fields_len;
	memcpy(chosen->text, handed->text, bytes);
	return chosen;
}

/* Continues a connection that the kernel engine handed up. The kernel engine has already counted it. */
static void take_handed_up(struct accept *accept, const struct tux_handed_up *handed)
{
	const uint32_t reason = handed->reason & ~(uint32_t)TUX_REASON_DECLINED;
	struct conn *conn;

	set_mode(accept->thread, handed->fd);
	conn = conn_open(accept->conns, handed->fd, handed->listener);
	if (conn == NULL) {
		slot_put(&accept->conns->slots);
		return;
	}
	conn_start(conn);
	conn->from_kernel = true;
	conn->kernel_reason = (uint8_t)reason;
	conn->kernel_declined = handed->reason & TUX_REASON_DECLINED;
	conn->chosen = chosen_of(handed);
	conn->chosen_lost = handed->target_len > 0 && conn->chosen == NULL;
	if (reason == TUX_REASON_TIMEOUT)
		conn_refuse(conn, TUX_REFUSED_TIMEOUT);
	else if (reason == TUX_REASON_DRAIN)
		conn_pass(conn); /* its next request is unread, and the engine that took over responds, unless a module of the kernel has decided already */
}

void accept_take_handed_up(struct accept *accept)
{
	uint32_t room[KERNEL_LINK_ROOM / sizeof(uint32_t)];
	const struct tux_handed_up *handed;
	size_t got;

	do {
		size_t at = 0;

		got = kernel_link_take(accept->conns->slots.kernel, room);
		while ((handed = kernel_link_next(room, got, &at)) != NULL)
			take_handed_up(accept, handed);
	} while (got >= KERNEL_LINK_AT_ONCE * sizeof(*handed));
	accept->take_again_ms = 0;
	if (got > 0 || errno == EAGAIN || errno == EINTR)
		return;
	accept->take_again_ms = accept->thread->now_ms + RETRY_ACCEPT_MS;
	if (errno == EMFILE || errno == ENFILE)
		files_trim(accept->thread->files); /* some of its objects hold descriptors */
}

void accept_switch(struct accept *accept, bool wanted)
{
	struct thread *thread = accept->thread;

	accept->accepting = wanted;
	accept->again_ms = 0;
	for (unsigned i = 0; i < accept->count; i++)
		if (__atomic_load_n(&accept->by_kernel[accept->acceptor[i].listener], __ATOMIC_RELAXED))
			continue;
		else if (!wanted)
			thread->ops->accept_stop(thread->loop, &accept->acceptor[i]);
		else if (!thread->ops->accept(thread->loop, &accept->acceptor[i]))
			accept->again_ms = thread->now_ms + RETRY_ACCEPT_MS;
}

/* Stops accepting until a retry. A timer is needed because a connection of another thread may close first. */
static void pause_accepting(struct accept *accept)
{
	if (accept->thread->draining) /* connections in the accept queues are still accepted */
		return;
	accept_switch(accept, false);
	accept->again_ms = accept->thread->now_ms + RETRY_ACCEPT_MS;
}

void accept_resume(struct accept *accept)
{
	conns_unpark(accept->conns);
	if (accept->thread->draining)
		return;
	if (slots_left(&accept->conns->slots) == 0 || accept->conns->parked > 0)
		pause_accepting(accept);
	else
		accept_switch(accept, true);
}

/* Opens an accepted connection. Over the limit it waits unread until another connection closes. for_kernel: the kernel engine is to have it. */
static void take_accepted(struct accept *accept, int fd, unsigned listener, bool for_kernel)
{
	struct conn *conn = conn_open(accept->conns, fd, listener);

	if (conn == NULL)
		return;
	conn->from_kernel = for_kernel;
	conn->gives = for_kernel ? CONN_GIVES : 0;
	if (slot_take(&accept->conns->slots, accept->thread->draining))
		conn_start(conn);
}

static void on_accepted(void *owner, struct acceptor *acceptor, int fd)
{
	struct accept *accept = owner;

	if (fd >= 0) {
		count(&accept->thread->counters.connections, 1);
		take_accepted(accept, fd, acceptor->listener, false);
		if (slots_left(&accept->conns->slots) == 0)
			pause_accepting(accept);
	} else if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS) {
		files_trim(accept->thread->files); /* some of its objects hold descriptors */
		pause_accepting(accept);
	}
}

static bool accept_singly(void *owner)
{
	const struct accept *accept = owner;

	return slots_left(&accept->conns->slots) < SINGLE_ACCEPTS * accept->thread->config->threads;
}

static bool connects(void *owner)
{
	const struct accept *accept = owner;

	return accept->thread->config->upstream_count > 0;
}

/*
 * Gives a connection that the process before has passed to the kernel engine, before anything is read of it: only the kernel engine may have the module of its
 * next request. Returns false if the kernel engine does not take it now: conn_start() tries again.
 */
static bool give_passed(struct accept *accept, int *fd, unsigned listener)
{
	const struct slots *slots = &accept->conns->slots;
	bool given;

	if (!slot_take(slots, accept->thread->draining))
		return false;
	given = kernel_link_give(slots->kernel, fd, listener);
	slot_put(slots); /* the kernel engine has counted it itself */
	return given;
}

void accept_take_passed(struct accept *accept)
{
	unsigned listener;
	bool of_kernel;
	int fd;

	while (passing_receive(accept->conns->passing, &listener, &fd)) {
		if (fd < 0) { /* out of descriptors: the kernel has closed this one, but free some for the next */
			files_trim(accept->thread->files);
			continue;
		}
		if (listener == TUX_MAX_LISTENERS) { /* its listener is no longer configured */
			close(fd);
			continue;
		}
		set_mode(accept->thread, fd);
		count(&accept->thread->counters.connections, 1);
		of_kernel = __atomic_load_n(&accept->by_kernel[listener], __ATOMIC_RELAXED);
		if (!of_kernel || !give_passed(accept, &fd, listener))
			take_accepted(accept, fd, listener, of_kernel);
	}
	if (accept->conns->parked > 0)
		pause_accepting(accept); /* a timer lets them start: no event comes for a connection that the kernel engine closes */
}

/* Accepts all connections in the accept queues: closing the sockets would reset them. */
static void accept_rest(struct accept *accept)
{
	const int flags = SOCK_CLOEXEC | accept->thread->ops->fd_flags;

	for (unsigned i = 0; i < accept->count; i++) {
		int fd;

		while ((fd = accept4(accept->acceptor[i].fd, NULL, NULL, flags)) >= 0 || errno == EINTR)
			if (fd >= 0)
				on_accepted(accept, &accept->acceptor[i], fd);
	}
}

void accept_close(struct accept *accept)
{
	const struct tux_engine_config *config = accept->thread->config;
	bool last;

	if (accept->count == 0)
		return;
	last = __atomic_sub_fetch(accept->threads, 1, __ATOMIC_ACQ_REL) == 0;
	for (unsigned i = 0; i < accept->count; i++)
		if (!accept->acceptor[i].shared)
			close(accept->acceptor[i].fd);
	for (unsigned i = 0; last && i < config->listener_count; i++)
		for (unsigned fd = 0; config->listeners[i].count < config->threads && fd < config->listeners[i].count; fd++)
			close(config->listeners[i].fd[fd]);
	accept->count = 0;
}

bool accept_end(struct accept *accept)
{
	for (unsigned i = 0; i < accept->count; i++)
		if (accept->acceptor[i].armed)
			return false;
	accept_rest(accept);
	accept_resume(accept);
	accept_close(accept);
	return true;
}

const struct loop_events accept_events = {
	.accepted = on_accepted,
	.accept_singly = accept_singly,
	.connects = connects,
};
