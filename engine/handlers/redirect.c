/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "redirect.h"

#include <string.h>

#include "../../core/target.h"
#include "error_page.h"

enum { LONGEST_PATH = 4096 }; /* bytes of a file's path: PATH_MAX */

enum response_step redirect_to_slash(struct conn *conn, const uint8_t *buf, uint16_t status, const uint8_t *path, uint32_t path_len)
{
	const struct tux_request *req = &conn->worker->request;
	struct tux_head head = response_head(conn, status);
	uint8_t location[3 * LONGEST_PATH + 1];
	uint32_t len = 0;

	if (path_len <= LONGEST_PATH)
		len = tux_target_escape(path, path_len, location, sizeof(location) - 1);
	if (len == 0)
		return error_page_status(conn, buf, 414);
	location[len++] = '/';
	head.location = location;
	head.location_len = len;
	if (req->query.len > 0) {
		head.location_query = buf + req->query.off;
		head.location_query_len = req->query.len;
	}
	return error_page_respond(conn, buf, &head, NULL);
}

enum response_step redirect_by_route(struct conn *conn, const uint8_t *buf, const struct tux_route *route, uint32_t path_len)
{
	const struct tux_request *req = &conn->worker->request;
	const struct tux_redirect *redirect = &conn->site->redirects[route->argument];
	struct tux_head head = response_head(conn, redirect->status);
	uint8_t location[3 * LONGEST_PATH + 1];
	const uint8_t *rest = conn->worker->path + route->prefix_len;
	uint32_t rest_len = path_len - route->prefix_len;
	uint32_t len = redirect->len;

	if (len == 0 || len > sizeof(location))
		return error_page_failure(conn, buf, 500, because(WHY_REDIRECT_LONG, 0));
	memcpy(location, redirect->to, len);
	if (rest_len > 0 && rest[0] == '/' && location[len - 1] == '/') { /* "//" would start a host name */
		rest++;
		rest_len--;
	}
	if (redirect->rest && rest_len > 0) {
		uint32_t escaped = tux_target_escape(rest, rest_len, location + len, (uint32_t)sizeof(location) - len);

		if (escaped == 0)
			return error_page_status(conn, buf, 414);
		len += escaped;
	}
	head.location = location;
	head.location_len = len;
	if (redirect->rest && req->query.len > 0) {
		head.location_query = buf + req->query.off;
		head.location_query_len = req->query.len;
	}
	return error_page_respond(conn, buf, &head, NULL);
}
