/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/target.h"
#include "../backend/exchange.h"
#include "../log/backend_note.h"
#include "../stats/totals.h"
#include "../tls/context.h"
#include "challenge.h"
#include "error_page.h"
#include "fallback.h"
#include "module.h"
#include "redirect.h"
#include "static.h"
#include "status.h"

static const struct tux_host *fallback_host(const struct request *req)
{
	const struct tux_engine_config *config = req->thread->config;

	return config->hosts + (config->host_count > 1 ? config->names.fallback[req->client->listener] : 0);
}

static const struct tux_host *find_host(const struct request *req)
{
	const struct tux_engine_config *config = req->thread->config;

	return config->hosts + (config->host_count > 1 ? tux_host_find(&config->names, req->client->listener, req->bytes, req->head.host) : 0);
}

/*
 * True if the connection has the certificates of another host, because its client named that one to TLS. A client that named no host gets
 * any of them, but for those that demand certificates of clients: this client was not asked for the right one.
 */
static bool is_misdirected(const struct request *req)
{
	if (req->client->secure && req->host->tls != NULL && req->host->tls->demands && req->client->context != req->host->tls)
		return true;
	return req->client->selected != NULL && req->client->selected != req->host->tls;
}

static void use_host(struct request *req, const struct tux_host *host)
{
	req->host = host;
	req->fields = req->own != NULL ? req->own : host->fields;
	req->max_body_bytes = host->max_body_bytes;
	req->matched = req->route = NULL;
	req->module = NULL;
	req->declined = false;
}

/* Returns the module with this number if it is loaded; else NULL. */
static struct tux_loaded *module_at(const struct request *req, unsigned number)
{
	struct tux_loaded *loaded = req->thread->config->loaded;

	return loaded != NULL && loaded[number].module != NULL ? &loaded[number] : NULL;
}

/* Notes the name of the module for the logs. */
static void note_module(struct request *req, const char *name)
{
	backend_note(req, "module", (struct tux_octets){ (const uint8_t *)name, (uint32_t)strlen(name) }, 0);
}

/* Like module_at(), but by its name. */
static struct tux_loaded *module_named(const struct request *req, const char *name)
{
	const struct tux_engine_config *config = req->thread->config;

	for (unsigned i = 0; i < config->module_count; i++)
		if (strcmp(config->modules[i].name, name) == 0)
			return module_at(req, i);
	return NULL;
}

/* Writes a line if the module should respond in the kernel, but its verified handler was too slow. */
static void tell_slow(const struct request *req, unsigned number)
{
	const struct tux_module_config *module = &req->thread->config->modules[number];

	if (module->verified)
		kernel_link_tell_slow(req->thread->totals->kernel, module, number);
}

static bool is_kind(const struct tux_route *route, enum tux_handler handler)
{
	return route != NULL && route->handler == handler;
}

/* Sets the normalised path, its route, and the settings of the route. */
static enum tux_refusal find_route(struct request *req)
{
	const struct tux_span path = req->head.path;
	const struct tux_routes *routes = &req->host->routes;
	const struct tux_route *handover = req->thread->config->handover;
	enum tux_refusal refusal = TUX_ACCEPTED;
	uint32_t route;

	req->path_len = 1;
	if (!request_path_room(req, path.len)) {
		req->path[0] = '/';
		req->error_status = 503;
		req->cause = because(WHY_MEMORY, 0);
		return TUX_ACCEPTED;
	}
	if (path.len == 0) /* http://host means its root */
		req->path[0] = '/';
	else
		refusal = tux_target_normalise(req->bytes + path.off, path.len, req->path, &req->path_len);
	if (refusal != TUX_ACCEPTED)
		return refusal;
	route = tux_route_find(routes, req->path, req->path_len);
	req->max_body_bytes = tux_host_max_body(req->host, route);
	if (req->own == NULL)
		req->fields = tux_host_fields(req->host, route);
	if (route < routes->count)
		req->matched = &routes->route[route];
	req->route = is_kind(req->matched, TUX_HANDLER_HANDOVER) && handover != NULL ? handover : req->matched;
	return TUX_ACCEPTED;
}

/* True if a backend responds for the route. A backend accepts every method, and bodies. */
static bool is_backend(const struct tux_route *route)
{
	return is_kind(route, TUX_HANDLER_UPSTREAM) || is_kind(route, TUX_HANDLER_CGI);
}

static bool is_static(const struct tux_route *route)
{
	return route == NULL || route->handler == TUX_HANDLER_STATIC;
}

