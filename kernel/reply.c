// SPDX-License-Identifier: GPL-2.0-or-later
#include "reply.h"

#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "../core/target.h"
#include "answer.h"
#include "chosen.h"
#include "memcg.h"
#include "log_ring.h"
#include "module_call.h"
#include "trace.h"
#include "path_check.h"

/* True if the request has a body, or may have one. */
static bool has_body(const struct tux_request *req)
{
	return req->framing == TUX_FRAMING_CHUNKED || req->content_length > 0 || req->expect_continue;
}

/* Returns the reason to leave a request to the user engine, or TUX_REASON_NONE. */
static enum tux_reason unwanted(const struct tux_request *req)
{
	if (tux_respond_method(req) != 0)
		return TUX_REASON_METHOD;
	if (has_body(req))
		return TUX_REASON_BODY;
	if (req->form != TUX_FORM_ORIGIN && req->form != TUX_FORM_ABSOLUTE)
		return TUX_REASON_TARGET;
	return TUX_REASON_NONE;
}

/* Responds about a file: counts the response, and writes its access record now or keeps it until the end. Without memory the program responds. */
static enum look answer(struct conn *conn, struct scratch *scratch, const u8 *buf, u16 status, u32 head_len,
			const u8 *head, struct object *object, struct file *file, const struct tux_range *range,
			enum send_result *result)
{
	s64 began_us = conn->instance->records ? ktux_answer_now_us() : 0;

	*result = ktux_send_start(conn, head, head_len, object, file, range->first, range->len);
	if (*result == SEND_NOTHING)
		return ktux_look_hand_up(conn, TUX_REASON_MEMORY);
	ktux_answer_begin(conn, scratch, buf, began_us, status, head_len + range->len);
	if (scratch->module.name)
		ktux_answer_note(conn, scratch, scratch->module.name);
	ktux_answer_sent(conn, scratch, *result);
	return LOOK_ANSWERED;
}

/* Sends a whole representation with 200 on a persistent HTTP/1.1 connection, with its prebuilt head. */
static enum look answer_whole(struct conn *conn, struct scratch *scratch, const u8 *buf, struct object *object,
			      const struct representation *rep, s64 now_s, enum send_result *result)
{
	struct tux_range range = { 0, scratch->request.method == TUX_HEAD ? 0 : rep->stamp.size };

	memcpy(scratch->out, rep->head, rep->head_len);
	memcpy(scratch->out + rep->date_off, ktux_answer_date(scratch, now_s), TUX_DATE_LEN);
	return answer(conn, scratch, buf, 200, rep->head_len, scratch->out, object, rep->file, &range, result);
}

/* Sets the fields that are added to a response about a file, and those that are left out. */
static void set_fields(const struct conn *conn, struct scratch *scratch, const struct object *object, struct tux_head *head)
{
	const struct fields *of_route = scratch->module.of_route;

	head->omit = (of_route ? of_route : object->fields)->omit;
	head->extra = of_route ? ktux_chosen_lines(ktux_chosen_of(conn, scratch), scratch, of_route) : object->fields->lines;
}

/* Sends any other response about a file, with a new head. Consumes the reference if it responds. */
static enum look answer_plan(struct conn *conn, struct scratch *scratch, const u8 *buf, struct object *object,
			     enum tux_coding coding, const struct tux_facts *facts, enum send_result *result)
{
	const struct tux_request *req = &scratch->request;
	const struct tux_plan *plan = &scratch->plan;
	const struct representation *rep = &object->representation[coding];
	struct tux_range range;
	struct tux_head head = {
		.status = plan->status,
		.minor = req->minor,
		.keep_alive = req->keep_alive,
		.date = ktux_answer_date(scratch, facts->validators.now),
	};
	u32 date_off, head_len;

	if (plan->status == 412 || plan->status == 416 || plan->range_count > 1)
		return ktux_look_hand_up(conn, TUX_REASON_ANSWER);
	set_fields(conn, scratch, object, &head);
	tux_head_describe(&head, facts, ktux_object_coding(object, coding), object->available, object->type);
	range = tux_head_plan(&head, plan);
	if (req->method == TUX_HEAD)
		range.len = 0;
	head_len = tux_response_head(scratch->out, sizeof(scratch->out), &head, &date_off);
	if (head_len == 0)
		return ktux_look_hand_up(conn, TUX_REASON_ANSWER);
	conn->close_after_response = !req->keep_alive;
	return answer(conn, scratch, buf, plan->status, head_len, scratch->out, object, rep->file, &range, result);
}

