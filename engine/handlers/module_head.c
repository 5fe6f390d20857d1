/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_head.h"

#include <string.h>

struct tux_octets module_name(const struct tux_loaded *loaded)
{
	return (struct tux_octets){ (const uint8_t *)loaded->config->name, (uint32_t)strlen(loaded->config->name) };
}

bool module_head(const struct request *req, const struct tux_req *call, char *room, struct tux_head *head)
{
	*head = response_head(req, call->status);
	if (request_lines_cache((struct tux_octets){ call->fields.data, call->fields.len }))
		head->extra = tux_fields_added(req->fields, 500, req->client->secure); /* without Cache-Control of the configuration */
	if (head->extra.len + call->fields.len > MODULE_MAX_LINES)
		return false;
	if (call->fields.len > 0) {
		if (head->extra.len > 0)
			memcpy(room, head->extra.at, head->extra.len);
		head->extra.len += request_lines_kept(req, (uint8_t *)room + head->extra.len, call->fields.data, call->fields.len);
		head->extra.at = room;
	}
	head->type = (struct tux_text){ (const char *)call->type.data, call->type.len };
	return true;
}
