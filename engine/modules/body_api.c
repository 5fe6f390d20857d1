/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "body_api.h"

#include <errno.h>

int64_t api_req_body_length(const struct tux_req *call)
{
	if (!call_is_owned(call, "tux_req_body_length"))
		return -EPERM;
	return call->head->framing == TUX_FRAMING_CHUNKED ? -1 : (int64_t)call->head->content_length;
}

/* Returns 0 if the module may read the body, or a negative errno. */
static int check(const struct tux_req *call, const char *function)
{
	if (!call_is_owned(call, function))
		return -EPERM;
	return call->reads || call->upgraded ? 0 : -EINVAL;
}

int api_req_body_read(struct tux_req *call, void *to, uint32_t size)
{
	int taken = check(call, "tux_req_body_read");

	if (taken != 0)
		return taken;
	if (call_is_gone(call))
		return -ESTALE;
	if (size == 0)
		return -EINVAL;
	taken = body_queue_take(&call->queue, to, size);
	if (taken == -EAGAIN || (taken > 0 && body_queue_is_full(&call->queue))) /* the client may have to be asked for more */
		call_wake(call);
	return taken;
}

int api_resume_on_body(struct tux_req *call)
{
	int error = check(call, "tux_resume_on_body");

	if (error == 0)
		error = call_take_back(call, "tux_resume_on_body");
	return error != 0 ? error : call_give_back(call, UNTIL_BODY);
}