/* Consumes the reference if it responds. */
static enum look answer_object(struct conn *conn, struct scratch *scratch, const u8 *buf, struct object *object,
			       enum send_result *result)
{
	const struct tux_request *req = &scratch->request;
	enum tux_coding coding = tux_respond_coding(buf, req, object->available);
	const struct representation *rep = &object->representation[coding];
	s64 now_s = ktime_get_real_seconds();
	struct tux_facts facts = ktux_object_facts(object, coding, now_s);

	tux_respond_decide(buf, req, &facts, &scratch->plan);
	if (!scratch->module.of_route && tux_respond_prebuilt(req, &scratch->plan, rep->last_modified, now_s))
		return answer_whole(conn, scratch, buf, object, rep, now_s, result);
	return answer_plan(conn, scratch, buf, object, coding, &facts, result);
}

/* Returns the object of the current path: the one just loaded, or a cached one that is still valid. */
static struct object *find(struct conn *conn, struct scratch *scratch, u32 path_len)
{
	struct instance *instance = conn->instance;
	struct object *object = conn->loaded;
	enum way way;

	conn->loaded = NULL;
	if (object && object->host == conn->host && object->key_len == path_len &&
	    memcmp(object->key, scratch->path, path_len) == 0)
		return object;
	if (object)
		ktux_object_put(object);
	object = ktux_cache_find(&instance->cache, conn->host, scratch->path, path_len);
	if (!object)
		return NULL;
	way = ktux_way_look(object);
	if (way == WAY_HOLDS) {
		ktux_counters(instance)->hits++;
		return object;
	}
	if (way == WAY_CHANGED)
		ktux_cache_drop(&instance->cache, object);
	ktux_object_put(object);
	return NULL;
}

/* Returns the route of a path of a host. Without one, it is a static file. */
static const struct tux_route *route_of(const struct host *host, const u8 *path, u32 len)
{
	static const struct tux_route none = { .handler = TUX_HANDLER_STATIC };
	const struct tux_routes *routes = &host->routes;
	u32 at = tux_route_find(routes, path, len);

	return at < routes->count ? &routes->route[at] : &none;
}

/* Lets the module of a route respond. The module decides about methods. A body is for the program's build of it, not for the other server. */
static enum look answer_module(struct conn *conn, struct scratch *scratch, const u8 *buf, u32 path_len, const struct tux_route *route,
			       enum send_result *result)
{
	if (has_body(&scratch->request))
		return ktux_look_hand_up(conn, TUX_REASON_ROUTE);
	if (conn->declined)
		return LOOK_DECLINED;
	if (conn->chosen)
		return LOOK_CHOSEN;
	return ktux_module_look(conn, scratch, buf, path_len, route->argument, result);
}

static enum look answer_path(struct conn *conn, struct scratch *scratch, const u8 *buf, u32 path_len,
			     enum send_result *result)
{
	struct object *object = find(conn, scratch, path_len);
	enum look look;

	if (!object) { /* a cached path has no dot file, or the host serves dot files */
		if (!conn->host->dot_files && tux_target_has_dot_file(scratch->path, path_len))
			return ktux_look_hand_up(conn, TUX_REASON_TARGET);
		conn->key = ktux_charged_copy(conn->instance, scratch->path, path_len);
		conn->key_len = path_len;
		return conn->key ? LOOK_MISS : ktux_look_hand_up(conn, TUX_REASON_MEMORY);
	}
	look = answer_object(conn, scratch, buf, object, result);
	if (look != LOOK_ANSWERED)
		ktux_object_put(object);
	return look;
}

/* Lets the program respond with 500, because the target of a module is lost. The module is not called again, because it has handled the request. */
static enum look lose_chosen(struct conn *conn, const struct scratch *scratch, const struct tux_route *route)
{
	struct tux_setup_module_counters *counters = ktux_module_counters(conn->instance, route->argument);

	counters->files--;
	counters->failed++;
	pr_warn_ratelimited("tux: module %s: out of memory for its reply with a file\n", scratch->module.name);
	return ktux_look_hand_up(conn, TUX_REASON_FAILED);
}

