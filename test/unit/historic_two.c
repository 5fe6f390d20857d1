/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layout of user_req_t for modules of version 2 of the historic interface. */
#define INTERFACE_VERSION 2
#include "historic_two.h"

const size_t historic_two[HISTORIC_OFFSETS] = {
	offsetof(user_req_t, http_method), offsetof(user_req_t, sock), offsetof(user_req_t, event), offsetof(user_req_t, error),
	offsetof(user_req_t, objectlen), offsetof(user_req_t, id), offsetof(user_req_t, priv), offsetof(user_req_t, object_addr),
	offsetof(user_req_t, query), offsetof(user_req_t, objectname), offsetof(user_req_t, cookies), offsetof(user_req_t, content_type),
	offsetof(user_req_t, referer), offsetof(user_req_t, new_date), offsetof(user_req_t, post_data),
};

char *historic_two_uses(user_req_t *req)
{
	static char text[] = "text";

	req->object_addr = text;
	req->priv = req->object_addr;
	req->error = -ENOENT;
	return req->error < 0 && strcmp(inet_ntoa(req->client_host), "127.0.0.1") == 0 ? req->priv : NULL;
}
