/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that tells what it was asked: method, path, query and body. The query may be "decline", or the path of a file to look up. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str method = tux_req_method_text(req), path = tux_req_path(req), query = tux_req_query(req), body = tux_req_body(req);
	char text[1024];

	if (query.len == 7 && memcmp(query.at, "decline", 7) == 0)
		return TUX_DECLINE;
	if (query.len > 0 && query.at[0] == '/')
		return (enum tux_result)tux_resume_with_file(req, query.at, query.len);
	snprintf(text, sizeof(text), "%.*s %.*s?%.*s %.*s", (int)method.len, method.at, (int)path.len, path.at, (int)query.len,
	         query.at != NULL ? query.at : "", (int)body.len, body.at != NULL ? body.at : "");
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

static enum tux_result resumed(struct tux_req *req)
{
	uint64_t size;
	char text[64];

	snprintf(text, sizeof(text), "%d", tux_file(req, &size));
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

TUX_MODULE(selected, .handle = handle, .resumed = resumed);
