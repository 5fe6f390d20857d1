/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a response that TUX receives. Each step below returns like those of head_parse.h. */
#include "response_parse.h"

#include "head_parse.h"

/* Clears everything except the field lines, whose count defines their valid part. */
/*@ requires \valid(res);
  @ assigns *res;
  @ ensures res->refusal == TUX_ACCEPTED && res->head_len == 0 && res->status == 200 && res->minor == 0 &&
  @   res->framing == TUX_FRAMING_NONE && res->content_length == 0 && res->reason.off == 0 && res->reason.len == 0;
  @ ensures !res->keep_alive && res->fields.count == 0 && fields_inside(&res->fields, 0);
  @*/
static void clear(struct tux_response *res)
{
	const struct tux_span empty = { 0, 0 };

	res->head_len = 0;
	res->status = 200;
	res->refusal = TUX_ACCEPTED;
	res->minor = 0;
	res->framing = TUX_FRAMING_NONE;
	res->has_length = false;
	res->keep_alive = false;
	res->upgrade = false;
	res->local = false;
	res->content_length = 0;
	res->reason = empty;
	tux_fields_clear(&res->fields);
}

/* Returns the status that the three digits at off spell; 0 if they are not a status. */
/*@ requires off <= 0xfffffffc && \valid_read(buf + (off .. off + 2));
  @ assigns \nothing;
  @ ensures \result == 0 || 100 <= \result <= 599;
  @*/
