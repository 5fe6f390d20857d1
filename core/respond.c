/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision about a response, from the request and the facts of a representation. */
#include "respond.h"

struct tux_facts tux_facts_told(uint64_t size, const uint8_t *etag, uint32_t etag_len, int64_t last_modified, int64_t now)
{
	return (struct tux_facts){
		.size = size,
		.validators = {
			.etag = etag,
			.etag_len = etag_len,
			.last_modified = last_modified > now ? -1 : last_modified,
			.now = now,
		},
	};
}

uint16_t tux_respond_method(const struct tux_request *req)
{
	switch ((enum tux_method)req->method) {
	case TUX_GET:
	case TUX_HEAD:
		return 0;
	case TUX_OPTIONS:
		return 204;
	case TUX_POST:
	case TUX_PUT:
	case TUX_DELETE:
	case TUX_PATCH:
	case TUX_TRACE:
	case TUX_CONNECT:
		return 405;
	case TUX_METHOD_UNKNOWN:
		break;
	}
	return 501;
}

/* Evaluates Range. It applies only to GET, and two Range lines are not a valid range set (RFC 9110 14.2). */
/*@ requires request_readable(buf, req) && facts_readable(facts) && \valid(plan);
  @ requires \separated(plan, buf + (0 .. req->head_len - 1)) && \separated(plan, req) && \separated(plan, facts);
  @ requires plan->status == 200 && plan->range_count == 0;
  @ assigns *plan;
  @ ensures plan_valid(plan, facts->size);
  @*/
static void decide_range(const uint8_t *buf, const struct tux_request *req, const struct tux_facts *facts,
                         struct tux_plan *plan)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_RANGE, 0);

	if (req->method != TUX_GET || line == 0 || tux_request_field(req, TUX_FIELD_RANGE, line) != 0)
		return;
	if (!tux_condition_range_applies(buf, req, &facts->validators))
		return;
	switch (tux_range_parse(buf, req->fields.line[line - 1].value, facts->size, plan->range, &plan->range_count)) {
	case TUX_RANGE_IGNORED:
		break;
	case TUX_RANGE_SATISFIABLE:
		plan->status = 206;
		break;
	case TUX_RANGE_UNSATISFIABLE:
		plan->status = 416;
		break;
	}
}

/* True if there is nothing to decide, as with most requests. */
/*@ requires \valid_read(req);
  @ assigns \nothing;
  @*/
static bool asks_for_all(const struct tux_request *req)
{
	return req->fields.first[TUX_FIELD_IF_NONE_MATCH] == 0 && req->fields.first[TUX_FIELD_IF_MODIFIED_SINCE] == 0 &&
	       req->fields.first[TUX_FIELD_RANGE] == 0 && req->fields.first[TUX_FIELD_IF_MATCH] == 0 &&
	       req->fields.first[TUX_FIELD_IF_UNMODIFIED_SINCE] == 0;
}

void tux_respond_decide(const uint8_t *buf, const struct tux_request *req, const struct tux_facts *facts,
                        struct tux_plan *plan)
{
	plan->status = 200;
	plan->range_count = 0;
	if (asks_for_all(req))
		return;
	switch (tux_condition_evaluate(buf, req, &facts->validators)) {
	case TUX_CONDITION_PASSED:
		decide_range(buf, req, facts, plan);
		break;
	case TUX_CONDITION_NOT_MODIFIED:
		plan->status = 304;
		break;
	case TUX_CONDITION_FAILED:
		plan->status = 412;
		break;
	}
}

enum tux_coding tux_respond_coding(const uint8_t *buf, const struct tux_request *req, uint32_t available)
{
	if (available == 1u << TUX_CODING_IDENTITY)
		return TUX_CODING_IDENTITY;
	return tux_negotiate_coding(buf, req, available);
}

bool tux_respond_prebuilt(const struct tux_request *req, const struct tux_plan *plan, int64_t last_modified, int64_t now)
{
	return plan->status == 200 && req->minor > 0 && req->keep_alive && last_modified <= now;
}
