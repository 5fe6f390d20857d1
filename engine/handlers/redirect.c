/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "redirect.h"

#include <string.h>

#include "../../core/target.h"
#include "../io/print.h"
#include "error_page.h"

enum { LONGEST_PATH = 4096 }; /* bytes of a file's path: PATH_MAX */

enum response_step redirect_to_slash(struct request *req, uint16_t status, const uint8_t *path, uint32_t path_len)
{
	struct tux_head head = response_head(req, status);
	uint8_t location[3 * LONGEST_PATH + 1];
	uint32_t len = 0;

	if (path_len <= LONGEST_PATH)
		len = tux_target_escape(path, path_len, location, sizeof(location) - 1);
	if (len == 0)
		return error_page_status(req, 414);
	location[len++] = '/';
	head.location = location;
	head.location_len = len;
	if (req->head.query.len > 0) {
		head.location_query = req->bytes + req->head.query.off;
		head.location_query_len = req->head.query.len;
	}
	return error_page_respond(req, &head, NULL);
}

/* Returns the name of the request's host, without a port; the first name of the configuration if the request has no host. */
static struct tux_octets name_of(const struct request *req)
{
	const uint8_t *at = req->bytes + req->head.host.off;
	uint32_t len = req->head.host.len, end = len;

	if (len == 0)
		return (struct tux_octets){ (const uint8_t *)req->host->name, req->host->name != NULL ? (uint32_t)strlen(req->host->name) : 0 };
	while (end > 0 && at[end - 1] != ':' && at[end - 1] != ']')
		end--;
	return (struct tux_octets){ at, end > 0 && at[end - 1] == ':' ? end - 1 : len };
}

enum response_step redirect_to_https(struct request *req)
{
	const struct tux_octets name = name_of(req);
	struct tux_head head = response_head(req, 308);
	uint8_t location[TUX_MAX_HOST_NAME + 3 * LONGEST_PATH];
	char port[8] = "";
	uint32_t len, escaped = 0;

	if (name.len == 0 || name.len > TUX_MAX_HOST_NAME)
		return error_page_status(req, 400);
	if (req->host->https_port != 443)
		print(port, sizeof(port), ":%u", req->host->https_port);
	len = (uint32_t)print((char *)location, sizeof(location), "https://%.*s%s", (int)name.len, (const char *)name.at, port);
	if (req->path_len < LONGEST_PATH)
		escaped = tux_target_escape(req->path, req->path_len, location + len, (uint32_t)sizeof(location) - len);
	if (escaped == 0)
		return error_page_status(req, 414);
	head.location = location;
	head.location_len = len + escaped;
	if (req->head.query.len > 0) {
		head.location_query = req->bytes + req->head.query.off;
		head.location_query_len = req->head.query.len;
	}
	return error_page_respond(req, &head, NULL);
}

enum response_step redirect_by_route(struct request *req, const struct tux_route *route)
{
	const struct tux_redirect *redirect = &req->host->redirects[route->argument];
	struct tux_head head = response_head(req, redirect->status);
	uint8_t location[3 * LONGEST_PATH + 1];
	const uint8_t *rest = req->path + route->prefix_len;
	uint32_t rest_len = req->path_len - route->prefix_len;
	uint32_t len = redirect->len;

	if (len == 0 || len > sizeof(location))
		return error_page_failure(req, 500, because(WHY_REDIRECT_LONG, 0));
	memcpy(location, redirect->to, len);
	if (rest_len > 0 && rest[0] == '/' && location[len - 1] == '/') { /* "//" would start a host name */
		rest++;
		rest_len--;
	}
	if (redirect->rest && rest_len > 0) {
		uint32_t escaped = tux_target_escape(rest, rest_len, location + len, (uint32_t)sizeof(location) - len);

		if (escaped == 0)
			return error_page_status(req, 414);
		len += escaped;
	}
	head.location = location;
	head.location_len = len;
	if (redirect->rest && req->head.query.len > 0) {
		head.location_query = req->bytes + req->head.query.off;
		head.location_query_len = req->head.query.len;
	}
	return error_page_respond(req, &head, NULL);
}