static bool has_path(const struct tux_request *head)
{
	return head->form == TUX_FORM_ORIGIN || head->form == TUX_FORM_ABSOLUTE;
}

/* True if the types of files may select another handler. */
static bool has_file_types(const struct request *req)
{
	return tux_file_handlers_any(&req->host->selection);
}

/* True if another handler than that of files may respond. It may accept methods and bodies that files do not. */
static bool has_others(const struct request *req)
{
	return req->host->routes.count > 0 || req->host->https_port != 0 || req->thread->config->handover != NULL || has_file_types(req);
}

/* True if the server that gets unknown requests responds; then req->route is its route. */
static bool goes_to_handover(struct request *req)
{
	const struct tux_route *handover = req->thread->config->handover;

	if (handover == NULL || req->internal)
		return false;
	req->route = handover;
	return true;
}

/* True if the path lacks the slash of a route's prefix: "/app" where the route is "/app/". A file of that name goes first. */
static bool may_lack_slash(const struct request *req)
{
	const struct tux_routes *routes = &req->host->routes;
	uint32_t found;

	if (!is_static(req->route) || req->thread->config->handover != NULL)
		return false;
	found = tux_route_find_slash(routes, req->path, req->path_len);
	return found < routes->count && routes->route[found].handler != TUX_HANDLER_STATIC && routes->route[found].handler != TUX_HANDLER_HIDDEN;
}

/* True if a plain request is redirected to TLS. The status, for health checks, and files for certificate authorities (RFC 8555 8.3) are not. */
static bool goes_to_https(const struct request *req)
{
	static const char challenges[] = "/.well-known/acme-challenge/";
	const uint32_t len = sizeof(challenges) - 1;

	if (req->host->https_port == 0 || req->client->secure || req->internal || is_kind(req->route, TUX_HANDLER_STATUS))
		return false;
	return req->path_len < len || memcmp(req->path, challenges, len) != 0;
}

/* Returns the handler of a routed path. A redirect holds for every method, and a backend decides itself. */
static enum dispatch_handler handler_of_path(struct request *req)
{
	const uint16_t status = req->status;

	if (goes_to_https(req) && status != 501)
		return HANDLER_TO_HTTPS;
	if (is_kind(req->route, TUX_HANDLER_REDIRECT) && status != 501)
		return HANDLER_REDIRECT;
	if (is_kind(req->route, TUX_HANDLER_MODULE) && req->kernel_declined) { /* go on as if no route named the module */
		req->declined = true;
		req->route = NULL;
	}
	if (is_kind(req->route, TUX_HANDLER_MODULE) && req->chosen != NULL)
		return HANDLER_CHOSEN;
	if (is_kind(req->route, TUX_HANDLER_MODULE)) {
		req->module = module_at(req, req->route->argument);
		tell_slow(req, req->route->argument);
		return HANDLER_MODULE;
	}
	if (is_backend(req->route))
		return HANDLER_BACKEND;
	if (request_has_body(req) && is_static(req->route) && !has_file_types(req) && goes_to_handover(req))
		return HANDLER_BACKEND;
	req->lacks_slash = status != 501 && may_lack_slash(req);
	if (status != 0 && is_static(req->route) && has_file_types(req))
		return HANDLER_FILE_TYPE;
	if (status != 0 && is_static(req->route) && goes_to_handover(req))
		return HANDLER_BACKEND;
	if (status != 0)
		return HANDLER_METHOD;
	if (is_kind(req->route, TUX_HANDLER_HIDDEN) && !req->internal)
		return HANDLER_HIDDEN;
	return is_kind(req->route, TUX_HANDLER_STATUS) ? HANDLER_STATUS : HANDLER_FILE;
}

static enum dispatch_handler choose_handler(struct request *req)
{
	enum tux_refusal refusal;

	req->lacks_slash = false;
	req->status = tux_respond_method(&req->head);
	if (!has_path(&req->head)) {
		req->status = req->status != 0 ? req->status : 400;
		return HANDLER_METHOD;
	}
	if (req->status == 0 && !req->internal && challenge_is_at(req))
		return HANDLER_CHALLENGE;
	if (is_misdirected(req)) {
		req->head.refusal = TUX_REFUSED_MISDIRECTED;
		return HANDLER_REFUSAL;
	}
	req->routed++;
	count(&req->thread->counters.requests_routed, 1);
	refusal = find_route(req);
	if (req->status != 0 && !has_others(req)) /* without other handlers the path does not matter */
		return HANDLER_METHOD;
	if (refusal == TUX_ACCEPTED)
		return handler_of_path(req);
	req->head.refusal = (uint8_t)refusal;
	return HANDLER_REFUSAL;
}

