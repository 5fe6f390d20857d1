/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditional requests: the comparison of validators, and the order of RFC 9110 13.2.2. */
#include "condition.h"

#include "date.h"
#include "octet.h"

/*@ requires \valid_read(tag + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> len >= 2;
  @*/
static bool is_weak(const uint8_t *tag, uint32_t len)
{
	return len >= 2 && tag[0] == 'W' && tag[1] == '/';
}

/* True if the tags match (RFC 9110 8.8.3.2). Strong comparison needs two strong tags; weak comparison ignores "W/". */
/*@ requires span_readable(buf, given) && validators_readable(validators);
  @ assigns \nothing;
  @*/
static bool tags_match(const uint8_t *buf, struct tux_span given, const struct tux_validators *validators, bool strong)
{
	const uint8_t *tag = buf + given.off;
	const uint8_t *ours = validators->etag;
	uint32_t len = given.len;
	uint32_t our_len = validators->etag_len;

	if (our_len == 0)
		return false;
	if (strong && (is_weak(tag, len) || is_weak(ours, our_len)))
		return false;
	if (is_weak(tag, len)) {
		tag += 2;
		len -= 2;
	}
	if (is_weak(ours, our_len)) {
		ours += 2;
		our_len -= 2;
	}
	return len == our_len && octet_equal(tag, ours, len);
}

/* True if "*" or a tag of the field's lines matches a representation that exists. */
/*@ requires request_readable(buf, req) && validators_readable(validators) && name < TUX_FIELD_NAMES;
  @ assigns \nothing;
  @*/
static bool any_matches(const uint8_t *buf, const struct tux_request *req, enum tux_field_name name,
                        const struct tux_validators *validators, bool strong)
{
	/*@ loop invariant line <= req->fields.count;
	  @ loop assigns line;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	for (uint32_t line = tux_request_field(req, name, 0); line != 0; line = tux_request_field(req, name, line)) {
		struct tux_span rest = req->fields.line[line - 1].value;
		struct tux_span element;

		if (tux_field_equals(buf, rest, "*", 1))
			return true;
		/*@ loop invariant span_part(rest, req->fields.line[line - 1].value);
		  @ loop assigns rest, element;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &element))
			if (tags_match(buf, element, validators, strong))
				return true;
	}
	return false;
}

/* Parses the date of a field. Returns false if the field does not occur exactly once, or is invalid. */
/*@ requires request_readable(buf, req) && name < TUX_FIELD_NAMES && \valid(seconds);
  @ requires \separated(seconds, req) && \separated(seconds, buf + (0 .. req->head_len - 1));
  @ assigns *seconds;
  @*/
static bool date_of(const uint8_t *buf, const struct tux_request *req, enum tux_field_name name, int64_t now,
                    int64_t *seconds)
{
	uint32_t line = tux_request_field(req, name, 0);

	*seconds = 0;
	if (line == 0 || tux_request_field(req, name, line) != 0)
		return false;
	return tux_date_parse(buf + req->fields.line[line - 1].value.off, req->fields.line[line - 1].value.len, now, seconds);
}

enum tux_condition tux_condition_evaluate(const uint8_t *buf, const struct tux_request *req,
                                          const struct tux_validators *validators)
{
	int64_t date;

	if (req->fields.first[TUX_FIELD_IF_MATCH] != 0) {
		if (!any_matches(buf, req, TUX_FIELD_IF_MATCH, validators, true))
			return TUX_CONDITION_FAILED;
	} else if (validators->last_modified >= 0 &&
	           date_of(buf, req, TUX_FIELD_IF_UNMODIFIED_SINCE, validators->now, &date)) {
		if (validators->last_modified > date)
			return TUX_CONDITION_FAILED;
	}
	if (req->fields.first[TUX_FIELD_IF_NONE_MATCH] != 0) {
		if (any_matches(buf, req, TUX_FIELD_IF_NONE_MATCH, validators, false))
			return TUX_CONDITION_NOT_MODIFIED;
	} else if (validators->last_modified >= 0 &&
	           date_of(buf, req, TUX_FIELD_IF_MODIFIED_SINCE, validators->now, &date)) {
		if (validators->last_modified <= date)
			return TUX_CONDITION_NOT_MODIFIED;
	}
	return TUX_CONDITION_PASSED;
}

bool tux_condition_range_applies(const uint8_t *buf, const struct tux_request *req,
                                 const struct tux_validators *validators)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_IF_RANGE, 0);
	struct tux_span value;
	int64_t date;

	if (line == 0)
		return true;
	value = req->fields.line[line - 1].value;
	if (value.len > 0 && (buf[value.off] == '"' || is_weak(buf + value.off, value.len)))
		return tux_request_field(req, TUX_FIELD_IF_RANGE, line) == 0 && tags_match(buf, value, validators, true);
	if (validators->last_modified < 0 || !date_of(buf, req, TUX_FIELD_IF_RANGE, validators->now, &date))
		return false;
	return date == validators->last_modified && validators->last_modified < validators->now;
}
