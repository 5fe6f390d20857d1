/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spawner_client.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

bool tux_spawn_start_read(uint8_t *message, size_t len, struct tux_spawn_request *request)
{
	struct tux_spawn_start *const start = &request->start;
	uint8_t *const text = message + sizeof(*start);

	memset(start, 0, sizeof(*start));
	request->path = NULL;
	request->strings = 0;
	if (len < sizeof(*start))
		return false;
	memcpy(start, message, sizeof(*start));
	len -= sizeof(*start);
	if (len > TUX_SPAWN_MAX_TEXT || !tux_spawn_start_valid(start, text, (uint32_t)len))
		return false;
	request->path = (char *)text;
	for (uint32_t at = start->path_len + 1, bytes; at < len; at += bytes + 1) {
		bytes = tux_spawn_variable(text, (uint32_t)len, at);
		if (bytes == 0 || request->strings == TUX_SPAWN_MAX_STRINGS)
			return false;
		request->string[request->strings++] = (char *)text + at;
	}
	return true;
}

bool tux_spawn_environment_allowed(const struct tux_spawn_request *request)
{
	for (unsigned i = 0; i < request->strings; i++)
		if (!tux_spawn_variable_allowed((const uint8_t *)request->string[i], (uint32_t)strlen(request->string[i])))
			return false;
	return true;
}

bool tux_spawn_kill_read(const uint8_t *message, size_t len, struct tux_spawn_kill *order)
{
	memset(order, 0, sizeof(*order));
	if (len != sizeof(*order))
		return false;
	memcpy(order, message, sizeof(*order));
	return tux_spawn_kill_valid(order);
}

bool tux_spawn_time_read(const uint8_t *message, size_t len, struct tux_spawn_time *order)
{
	memset(order, 0, sizeof(*order));
	if (len != sizeof(*order))
		return false;
	memcpy(order, message, sizeof(*order));
	return tux_spawn_time_valid(order);
}

bool tux_spawn_result_read(const uint8_t *message, size_t len, struct tux_spawn_result *result)
{
	memset(result, 0, sizeof(*result));
	if (len != sizeof(*result))
		return false;
	memcpy(result, message, sizeof(*result));
	return tux_spawn_result_valid(result);
}

/* Returns the status for a script that was not found. A lack of resources is 503, not 403. */
static unsigned script_status(uint32_t error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		return 503;
	case EIO:
		return 500;
	default:
		return 403;
	}
}

unsigned tux_spawn_failure_status(const struct tux_spawn_result *result)
{
	switch (result->step) {
	case TUX_SPAWN_AT_LIMIT:
	case TUX_SPAWN_AT_KILL:
	case TUX_SPAWN_AT_FORK:
		return 503;
	case TUX_SPAWN_AT_SCRIPT:
		return script_status(result->error);
	case TUX_SPAWN_AT_EXEC:
		if (result->error == EACCES)
			return 403;
		return result->error == EAGAIN || result->error == ENOMEM ? 503 : 500;
	default:
		return 500;
	}
}

const char *tux_spawn_step_text(uint32_t step)
{
	static const char *const texts[TUX_SPAWN_STEPS] = {
		[TUX_SPAWN_AT_NOTHING] = "did start",
		[TUX_SPAWN_AT_MESSAGE] = "was asked for in a way that is not permitted",
		[TUX_SPAWN_AT_LIMIT] = "had to wait for too many others",
		[TUX_SPAWN_AT_KILL] = "was not wanted any more",
		[TUX_SPAWN_AT_FORK] = "could not be given a process",
		[TUX_SPAWN_AT_STREAMS] = "could not be given its streams",
		[TUX_SPAWN_AT_RLIMIT] = "could not be given its limits",
		[TUX_SPAWN_AT_CHROOT] = "could not change its root directory",
		[TUX_SPAWN_AT_USER] = "could not change to its user",
		[TUX_SPAWN_AT_ROOT] = "has a directory of scripts that could not be opened",
		[TUX_SPAWN_AT_SCRIPT] = "was not found or may not be executed",
		[TUX_SPAWN_AT_DIRECTORY] = "could not change to its directory",
		[TUX_SPAWN_AT_EXEC] = "could not be executed",
	};

	return step < TUX_SPAWN_STEPS ? texts[step] : "failed";
}