/* Returns the use of the body, if the request has one. */
static enum dispatch_body choose_body_use(const struct request *req)
{
	const struct tux_request *head = &req->head;

	if ((req->handler == HANDLER_BACKEND || req->module != NULL) && req->error_status == 0)
		return BODY_TO_HANDLER;
	if (head->expect_continue && head->method != TUX_GET && head->method != TUX_HEAD)
		return BODY_UNREAD;
	return has_path(head) && has_file_types(req) && is_static(req->route) && req->handler != HANDLER_REFUSAL ? BODY_UNREAD : BODY_DISCARDED;
}

void dispatch(struct request *req)
{
	use_host(req, req->host != NULL ? req->host : find_host(req));
	req->handler = (uint8_t)choose_handler(req);
	req->kernel_declined = false; /* another dispatch is for another target */
	req->body_use = (uint8_t)choose_body_use(req);
	if (req->error_status != 0 && req->handler == HANDLER_MODULE) /* it has failed in the kernel */
		note_module(req, req->thread->config->modules[req->route->argument].name);
}

void dispatch_refused(struct request *req, enum tux_refusal refusal)
{
	use_host(req, fallback_host(req));
	req->head.refusal = (uint8_t)refusal;
}

/* Responds with the status that tux_respond_method() gives. */
static enum response_step respond_method(struct request *req)
{
	return error_page_failure(req, req->status, because(WHY_METHOD, 0));
}

/* Waits for a load, or responds 503 if lookup() could not start one. */
static enum response_step respond_loading(struct request *req)
{
	return req->load.pending != NULL ? RESPONSE_WAIT : error_page_failure(req, 503, because(WHY_LOADS, 0));
}

/* Responds with the module of the request. A module that is not loaded now may be loaded later, so the client may retry. */
static enum response_step respond_module(struct request *req, const char *name)
{
	enum response_step step;

	if (req->module != NULL)
		return module_respond(req, req->module);
	note_module(req, name);
	step = error_page_failure(req, 503, because(WHY_MODULE, 0));
	if (step == RESPONSE_QUEUED)
		count(&req->thread->counters.modules_absent, 1);
	return step;
}

/* Lets the target respond with which the module has replied in the kernel. */
static enum response_step respond_chosen(struct request *req)
{
	const char *const name = req->thread->config->modules[req->route->argument].name;
	struct chosen_target *const chosen = req->chosen;
	enum response_step step;

	req->chosen = NULL;
	step = module_respond_target(req, (struct tux_octets){ (const uint8_t *)name, (uint32_t)strlen(name) },
	                             (struct tux_octets){ chosen->text, chosen->target_len },
	                             (struct tux_octets){ chosen->text + chosen->target_len, chosen->lines_len });
	free(chosen);
	return step;
}

/* Makes the path of a program's file the path of the request: for a directory the file is its index. */
static enum response_step respond_program(struct request *req, const struct object *object)
{
	const size_t len = strlen(object->file);

	if (len + 1 > TUX_MAX_TARGET)
		return error_page_status(req, 414);
	if (!request_path_room(req, (uint32_t)len + 1))
		return error_page_failure(req, 503, because(WHY_MEMORY, 0));
	req->path[0] = '/';
	memcpy(req->path + 1, object->file, len);
	req->path_len = (uint32_t)len + 1;
	req->route = req->host->program;
	return RESPONSE_BY_HANDLER;
}

static enum response_step respond_object(struct request *req, struct object *object)
{
	switch ((enum object_kind)object->kind) {
	case OBJECT_FILE:
		return static_file(req, object);
	case OBJECT_DIRECTORY:
		return redirect_to_slash(req, 301, object->key, object->key_len);
	case OBJECT_LISTABLE:
		return static_listing(req, object);
	case OBJECT_MISSING:
		return goes_to_handover(req) ? RESPONSE_BY_HANDLER : error_page_status(req, 404);
	case OBJECT_FORBIDDEN:
		return error_page_failure(req, 403, object->cause);
	case OBJECT_PROGRAM:
		return respond_program(req, object);
	case OBJECT_MODULE:
		if (req->declined) /* its file is never sent */
			return goes_to_handover(req) ? RESPONSE_BY_HANDLER : error_page_status(req, 404);
		req->module = module_named(req, object->file);
		return respond_module(req, object->file);
	case OBJECT_REDIRECT:
		return goes_to_handover(req) ? RESPONSE_BY_HANDLER : error_page_failure(req, 403, because(WHY_NO_HANDOVER, 0));
	case OBJECT_BUSY:
		return error_page_failure(req, 503, object->cause);
	case OBJECT_BROKEN:
		break;
	}
	return error_page_failure(req, 500, object->cause);
}

