/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dispatch.h"

#include <string.h>

#include "../../core/target.h"
#include "../files/lookup.h"
#include "../log/backend_note.h"
#include "error_page.h"
#include "fallback.h"
#include "redirect.h"
#include "static.h"
#include "status.h"

void dispatch_choose_site(struct conn *conn, const uint8_t *buf)
{
	const struct tux_engine_config *config = conn->worker->config;

	conn->site = config->sites;
	if (config->site_count > 1 && buf == NULL)
		conn->site += config->hosts.fallback[conn->listener];
	else if (config->site_count > 1)
		conn->site += tux_host_find(&config->hosts, conn->listener, buf, conn->worker->request.host);
	conn->fields = &conn->site->fields;
}

/* Sets worker->path to the normalised path of worker->request, and worker->route to its route. */
static enum tux_refusal find_route(struct conn *conn, const uint8_t *buf, uint32_t *len)
{
	struct worker *worker = conn->worker;
	const struct tux_request *req = &worker->request;
	const struct tux_routes *routes = &conn->site->routes;
	enum tux_refusal refusal = TUX_ACCEPTED;
	uint32_t route;

	worker->route = NULL;
	conn->fields = conn->own != NULL ? conn->own : &conn->site->fields;
	*len = 1;
	if (req->path.len == 0) /* http://host means its root */
		worker->path[0] = '/';
	else
		refusal = tux_target_normalise(buf + req->path.off, req->path.len, worker->path, len);
	if (refusal != TUX_ACCEPTED)
		return refusal;
	worker->path_len = *len;
	route = tux_route_find(routes, worker->path, *len);
	conn->max_body_bytes = tux_site_max_body(conn->site, route);
	if (conn->own == NULL)
		conn->fields = tux_site_fields(conn->site, route);
	if (route < routes->count)
		worker->route = &routes->route[route];
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_HANDOVER && worker->config->handover != NULL)
		worker->route = worker->config->handover;
	return TUX_ACCEPTED;
}

/* True if a backend responds for the route. A backend accepts every method, and bodies. */
static bool is_backend(const struct tux_route *route)
{
	return route != NULL && (route->handler == TUX_HANDLER_UPSTREAM || route->handler == TUX_HANDLER_CGI);
}

static bool is_static(const struct tux_route *route)
{
	return route == NULL || route->handler == TUX_HANDLER_STATIC;
}

static bool has_path(const struct tux_request *req)
{
	return req->form == TUX_FORM_ORIGIN || req->form == TUX_FORM_ABSOLUTE;
}

/* True if another handler than that of files may respond. It may accept methods and bodies that files do not. */
static bool has_others(const struct conn *conn)
{
	return has_path(&conn->worker->request) &&
	       (conn->site->routes.count > 0 || conn->worker->config->handover != NULL || tux_file_handlers_any(&conn->site->selection));
}

void dispatch_measure(struct conn *conn, const uint8_t *buf)
{
	uint32_t len;

	conn->max_body_bytes = conn->site->max_body_bytes;
	if (conn->site->route_max_body != NULL && has_path(&conn->worker->request))
		find_route(conn, buf, &len); /* an invalid path is refused later */
}

/* True if the server that gets unknown requests responds; then worker->route is its route. */
static bool goes_to_handover(struct conn *conn)
{
	const struct tux_route *handover = conn->worker->config->handover;

	if (handover == NULL || conn->internal)
		return false;
	conn->worker->route = handover;
	return true;
}

bool dispatch_is_for_backend(struct conn *conn, const uint8_t *buf)
{
	uint32_t len;

	if (!has_others(conn) || find_route(conn, buf, &len) != TUX_ACCEPTED)
		return false;
	if (is_static(conn->worker->route))
		return !tux_file_handlers_any(&conn->site->selection) && goes_to_handover(conn);
	return is_backend(conn->worker->route);
}

bool dispatch_is_for_file(struct conn *conn, const uint8_t *buf)
{
	uint32_t len;

	return has_path(&conn->worker->request) && tux_file_handlers_any(&conn->site->selection) &&
	       find_route(conn, buf, &len) == TUX_ACCEPTED && is_static(conn->worker->route);
}

/* Responds with the status that tux_respond_method() gives. */
static enum response_step respond_method(struct conn *conn, const uint8_t *buf, uint16_t status)
{
	return error_page_failure(conn, buf, status, because(WHY_METHOD, 0));
}

/* Waits for a load, or responds 503 if lookup() could not start one. */
static enum response_step respond_loading(struct conn *conn, const uint8_t *buf)
{
	return conn->pending != NULL ? RESPONSE_WAIT : error_page_failure(conn, buf, 503, because(WHY_LOADS, 0));
}

/* Responds for a module that is not loaded. It may be loaded later, so the client may retry. */
static enum response_step respond_module(struct conn *conn, const uint8_t *buf, const char *name)
{
	enum response_step step;

	backend_note(conn, "module", (struct tux_octets){ (const uint8_t *)name, (uint32_t)strlen(name) }, 0);
	step = error_page_failure(conn, buf, 503, because(WHY_MODULE, 0));
	if (step == RESPONSE_QUEUED)
		count(&conn->worker->counters.modules_absent, 1);
	return step;
}

/* Makes the path of a program's file the path of the request: for a directory the file is its index. */
static enum response_step respond_program(struct conn *conn, const uint8_t *buf, const struct object *object)
{
	struct worker *worker = conn->worker;
	const size_t len = strlen(object->file);