bool spawner_open(struct spawner *spawner, int fd)
{
	int buffer = 0;
	socklen_t len = sizeof(buffer);

	spawner->source.fd = fd;
	spawner->last_id = 0;
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &len) < 0)
		return false;
	spawner->room_bytes = buffer / 2;
	return true;
}

/* Maps an errno of sendmsg(2) to the errors of spawner_start(). */
static int send_error(int error)
{
	switch (error) {
	case ECONNRESET:
	case ENOTCONN:
	case EBADF:
		return EPIPE;
	case ENOBUFS:
	case ENOMEM:
	case ETOOMANYREFS: /* too many descriptors of this user are in flight */
		return EAGAIN;
	default:
		return error;
	}
}

int spawner_start(struct spawner *spawner, const struct spawn_order *order, uint64_t *id)
{
	static const uint8_t end = '\0';
	struct tux_spawn_start start = {
		.kind = TUX_SPAWN_START, .rule = order->rule, .id = spawner->last_id + 1, .path_len = order->path_len,
		.prefix_len = order->prefix_len,
	};
	struct iovec iov[] = {
		{ &start, sizeof(start) }, { (void *)(uintptr_t)order->path, order->path_len }, { (void *)(uintptr_t)&end, 1 },
		{ (void *)(uintptr_t)order->environment, order->environment_len },
	};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(order->fd))] = { 0 };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 4, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *const passed = CMSG_FIRSTHDR(&message);
	int unread = 0;

	*id = 0;
	if (spawner->source.fd < 0)
		return EPIPE;
	if (order->path_len > TUX_MAX_TARGET || order->environment_len > TUX_SPAWN_MAX_TEXT - order->path_len - 1)
		return EMSGSIZE;
	if (order->environment_len > 0 && order->environment[order->environment_len - 1] != '\0')
		return EINVAL;
	if (ioctl(spawner->source.fd, SIOCOUTQ, &unread) == 0 && unread > spawner->room_bytes)
		return EAGAIN;
	start.text_len = order->path_len + 1 + order->environment_len;
	passed->cmsg_level = SOL_SOCKET;
	passed->cmsg_type = SCM_RIGHTS;
	passed->cmsg_len = CMSG_LEN(sizeof(order->fd));
	memcpy(CMSG_DATA(passed), order->fd, sizeof(order->fd));
	if (sendmsg(spawner->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return send_error(errno);
	*id = ++spawner->last_id;
	return 0;
}

static bool order_send(const struct spawner *spawner, const void *order, size_t len)
{
	return spawner->source.fd >= 0 && send(spawner->source.fd, order, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

bool spawner_kill(struct spawner *spawner, uint64_t id)
{
	const struct tux_spawn_kill order = { .kind = TUX_SPAWN_KILL, .id = id };

	return order_send(spawner, &order, sizeof(order));
}

bool spawner_time(struct spawner *spawner, uint64_t id, uint32_t more_ms)
{
	const struct tux_spawn_time order = { .kind = TUX_SPAWN_TIME, .more_ms = more_ms, .id = id };

	return order_send(spawner, &order, sizeof(order));
}

enum spawner_news spawner_read(struct spawner *spawner, struct tux_spawn_result *result)
{
	uint8_t message[sizeof(*result) + 1]; /* one more byte, to detect a message that is too long */
	ssize_t len;

	memset(result, 0, sizeof(*result));
	if (spawner->source.fd < 0)
		return SPAWNER_GONE;
	do
		len = recv(spawner->source.fd, message, sizeof(message), MSG_DONTWAIT);
	while (len < 0 && errno == EINTR);
	if (len < 0 && errno == EAGAIN)
		return SPAWNER_NOTHING;
	if (len <= 0 || !tux_spawn_result_read(message, (size_t)len, result)) {
		spawner->source.fd = -1;
		return SPAWNER_GONE;
	}
	return SPAWNER_RESULT;
}
