/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reply_head.h"

#include <errno.h>
#include <string.h>

#include "../../core/module_reply.h"

struct tux_octets octets_of(const char *text)
{
	const size_t len = text != NULL ? strlen(text) : 0;

	return (struct tux_octets){ (const uint8_t *)text, len < UINT32_MAX ? (uint32_t)len : UINT32_MAX };
}

int reply_head_begin(struct tux_req *call, const char *function, uint32_t status, const char *type)
{
	const struct tux_octets octets = octets_of(type);

	if (!call_is_owned(call, function))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	if (!tux_reply_head_valid(status, octets))
		return -EINVAL;
	call->status = (uint16_t)status;
	call->type.len = 0;
	return octets.len == 0 || buffer_keep(&call->type, octets.at, octets.len) ? 0 : -ENOMEM;
}
