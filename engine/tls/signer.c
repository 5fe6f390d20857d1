/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signer.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../config.h"
#include "../io/clock.h"

enum { MAX_STRAYS = 16 }; /* replies to other requests that are skipped in a row; more are nonsense */

enum reason { REASON_ENDED = 100, REASON_TIME, REASON_REFUSED, REASON_THREADS, REASON_NONSENSE };

static ERR_STRING_DATA texts[] = {
	{ ERR_PACK(0, 0, REASON_ENDED), "the process that holds the keys has ended" },
	{ ERR_PACK(0, 0, REASON_TIME), "the process that holds the keys does not respond" },
	{ ERR_PACK(0, 0, REASON_REFUSED), "the process that holds the keys does not sign this" },
	{ ERR_PACK(0, 0, REASON_THREADS), "the thread has no socket to the process that holds the keys" },
	{ ERR_PACK(0, 0, REASON_NONSENSE), "the process that holds the keys sends nonsense" },
	{ 0, NULL },
};

/* The sockets of this process. */
static struct {
	int library; /* of errors */
	int fd[TUX_MAX_THREADS];
	unsigned count;
	unsigned taken; /* threads that have a socket, or would like one; atomic */
	int lost_fd;
	uint64_t lost_ms; /* time without a reply after which the process has to be replaced */
	bool lost;      /* lost_fd was written to; atomic */
} own;

/* The socket and the last request of the calling thread. */
static _Thread_local struct {
	unsigned place; /* of its socket, from 1 on; 0: it has none yet */
	uint32_t id;    /* of its last request */
	uint64_t asked_ms; /* time of that, of clock_ms() */
	bool overdue;   /* the reply to that has not arrived in time */
} mine;

static bool fail(enum reason reason)
{
	ERR_raise(own.library, (int)reason);
	return false;
}

bool tux_tls_signer_open(const int *fd, unsigned count, int lost_fd, uint32_t slowest_us)
{
	const uint64_t slow_ms = (uint64_t)slowest_us * TLS_SIGN_TIMES / 1000, limit_ms = slow_ms > TLS_SIGN_MS ? slow_ms : TLS_SIGN_MS;
	const struct timeval limit = { .tv_sec = (time_t)(limit_ms / 1000), .tv_usec = (suseconds_t)(limit_ms % 1000 * 1000) };

	own.lost_fd = lost_fd;
	own.lost_ms = TLS_SIGN_LOST * limit_ms;
	own.library = ERR_get_next_error_library();
	ERR_load_strings(own.library, texts);
	for (own.count = 0; own.count < count; own.count++) {
		if (setsockopt(fd[own.count], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
			return false;
		own.fd[own.count] = fd[own.count];
	}
	return true;
}

bool tls_signer_raised(unsigned long error)
{
	return error != 0 && own.library != 0 && ERR_GET_LIB(error) == own.library;
}

/* Notes that the reply to the last request is overdue. Reports once if it is so long overdue that the process has to be replaced. */
static void note_overdue(void)
{
	const uint64_t one = 1;

	mine.overdue = true;
	if (clock_ms() - mine.asked_ms < own.lost_ms || __atomic_exchange_n(&own.lost, true, __ATOMIC_RELAXED))
		return;
	if (write(own.lost_fd, &one, sizeof(one)) < 0)
		__atomic_store_n(&own.lost, false, __ATOMIC_RELAXED); /* the next one tries again */
}

/* Receives the reply to the last request. Returns false after raising an error. */
static bool take(int fd, struct tls_sign_reply *reply, int flags)
{
	unsigned strays = 0;
	ssize_t got;

	while (strays < MAX_STRAYS) {
		got = recv(fd, reply, sizeof(*reply), flags | MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			note_overdue();
			return fail(REASON_TIME);
		}
		if (got <= 0)
			return fail(REASON_ENDED);
		if (tls_sign_reply_valid(reply, (size_t)got) && reply->id == mine.id) {
			mine.overdue = false;
			return true;
		}
		strays++;
	}
	return fail(REASON_NONSENSE);
}

bool tls_signer_ask(struct tls_sign_request *request, struct tls_sign_reply *reply)
{
	const size_t bytes = tls_sign_request_bytes(request->len);
	ssize_t sent;
	int fd;

	if (mine.place == 0)
		mine.place = __atomic_add_fetch(&own.taken, 1, __ATOMIC_RELAXED);
	if (mine.place > own.count)
		return fail(REASON_THREADS);
	fd = own.fd[mine.place - 1];
	if (mine.overdue && !take(fd, reply, MSG_DONTWAIT))
		return false;
	request->id = ++mine.id;
	mine.asked_ms = clock_ms();
	do
		sent = send(fd, request, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent != (ssize_t)bytes)
		return fail(sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM ? REASON_ENDED : REASON_TIME);
	if (!take(fd, reply, 0))
		return false;
	return reply->len > 0 || fail(REASON_REFUSED);
}
