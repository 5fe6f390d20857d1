/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream_api.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../upgrade.h"
#include "reply_head.h"

int api_resume_after(struct tux_req *call, uint32_t ms)
{
	const int error = call_take_back(call, "tux_resume_after");

	if (error != 0)
		return error;
	call->wait.ms = ms;
	return call_give_back(call, UNTIL_TIME);
}

int api_resume_on(struct tux_req *call, int fd, short events)
{
	static const char name[] = "tux_resume_on";
	int copy, error;

	if (!call_is_owned(call, name))
		return -EPERM;
	if (events == 0 || (events & ~(POLLIN | POLLOUT)) != 0)
		return -EINVAL;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the module may close its own at any time */
	if (copy < 0)
		return -errno;
	error = call_take_back(call, name);
	if (error != 0) {
		close(copy);
		return error;
	}
	call->wait.fd = copy;
	call->wait.events = events;
	return call_give_back(call, UNTIL_READY);
}

int api_resume_on_room(struct tux_req *call)
{
	static const char name[] = "tux_resume_on_room";
	int error;

	if (!call_is_owned(call, name))
		return -EPERM;
	if (call->reply == REPLY_NONE)
		return -EINVAL;
	error = call_take_back(call, name);
	return error != 0 ? error : call_give_back(call, UNTIL_ROOM);
}

/* True if the response has no content, whatever the method. */
static bool is_bodiless(uint32_t status)
{
	return status == 204 || status == 304;
}

int api_stream_begin(struct tux_req *call, uint32_t status, const char *type, int64_t length)
{
	int error = reply_head_begin(call, "tux_stream_begin", status, type);

	if (error != 0)
		return error;
	if (length < -1 || (length > 0 && is_bodiless(status)))
		return -EINVAL;
	if (call_is_gone(call))
		return -ESTALE;
	call->reply = REPLY_STREAM;
	error = stream_begin(&call->stream, is_bodiless(status) ? 0 : length, call->head->method == TUX_HEAD);
	call_wake(call);
	return error;
}

int api_upgrade(struct tux_req *call, const char *protocol)
{
	const size_t len = strlen(protocol);
	int error;

	if (!call_is_owned(call, "tux_upgrade"))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	if (!upgrade_is_requested(call->bytes, call->head) || len > UPGRADE_MAX_PROTOCOL ||
	    !upgrade_lists(call->bytes, call->head, (const uint8_t *)protocol, (uint32_t)len))
		return -EPROTO;
	if (call_is_gone(call))
		return -ESTALE;
	call->type.len = 0;
	if (!buffer_keep(&call->type, (const uint8_t *)protocol, (uint32_t)len))
		return -ENOMEM;
	call->status = 101;
	call->reply = REPLY_STREAM;
	call->upgraded = true;
	body_queue_open_tunnel(&call->queue);
	error = stream_begin(&call->stream, -1, false);
	call_wake(call);
	return error;
}

/* Returns 0 if the module may change its stream, or a negative errno. */
static int check(const struct tux_req *call, const char *function)
{
	if (!call_is_owned(call, function))
		return -EPERM;
	return call_is_gone(call) ? -ESTALE : 0;
}

int api_stream_write(struct tux_req *call, const void *data, uint32_t len)
{
	int taken = check(call, "tux_stream_write");

	if (taken != 0)
		return taken;
	if (data == NULL && len > 0)
		return -EINVAL;
	taken = stream_write(&call->stream, data, len);
	if (taken > 0)
		call_wake(call);
	return taken;
}

/* Lets the client see the end of the stream. */
static int ended(struct tux_req *call, int error)
{
	if (error == 0 || error == -EMSGSIZE)
		call_wake(call);
	return error;
}

int api_stream_end(struct tux_req *call)
{
	const int error = check(call, "tux_stream_end");

	return error != 0 ? error : ended(call, stream_end(&call->stream));
}

int api_stream_cut(struct tux_req *call)
{
	const int error = check(call, "tux_stream_cut");

	return error != 0 ? error : ended(call, stream_cut(&call->stream));
}