	if (len + 1 > sizeof(worker->path))
		return error_page_status(conn, buf, 414);
	worker->path[0] = '/';
	memcpy(worker->path + 1, object->file, len);
	worker->path_len = (uint32_t)len + 1;
	worker->route = &conn->site->program;
	return RESPONSE_BY_BACKEND;
}

static enum response_step respond_object(struct conn *conn, const uint8_t *buf, struct object *object)
{
	switch ((enum object_kind)object->kind) {
	case OBJECT_FILE:
		return static_file(conn, buf, object);
	case OBJECT_DIRECTORY:
		return redirect_to_slash(conn, buf, 301, object->key, object->key_len);
	case OBJECT_LISTABLE:
		return static_listing(conn, buf, object);
	case OBJECT_MISSING:
		return goes_to_handover(conn) ? RESPONSE_BY_BACKEND : error_page_status(conn, buf, 404);
	case OBJECT_FORBIDDEN:
		return error_page_failure(conn, buf, 403, object->cause);
	case OBJECT_PROGRAM:
		return respond_program(conn, buf, object);
	case OBJECT_MODULE:
		return respond_module(conn, buf, object->file);
	case OBJECT_REDIRECT:
		return goes_to_handover(conn) ? RESPONSE_BY_BACKEND : error_page_failure(conn, buf, 403, because(WHY_NO_HANDOVER, 0));
	case OBJECT_BUSY:
		return error_page_failure(conn, buf, 503, object->cause);
	case OBJECT_BROKEN:
		break;
	}
	return error_page_failure(conn, buf, 500, object->cause);
}

static enum response_step respond_path(struct conn *conn, const uint8_t *buf, uint32_t len)
{
	struct worker *worker = conn->worker;
	struct object *object;
	enum response_step step;

	if (!conn->site->dot_files && tux_target_has_dot_file(worker->path, len))
		return error_page_status(conn, buf, 404);
	object = fallback_lookup(conn, worker->path, len);
	if (object == NULL)
		return respond_loading(conn, buf);
	step = respond_object(conn, buf, object);
	object_put(object);
	return step;
}

/* Responds to a request whose method or body suits no file. status: the response, unless the type of the file selects another handler. */
static enum response_step respond_for_file(struct conn *conn, const uint8_t *buf, uint32_t len, uint16_t status)
{
	struct object *object = NULL;
	enum response_step step;

	if (conn->site->dot_files || !tux_target_has_dot_file(conn->worker->path, len)) {
		object = fallback_lookup(conn, conn->worker->path, len);
		if (object == NULL)
			return respond_loading(conn, buf);
	}
	if (object != NULL && (object->kind == OBJECT_PROGRAM || object->kind == OBJECT_MODULE || object->kind == OBJECT_REDIRECT))
		step = respond_object(conn, buf, object);
	else
		step = goes_to_handover(conn) ? RESPONSE_BY_BACKEND : respond_method(conn, buf, status);
	if (object != NULL)
		object_put(object);
	return step;
}

/* True if the path lacks the slash of a route's prefix: "/app" where the route is "/app/". A file of that name goes first. */
static bool may_lack_slash(const struct conn *conn, uint32_t len)
{
	const struct tux_routes *routes = &conn->site->routes;
	uint32_t found;

	if (!is_static(conn->worker->route) || conn->worker->config->handover != NULL)
		return false;
	found = tux_route_find_slash(routes, conn->worker->path, len);
	return found < routes->count && routes->route[found].handler != TUX_HANDLER_STATIC && routes->route[found].handler != TUX_HANDLER_HIDDEN;
}

enum response_step dispatch_request(struct conn *conn, const uint8_t *buf)
{
	struct worker *worker = conn->worker;
	struct tux_request *req = &worker->request;
	uint16_t status = tux_respond_method(req);
	enum tux_refusal refusal;
	uint32_t len;

	if (conn->error_status != 0)
		return error_page_failure(conn, buf, conn->error_status, conn->cause);
	if (status == 0 && !has_path(req))
		status = 400;
	/* A redirect holds for every method, and a backend decides itself. Without routes the path does not matter. */
	if (status != 0 && !has_others(conn))
		return respond_method(conn, buf, status);
	refusal = find_route(conn, buf, &len);
	if (refusal != TUX_ACCEPTED) {
		conn->refused = (uint8_t)refusal;
		return error_page_refusal(conn, buf);
	}
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_REDIRECT && status != 501)
		return redirect_by_route(conn, buf, worker->route, len);
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_MODULE)
		return respond_module(conn, buf, worker->config->modules[worker->route->argument]);
	if (is_backend(worker->route))
		return RESPONSE_BY_BACKEND;
	if (may_lack_slash(conn, len) && status != 501) {
		struct object *object = lookup(conn, worker->path, len);
		const bool missing = object != NULL && object->kind == OBJECT_MISSING;

		if (object == NULL)
			return respond_loading(conn, buf);
		object_put(object);
		if (missing)
			return redirect_to_slash(conn, buf, 308, worker->path, len);
	}
	if (status != 0 && is_static(worker->route) && tux_file_handlers_any(&conn->site->selection))
		return respond_for_file(conn, buf, len, status);
	if (status != 0 && is_static(worker->route) && goes_to_handover(conn))
		return RESPONSE_BY_BACKEND;
	if (status != 0)
		return respond_method(conn, buf, status);
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_HIDDEN && !conn->internal)
		return error_page_status(conn, buf, 404);
	if (worker->route != NULL && worker->route->handler == TUX_HANDLER_STATUS)
		return status_report(conn, buf, &conn->site->statuses[worker->route->argument]);
	return respond_path(conn, buf, len);
}