static uint16_t status_at(const uint8_t *buf, uint32_t off)
{
	const uint8_t *at = buf + off;

	if (at[0] < '1' || at[0] > '5' || !octet_is_digit(at[1]) || !octet_is_digit(at[2]))
		return 0;
	return (uint16_t)((at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0'));
}

/*
 * Parses the status and the reason after the version. RFC 9112 4 requires the space before an empty reason, but some servers omit
 * it. That is unambiguous, so it is accepted.
 */
/*@ requires line_step(buf, len, pos, &res->refusal) && \valid(res) && \separated(pos, res);
  @ requires \separated(buf + (0 .. len - 1), res);
  @ assigns *pos, res->refusal, res->status, res->reason;
  @ ensures verdict_answers(\result, res->refusal);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures \result == TUX_PARSED ==> 100 <= res->status <= 599 && span_inside(res->reason, *pos);
  @*/
static enum tux_verdict status(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_response *res)
{
	uint32_t start = *pos, i;

	if (len - start < 5)
		return TUX_MORE;
	res->status = status_at(buf, start + 1);
	if (buf[start] != ' ' || res->status == 0 || (buf[start + 4] != ' ' && buf[start + 4] != '\r'))
		return refuse(&res->refusal, TUX_REFUSED_STATUS);
	start += buf[start + 4] == ' ' ? 5 : 4;
	i = scan_value(buf, start, len);
	res->reason = (struct tux_span){ start, i - start };
	*pos = i;
	return i == len ? TUX_MORE : TUX_PARSED;
}

/*@ requires line_step(buf, len, pos, &res->refusal) && \valid(res) && \separated(pos, res);
  @ requires \separated(buf + (0 .. len - 1), res) && res->minor == 0;
  @ assigns *pos, res->refusal, res->minor, res->status, res->reason;
  @ ensures verdict_answers(\result, res->refusal);
  @ ensures \old(*pos) <= *pos <= len && res->minor <= 1;
  @ ensures \result == TUX_PARSED ==> 100 <= res->status <= 599 && span_inside(res->reason, *pos);
  @*/
static enum tux_verdict status_line(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_response *res)
{
	enum tux_verdict verdict = version(buf, len, pos, &res->minor, &res->refusal);

	if (verdict == TUX_PARSED)
		verdict = status(buf, len, pos, res);
	if (verdict == TUX_PARSED)
		verdict = line_end(buf, len, pos, false, &res->refusal);
	return verdict;
}

/*
 * Decides the framing (RFC 9112 6.3). A response that never has a body ends with its head. If its fields state a body, its
 * connection is not reused. An interim response (1xx) is then refused, because another response follows it.
 */
/*@ requires \valid(res) && fields_inside(&res->fields, res->head_len) && res->head_len <= TUX_MAX_RECEIVED_HEAD && res->minor <= 1;
  @ requires \valid_read(buf + (0 .. res->head_len - 1)) && \separated(buf + (0 .. res->head_len - 1), res);
  @ requires 100 <= res->status <= 599;
  @ assigns res->framing, res->content_length, res->has_length, res->keep_alive;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures \result == TUX_ACCEPTED ==> received_framing(res) && res->content_length <= 0x7fffffffffffffff;
  @*/
static enum tux_refusal check_framing(const uint8_t *buf, bool head, struct tux_response *res)
{
	enum tux_refusal refusal = tux_body_framing(buf, &res->fields, res->minor, &res->framing, &res->content_length);
	bool bodiless = res->status < 200 || res->status == 204;

	res->has_length = res->framing == TUX_FRAMING_LENGTH;
	if (refusal != TUX_ACCEPTED)
		return refusal;
	if (bodiless && (res->framing == TUX_FRAMING_CHUNKED || res->content_length > 0)) {
		if (res->status < 200)
			return TUX_REFUSED_LENGTH;
		res->keep_alive = false;
	}
	if (bodiless || head || res->status == 304) {
		res->framing = TUX_FRAMING_NONE;
	} else if (res->framing == TUX_FRAMING_NONE) {
		res->framing = TUX_FRAMING_CLOSE;
		res->keep_alive = false;
	}
	return TUX_ACCEPTED;
}

/* Evaluates the fields of a complete head. */
/*@ requires pos <= TUX_MAX_RECEIVED_HEAD && \valid(res) && \valid_read(buf + (0 .. pos - 1)) && \separated(buf + (0 .. pos - 1), res);
  @ requires fields_inside(&res->fields, pos) && span_inside(res->reason, pos);
  @ requires res->refusal == TUX_ACCEPTED && res->minor <= 1 && 100 <= res->status <= 599;
  @ assigns res->head_len, res->framing, res->content_length, res->has_length, res->keep_alive, res->upgrade, res->refusal;
  @ ensures \result == TUX_PARSED || \result == TUX_REFUSED;
  @ ensures \result == TUX_PARSED ==> res->head_len == pos && received_parsed(res);
  @ ensures \result == TUX_REFUSED ==> TUX_ACCEPTED < res->refusal < TUX_REFUSALS;
  @*/
static enum tux_verdict conclude(const uint8_t *buf, uint32_t pos, bool head, struct tux_response *res)
{
	uint32_t options = tux_fields_connection(buf, &res->fields);
	enum tux_refusal refusal;

	res->head_len = pos;
	res->keep_alive = (options & TUX_CONNECTION_CLOSE) == 0 && (res->minor > 0 || (options & TUX_CONNECTION_KEEP_ALIVE) != 0);
	res->upgrade = res->status == 101 && (options & TUX_CONNECTION_UPGRADE) != 0 && res->fields.first[TUX_FIELD_UPGRADE] != 0;
	refusal = check_framing(buf, head, res);
	return refusal == TUX_ACCEPTED ? TUX_PARSED : refuse(&res->refusal, refusal);
}

enum tux_verdict tux_response_parse(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit, bool head,
                                    struct tux_response *res)
{
	uint32_t pos = 0;
	enum tux_verdict verdict;

	if (len > limit)
		len = limit;
	if (seen > 0 && !worth_parsing(buf, len, seen, limit))
		return TUX_MORE;
	clear(res);
	verdict = status_line(buf, len, &pos, res);
	if (verdict == TUX_PARSED)
		verdict = tux_fields_parse(buf, len, &pos, false, &res->fields, &res->refusal);
	if (verdict == TUX_PARSED)
		verdict = conclude(buf, pos, head, res);
	if (verdict == TUX_MORE && len == limit)
		return refuse(&res->refusal, TUX_REFUSED_HEAD_LONG);
	return verdict;
}

/* True if each field of CGI occurs at most once, and at least one occurs (RFC 3875 6.3). Content-Length is as in HTTP (6.3.4). */
/*@ requires \valid_read(fields) && fields_indexed(fields);
  @ assigns \nothing;
  @*/
static bool fits_cgi(const struct tux_field_lines *fields)
{
	uint32_t type = tux_fields_find(fields, TUX_FIELD_CONTENT_TYPE, 0);
	uint32_t location = tux_fields_find(fields, TUX_FIELD_LOCATION, 0);
	uint32_t status = tux_fields_find(fields, TUX_FIELD_STATUS, 0);

	if (type == 0 && location == 0 && status == 0)
		return false;
	return (type == 0 || tux_fields_find(fields, TUX_FIELD_CONTENT_TYPE, type) == 0) &&
	       (location == 0 || tux_fields_find(fields, TUX_FIELD_LOCATION, location) == 0) &&
	       (status == 0 || tux_fields_find(fields, TUX_FIELD_STATUS, status) == 0) &&
	       tux_fields_find(fields, TUX_FIELD_TRANSFER_ENCODING, 0) == 0;
}

/* Parses Status (RFC 3875 6.3.3): a final status, and a reason after a space. Returns false if it is invalid. */
/*@ requires \valid(res) && span_readable(buf, value) && \separated(buf + (value.off .. value.off + value.len - 1), res);
  @ assigns res->status, res->reason;
  @ ensures \result ==> 200 <= res->status <= 599 && span_part(res->reason, value);
  @*/
static bool take_status(const uint8_t *buf, struct tux_span value, struct tux_response *res)
{
	if (value.len < 3)
		return false;
	res->status = status_at(buf, value.off);
	res->reason = (struct tux_span){ value.off + 3, 0 };
	if (value.len > 3) {
		if (buf[value.off + 3] != ' ')
			return false;
		res->reason = (struct tux_span){ value.off + 4, value.len - 4 };
	}
	return res->status >= 200;
}

/* Sets the status, and local if the response is only a Location on this server (RFC 3875 6.2). */
/*@ requires \valid(res) && fields_inside(&res->fields, pos) && pos <= TUX_MAX_RECEIVED_HEAD;
  @ requires \valid_read(buf + (0 .. pos - 1)) && \separated(buf + (0 .. pos - 1), res);
  @ requires res->status == 200 && span_inside(res->reason, 0);
  @ assigns res->head_len, res->status, res->reason, res->local;
  @ ensures \result == TUX_ACCEPTED || \result == TUX_REFUSED_STATUS || \result == TUX_REFUSED_CGI;
  @ ensures \result == TUX_ACCEPTED ==> 100 <= res->status <= 599 && span_inside(res->reason, pos);
  @ ensures fields_inside(&res->fields, pos);
  @*/
static enum tux_refusal check_cgi(const uint8_t *buf, uint32_t pos, struct tux_response *res)
{
	uint32_t line = tux_response_field(res, TUX_FIELD_STATUS, 0);
	struct tux_span location;

	res->head_len = pos;
	if (!fits_cgi(&res->fields))
		return TUX_REFUSED_CGI;
	if (line != 0)
		return take_status(buf, res->fields.line[line - 1].value, res) ? TUX_ACCEPTED : TUX_REFUSED_STATUS;
	line = tux_response_field(res, TUX_FIELD_LOCATION, 0);
	if (line == 0)
		return TUX_ACCEPTED;
	location = res->fields.line[line - 1].value;
	res->status = 302;
	/* "//host/path" names another server. */
	res->local = res->fields.count == 1 && location.len > 0 && buf[location.off] == '/' &&
	             (location.len == 1 || buf[location.off + 1] != '/');
	return TUX_ACCEPTED;
}

enum tux_verdict tux_response_parse_cgi(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit, bool head,
                                    struct tux_response *res)
{
	uint32_t pos = 0;
	enum tux_verdict verdict;
	enum tux_refusal refusal;

	if (len > limit)
		len = limit;
	if (seen > 0 && !worth_parsing(buf, len, seen, limit))
		return TUX_MORE;
	clear(res);
	verdict = tux_fields_parse(buf, len, &pos, true, &res->fields, &res->refusal);
	if (verdict == TUX_MORE && len == limit)
		return refuse(&res->refusal, TUX_REFUSED_HEAD_LONG);
	if (verdict != TUX_PARSED)
		return verdict;
	refusal = check_cgi(buf, pos, res);
	if (refusal != TUX_ACCEPTED)
		return refuse(&res->refusal, refusal);
	verdict = conclude(buf, pos, head || res->local, res);
	res->keep_alive = false;
	return verdict;
}