/*
 * Responds with the file that the module of a route has chosen, as if the client had requested it. The program does so for every other target:
 * it gets the target with the connection.
 */
static enum look answer_chosen(struct conn *conn, struct scratch *scratch, const u8 *buf, u32 path_len, const struct tux_route *route,
			       enum send_result *result)
{
	const struct module_conf *conf = conn->instance->modules.entry[route->argument].conf;
	const struct chosen *chosen = ktux_chosen_of(conn, scratch);
	const struct tux_route *route_of_module = route;
	enum look look;

	scratch->module.name = conf ? conf->text : ""; /* the text begins with it */
	if (chosen->fields_len > 0)
		scratch->module.of_route = ktux_host_fields(conn->host, scratch->path, path_len);
	if (tux_respond_method(&scratch->request) == 0 && ktux_chosen_path(chosen, scratch, &path_len))
		route = route_of(conn->host, scratch->path, path_len);
	if (route->handler != TUX_HANDLER_STATIC && route->handler != TUX_HANDLER_HIDDEN) /* such as the module's, for what the program decides */
		look = ktux_look_hand_up(conn, TUX_REASON_ROUTE);
	else if (!ktux_records_room(conn->instance))
		look = ktux_look_hand_up(conn, TUX_REASON_RECORDS);
	else
		look = answer_path(conn, scratch, buf, path_len, result);
	if (look == LOOK_ANSWERED || ktux_chosen_keep(conn, chosen))
		return look;
	kfree(conn->key);
	conn->key = NULL;
	return lose_chosen(conn, scratch, route_of_module);
}

enum look ktux_reply_look(struct conn *conn, const u8 *buf, u32 len, u32 *used, enum send_result *result)
{
	struct scratch *scratch = ktux_scratch_get();
	struct tux_request *req = &scratch->request;
	const struct tux_route *route;
	enum tux_reason reason;
	enum look look;
	u32 path_len = 1;

	switch (tux_request_parse(buf, len, conn->seen, req)) {
	case TUX_MORE:
		return LOOK_MORE;
	case TUX_REFUSED:
		return ktux_look_hand_up(conn, TUX_REASON_REFUSED);
	case TUX_PARSED:
		break;
	}
	*used = req->head_len;
	scratch->module.name = NULL;
	scratch->module.of_route = NULL;
	conn->host = ktux_host_find(&conn->instance->hosts, conn->listener, buf, req->host);
	trace_tux_request(conn, conn->port, req->head_len);
	reason = unwanted(req);
	if (req->form != TUX_FORM_ORIGIN && req->form != TUX_FORM_ABSOLUTE)
		return ktux_look_hand_up(conn, reason);
	if (req->path.len == 0) /* http://host stands for its root */
		scratch->path[0] = '/';
	else if (tux_target_normalise(buf + req->path.off, req->path.len, scratch->path, &path_len) != TUX_ACCEPTED)
		return ktux_look_hand_up(conn, reason != TUX_REASON_NONE ? reason : TUX_REASON_TARGET);
	route = route_of(conn->host, scratch->path, path_len);
	switch ((enum tux_handler)route->handler) {
	case TUX_HANDLER_HANDOVER:
		return ktux_look_hand_up(conn, TUX_REASON_PREFIX);
	case TUX_HANDLER_REDIRECT:
	case TUX_HANDLER_STATUS:
	case TUX_HANDLER_CGI:
	case TUX_HANDLER_UPSTREAM:
	case TUX_HANDLER_HIDDEN:
	case TUX_HANDLERS:
		return ktux_look_hand_up(conn, TUX_REASON_ROUTE);
	case TUX_HANDLER_MODULE:
		look = answer_module(conn, scratch, buf, path_len, route, result);
		if (look == LOOK_CHOSEN)
			return answer_chosen(conn, scratch, buf, path_len, route, result);
		if (look != LOOK_DECLINED)
			return look;
		break;
	case TUX_HANDLER_STATIC:
		break;
	}
	if (reason != TUX_REASON_NONE && tux_file_handlers_any(&conn->host->selection))
		reason = TUX_REASON_ROUTE; /* the file's type may select another handler */
	if (reason != TUX_REASON_NONE)
		return ktux_look_hand_up(conn, reason);
	if (!ktux_records_room(conn->instance))
		return ktux_look_hand_up(conn, TUX_REASON_RECORDS);
	return answer_path(conn, scratch, buf, path_len, result);
}