static enum response_step respond_path(struct request *req)
{
	struct object *object;
	enum response_step step;

	if (!req->host->dot_files && tux_target_has_dot_file(req->path, req->path_len))
		return error_page_status(req, 404);
	object = fallback_lookup(req, req->path, req->path_len);
	if (object == NULL)
		return respond_loading(req);
	step = respond_object(req, object);
	object_put(object);
	return step;
}

/* Responds to a request whose method or body suits no file, unless the type of the file selects another handler. */
static enum response_step respond_for_file(struct request *req)
{
	struct object *object = NULL;
	enum response_step step;

	if (req->host->dot_files || !tux_target_has_dot_file(req->path, req->path_len)) {
		object = fallback_lookup(req, req->path, req->path_len);
		if (object == NULL)
			return respond_loading(req);
	}
	if (object != NULL && (object->kind == OBJECT_PROGRAM || object->kind == OBJECT_MODULE || object->kind == OBJECT_REDIRECT))
		step = respond_object(req, object);
	else
		step = goes_to_handover(req) ? RESPONSE_BY_HANDLER : respond_method(req);
	if (object != NULL)
		object_put(object);
	return step;
}

/* Redirects a path that lacks the slash of a route. Sets *done to false if a file has the path. */
static enum response_step respond_slash(struct request *req, bool *done)
{
	struct object *object = response_lookup(req, req->path, req->path_len);

	*done = true;
	if (object == NULL)
		return respond_loading(req);
	*done = object->kind == OBJECT_MISSING;
	object_put(object);
	return *done ? redirect_to_slash(req, 308, req->path, req->path_len) : RESPONSE_QUEUED;
}

/* Responds with the handler of the request. */
static enum response_step respond(struct request *req)
{
	if (req->head.refusal != TUX_ACCEPTED)
		return error_page_refusal(req);
	if (req->error_status != 0)
		return error_page_failure(req, req->error_status, req->cause);
	if (req->call != NULL)
		return module_respond(req, req->module);
	if (req->lacks_slash) {
		bool done;
		const enum response_step step = respond_slash(req, &done);

		if (done)
			return step;
	}
	switch ((enum dispatch_handler)req->handler) {
	case HANDLER_REFUSAL:
		break;
	case HANDLER_METHOD:
		return respond_method(req);
	case HANDLER_REDIRECT:
		return redirect_by_route(req, req->route);
	case HANDLER_TO_HTTPS:
		return redirect_to_https(req);
	case HANDLER_MODULE:
		return respond_module(req, req->thread->config->modules[req->route->argument].name);
	case HANDLER_CHOSEN:
		return respond_chosen(req);
	case HANDLER_BACKEND:
		return RESPONSE_BY_HANDLER;
	case HANDLER_FILE_TYPE:
		return respond_for_file(req);
	case HANDLER_HIDDEN:
		return error_page_status(req, 404);
	case HANDLER_STATUS:
		return status_report(req, &req->host->statuses[req->route->argument]);
	case HANDLER_CHALLENGE:
		return challenge_respond(req);
	case HANDLER_FILE:
		return respond_path(req);
	}
	return error_page_refusal(req);
}

enum response_step dispatch_respond(struct request *req)
{
	for (;;) {
		const enum response_step step = respond(req);

		if (step == RESPONSE_ANEW) {
			dispatch(req);
		} else if (step == RESPONSE_DECLINED) { /* go on as if no route named the module */
			req->declined = true;
			req->module = NULL;
			req->route = NULL;
			req->handler = (uint8_t)handler_of_path(req);
		} else if (step == RESPONSE_BY_HANDLER && req->declined && req->module == NULL && request_has_body(req)) {
			req->error_status = 500; /* the body was read: what follows it is the next request */
			req->cause = because(WHY_MODULE_DECLINED, 0);
		} else {
			return step;
		}
	}
}

uint16_t dispatch_start(struct request *req)
{
	return req->module != NULL ? module_start(req, req->module) : exchange_start(req);
}

bool dispatch_asks_for_body(const struct request *req)
{
	return req->module != NULL && module_reads_bodies(req->module);
}
