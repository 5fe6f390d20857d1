/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply_head.h"

#include <errno.h>
#include <string.h>

enum { MAX_TYPE = 255 }; /* bytes of a Content-Type */

int reply_head_begin(struct tux_req *call, const char *function, uint32_t status, const char *type)
{
	const size_t len = type != NULL ? strlen(type) : 0;

	if (!call_is_owned(call, function))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	if (status < 200 || status > 599 || len > MAX_TYPE)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (type[i] < 0x20 || type[i] > 0x7e)
			return -EINVAL;
	call->status = (uint16_t)status;
	call->type.len = 0;
	return len == 0 || buffer_keep(&call->type, (const uint8_t *)type, (uint32_t)len) ? 0 : -ENOMEM;
}
