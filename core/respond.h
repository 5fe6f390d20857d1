/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decides the response to a request for a representation: status, ranges, coding. response.h writes its head. */
#ifndef TUX_CORE_RESPOND_H
#define TUX_CORE_RESPOND_H

#include "condition.h"
#include "negotiate.h"
#include "range.h"

/* The facts of the representation that a request selected. */
struct tux_facts {
	uint64_t size; /* bytes */
	struct tux_validators validators;
};

/* The decision: the status, and with 206 the byte ranges. */
struct tux_plan {
	uint16_t status; /* 200, 206, 304, 412 or 416 */
	uint32_t range_count; /* with 206: 1, or more for multipart/byteranges */
	struct tux_range range[TUX_MAX_RANGES];
};

/*@ predicate facts_readable{L}(struct tux_facts *facts) =
  @   \valid_read(facts) && validators_readable(&facts->validators);
  @ predicate plan_valid{L}(struct tux_plan *plan, integer size) =
  @   (plan->status == 200 || plan->status == 206 || plan->status == 304 || plan->status == 412 || plan->status == 416) &&
  @   (plan->status == 206 ? 1 <= plan->range_count <= TUX_MAX_RANGES : plan->range_count == 0) &&
  @   (\forall integer i; 0 <= i < plan->range_count ==> range_inside(&plan->range[i], size));
  @*/

/*
 * Returns the facts of a representation to send at the time now. last_modified is -1 if it is unknown. Omits one in the future,
 * because it may not be later than Date (RFC 9110 8.8.2.1). Any context.
 */
/*@ requires \valid_read(etag + (0 .. etag_len - 1));
  @ assigns \nothing;
  @ ensures \result.size == size && \result.validators.etag == etag && \result.validators.etag_len == etag_len;
  @ ensures \result.validators.last_modified == -1 || \result.validators.last_modified == last_modified <= now;
  @ ensures \result.validators.now == now;
  @*/
struct tux_facts tux_facts_told(uint64_t size, const uint8_t *etag, uint32_t etag_len, int64_t last_modified, int64_t now);

/*
 * Returns the status that the method alone decides: 0 for GET and HEAD, which continue to a file; 204 for OPTIONS, 405 for the
 * other known methods, 501 for the rest (RFC 9110 9). Any context.
 */
/*@ requires \valid_read(req);
  @ assigns \nothing;
  @ ensures \result == 0 || \result == 204 || \result == 405 || \result == 501;
  @*/
uint16_t tux_respond_method(const struct tux_request *req);

/*
 * Decides the response to a GET or HEAD for an existing representation: conditions, then Range and If-Range (RFC 9110 13.2.2). buf
 * is the buffer that req was parsed in. Any context.
 */
/*@ requires request_readable(buf, req) && facts_readable(facts) && \valid(plan);
  @ requires \separated(plan, buf + (0 .. req->head_len - 1)) && \separated(plan, req) && \separated(plan, facts);
  @ requires \separated(plan, facts->validators.etag + (0 .. facts->validators.etag_len - 1));
  @ assigns *plan;
  @ ensures plan_valid(plan, facts->size);
  @*/
void tux_respond_decide(const uint8_t *buf, const struct tux_request *req, const struct tux_facts *facts,
                        struct tux_plan *plan);

/* Returns the coding of the representation to send, from those in available (bit 1 << coding, identity always set). Any context. */
/*@ requires request_readable(buf, req);
  @ assigns \nothing;
  @ ensures \result < TUX_CODINGS;
  @*/
enum tux_coding tux_respond_coding(const uint8_t *buf, const struct tux_request *req, uint32_t available);

/*
 * True if a prebuilt head fits the response: 200 on a connection of HTTP/1.1 that stays open, for a representation whose
 * last_modified (-1 = unknown) is not later than now. Any context.
 */
/*@ requires \valid_read(req) && \valid_read(plan);
  @ assigns \nothing;
  @ ensures \result ==> plan->status == 200 && req->minor > 0 && req->keep_alive && last_modified <= now;
  @*/
bool tux_respond_prebuilt(const struct tux_request *req, const struct tux_plan *plan, int64_t last_modified, int64_t now);

#endif
