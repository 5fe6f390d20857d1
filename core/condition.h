/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditional requests (RFC 9110 13), evaluated in the order of 13.2.2. */
#ifndef TUX_CORE_CONDITION_H
#define TUX_CORE_CONDITION_H

#include "request.h"

/* The validators with which a condition is compared. */
struct tux_validators {
	const uint8_t *etag;   /* with quotes, and W/ if weak; NULL = no entity tag */
	uint32_t etag_len;     /* bytes; 0 with NULL */
	int64_t last_modified; /* seconds since 1970; negative = unknown */
	int64_t now;           /* seconds since 1970 */
};

/*@ predicate validators_readable{L}(struct tux_validators *validators) =
  @   \valid_read(validators) && \valid_read(validators->etag + (0 .. validators->etag_len - 1));
  @*/

enum tux_condition {
	TUX_CONDITION_PASSED,
	TUX_CONDITION_NOT_MODIFIED, /* 304 */
	TUX_CONDITION_FAILED,       /* 412 */
};

/*
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since of a GET or HEAD
 * request for a representation that exists. Invalid dates are ignored, lists may be spread over
 * field lines. Any context.
 */
/*@ requires request_readable(buf, req) && validators_readable(validators);
  @ assigns \nothing;
  @ ensures \result <= TUX_CONDITION_FAILED;
  @*/
enum tux_condition tux_condition_evaluate(const uint8_t *buf, const struct tux_request *req,
                                          const struct tux_validators *validators);

/*
 * True if Range applies according to If-Range (RFC 9110 13.1.5): no If-Range, an equal strong entity tag, or an equal date. A date
 * must equal Last-Modified and be a strong validator, at least one second older than now. Any context.
 */
/*@ requires request_readable(buf, req) && validators_readable(validators);
  @ assigns \nothing;
  @*/
bool tux_condition_range_applies(const uint8_t *buf, const struct tux_request *req,
                                 const struct tux_validators *validators);

#endif
