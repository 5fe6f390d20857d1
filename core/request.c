/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request head. Each step below returns like those of head_parse.h. */
#include "request.h"

#include "body.h"
#include "head_parse.h"
#include "scan.h"
#include "target.h"

/* For the proof: the arguments and results of each step. */
/*@ predicate step{L}(uint8_t *buf, integer len, uint32_t *pos, struct tux_request *req) =
  @   len <= TUX_MAX_HEAD && \valid_read(buf + (0 .. len - 1)) && \valid(pos) && *pos <= len && \valid(req) &&
  @   \separated(pos, req) && \separated(buf + (0 .. len - 1), req) && \separated(buf + (0 .. len - 1), pos);
  @ predicate refused{L}(struct tux_request *req) = TUX_ACCEPTED < req->refusal < TUX_REFUSALS;
  @ predicate answer{L}(enum tux_verdict verdict, struct tux_request *req) = verdict_answers(verdict, req->refusal);
  @*/

/* Clears everything except the field lines. */
/*@ requires \valid(req);
  @ assigns *req;
  @ ensures req->refusal == TUX_ACCEPTED && req->head_len == 0 && req->method == 0 &&
  @   req->minor == 0 && req->form == TUX_FORM_ORIGIN && req->framing == TUX_FRAMING_NONE && req->content_length == 0;
  @ ensures request_spans(req, 0);
  @*/
static void clear(struct tux_request *req)
{
	const struct tux_span empty = { 0, 0 };

	req->head_len = 0;
	req->refusal = TUX_ACCEPTED;
	req->method = TUX_METHOD_UNKNOWN;
	req->minor = 0;
	req->form = TUX_FORM_ORIGIN;
	req->framing = TUX_FRAMING_NONE;
	req->keep_alive = false;
	req->expect_continue = false;
	req->upgrade = false;
	req->content_length = 0;
	req->method_text = empty;
	req->target = empty;
	req->path = empty;
	req->query = empty;
	req->host = empty;
}

/* Skips up to TUX_MAX_EMPTY_LINES empty lines before a request (RFC 9112 2.2). */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ assigns *pos, req->refusal;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @*/
static enum tux_verdict empty_lines(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = TUX_PARSED;

	/*@ loop invariant answer(verdict, req);
	  @ loop invariant \at(*pos, Pre) <= *pos <= len;
	  @ loop assigns verdict, *pos, req->refusal;
	  @ loop variant len - *pos + (verdict == TUX_PARSED ? 1 : 0); */
	while (verdict == TUX_PARSED && *pos < len && (buf[*pos] == '\r' || buf[*pos] == '\n')) {
		if (*pos >= 2 * TUX_MAX_EMPTY_LINES)
			return refuse(&req->refusal, TUX_REFUSED_LINE_END);
		verdict = line_end(buf, len, pos, false, &req->refusal);
	}
	return verdict;
}

/* Methods are case-sensitive (RFC 9110 9.1), so this is not tux_field_equals(). */
/*@ requires span_readable(buf, method);
  @ requires \valid_read(text + (0 .. method.len - 1));
  @ requires \forall integer i; 0 <= i < method.len ==> 0 <= text[i];
  @ assigns \nothing;
  @*/
static bool is_method(const uint8_t *buf, struct tux_span method, const char *text)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= method.len;
	  @ loop assigns i;
	  @ loop variant method.len - i; */
	while (i < method.len && buf[method.off + i] == (uint8_t)text[i])
		i++;
	return i == method.len;
}

/*@ requires span_readable(buf, method);
  @ assigns \nothing;
  @ ensures \result <= TUX_CONNECT;
  @*/
static enum tux_method method_recognise(const uint8_t *buf, struct tux_span method)
{
	switch (method.len) {
	case 3:
		if (is_method(buf, method, "GET"))
			return TUX_GET;
		return is_method(buf, method, "PUT") ? TUX_PUT : TUX_METHOD_UNKNOWN;
	case 4:
		if (is_method(buf, method, "HEAD"))
			return TUX_HEAD;
		return is_method(buf, method, "POST") ? TUX_POST : TUX_METHOD_UNKNOWN;
	case 5:
		if (is_method(buf, method, "PATCH"))
			return TUX_PATCH;
		return is_method(buf, method, "TRACE") ? TUX_TRACE : TUX_METHOD_UNKNOWN;
	case 6:
		return is_method(buf, method, "DELETE") ? TUX_DELETE : TUX_METHOD_UNKNOWN;
	case 7:
		if (is_method(buf, method, "OPTIONS"))
			return TUX_OPTIONS;
		return is_method(buf, method, "CONNECT") ? TUX_CONNECT : TUX_METHOD_UNKNOWN;
	default:
		return TUX_METHOD_UNKNOWN;
	}
}

/* Parses the method and the space after it. */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED && req->method == 0 && req->method_text.len == 0;
  @ requires req->method_text.off == 0;
  @ assigns *pos, req->refusal, req->method, req->method_text;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures req->method <= TUX_CONNECT && span_inside(req->method_text, *pos);
  @*/
static enum tux_verdict method(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	uint32_t start = *pos;
	uint32_t i = octet_skip(buf, start, len, OCTET_TOKEN);

	if (i == len)
		return TUX_MORE;
	if (i == start || buf[i] != ' ')
		return refuse(&req->refusal, TUX_REFUSED_METHOD);
	req->method_text = (struct tux_span){ start, i - start };
	req->method = (uint8_t)method_recognise(buf, req->method_text);
	*pos = i + 1;
	return TUX_PARSED;
}

/* Parses the target and the space after it. */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ requires req->form <= TUX_FORM_AUTHORITY;
  @ assigns *pos, req->refusal, req->target, req->form, req->path, req->query, req->host;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures span_inside(req->target, len) && req->form <= TUX_FORM_AUTHORITY;
  @ ensures \result == TUX_PARSED ==> req->target.len <= TUX_MAX_TARGET;
  @ ensures \result == TUX_PARSED ==> span_inside(req->target, *pos);
  @ ensures \result == TUX_PARSED ==> span_inside(req->path, *pos);
  @ ensures \result == TUX_PARSED ==> span_inside(req->query, *pos);
  @ ensures \result == TUX_PARSED ==> span_inside(req->host, *pos);
  @*/
static enum tux_verdict target(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	uint32_t start = *pos, i = scan_target(buf, start, len);
	enum tux_refusal refusal;

	req->target = (struct tux_span){ start, i - start };
	if (i - start > TUX_MAX_TARGET)
		return refuse(&req->refusal, TUX_REFUSED_TARGET_LONG);
	if (i == len)
		return TUX_MORE;
	/* A line that ends here would be HTTP/0.9. */
	if (buf[i] == '\r' || buf[i] == '\n')
		return refuse(&req->refusal, TUX_REFUSED_VERSION_SYNTAX);
	if (buf[i] != ' ')
		return refuse(&req->refusal, TUX_REFUSED_TARGET);
	*pos = i + 1;
	refusal = tux_target_split(buf, req);
	return refusal == TUX_ACCEPTED ? TUX_PARSED : refuse(&req->refusal, refusal);
}

/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ requires request_spans(req, 0) && req->method == 0 && req->minor == 0 && req->form == TUX_FORM_ORIGIN;
  @ assigns *pos, req->refusal, req->method, req->method_text, req->minor, req->target, req->form, req->path,
  @   req->query, req->host;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures req->method <= TUX_CONNECT && req->minor <= 1 && req->form <= TUX_FORM_AUTHORITY;
  @ ensures span_inside(req->method_text, len) && span_inside(req->target, len);
  @ ensures \result == TUX_PARSED ==> request_spans(req, *pos);
  @*/
static enum tux_verdict request_line(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = empty_lines(buf, len, pos, req);

	if (verdict == TUX_PARSED)
		verdict = method(buf, len, pos, req);
	if (verdict == TUX_PARSED)
		verdict = target(buf, len, pos, req);
	if (verdict == TUX_PARSED)
		verdict = version(buf, len, pos, &req->minor, &req->refusal);
	if (verdict == TUX_PARSED)
		verdict = line_end(buf, len, pos, false, &req->refusal);
	return verdict;
}

/* Returns the host; an empty span for an address with a zone, because the zone names an interface of the client (RFC 6874 4). */
/*@ requires span_readable(buf, host);
  @ assigns \nothing;
  @ ensures span_part(\result, host);
  @*/
static struct tux_span without_zone(const uint8_t *buf, struct tux_span host)
{
	const uint32_t end = host.off + host.len;

	if (host.len > 0 && buf[host.off] == '[' && octet_find(buf, host.off, end, '%') < end)
		host.len = 0;
	return host;
}

/* Checks Host: exactly one in HTTP/1.1, at most one in 1.0 (RFC 9112 3.2). The host of an absolute target overrides it. */
/*@ requires \valid(req) && req->head_len <= TUX_MAX_HEAD && fields_inside(&req->fields, req->head_len);
  @ requires \valid_read(buf + (0 .. req->head_len - 1)) && \separated(buf + (0 .. req->head_len - 1), req);
  @ requires span_inside(req->host, req->head_len);
  @ assigns req->host;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures span_inside(req->host, req->head_len);
  @*/
static enum tux_refusal check_host(const uint8_t *buf, struct tux_request *req)
{
	uint32_t line = tux_fields_find(&req->fields, TUX_FIELD_HOST, 0);
	struct tux_span host = req->host;

	req->host = without_zone(buf, host);
	if (line == 0)
		return req->minor == 0 ? TUX_ACCEPTED : TUX_REFUSED_HOST_MISSING;
	if (tux_fields_find(&req->fields, TUX_FIELD_HOST, line) != 0)
		return TUX_REFUSED_HOST_TWICE;
	if (!tux_target_is_host(buf, req->fields.line[line - 1].value))
		return TUX_REFUSED_HOST;
	if (host.len == 0)
		req->host = without_zone(buf, req->fields.line[line - 1].value);
	return TUX_ACCEPTED;
}

/* Checks Expect: only 100-continue exists, and HTTP/1.0 ignores the field (RFC 9110 10.1.1). */
/*@ requires \valid(req) && req->head_len <= TUX_MAX_HEAD && fields_inside(&req->fields, req->head_len);
  @ requires \valid_read(buf + (0 .. req->head_len - 1)) && \separated(buf + (0 .. req->head_len - 1), req);
  @ assigns req->expect_continue;
  @ ensures \result == TUX_ACCEPTED || \result == TUX_REFUSED_EXPECT;
  @*/
static enum tux_refusal check_expect(const uint8_t *buf, struct tux_request *req)
{
	uint32_t line = req->minor == 0 ? 0 : tux_fields_find(&req->fields, TUX_FIELD_EXPECT, 0);

	/*@ loop invariant line <= req->fields.count;
	  @ loop assigns line, req->expect_continue;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = req->fields.line[line - 1].value, expectation;

		/*@ loop invariant span_part(rest, req->fields.line[line - 1].value);
		  @ loop assigns rest, expectation, req->expect_continue;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &expectation)) {
			if (!tux_field_equals(buf, expectation, "100-continue", 12))
				return TUX_REFUSED_EXPECT;
			req->expect_continue = true;
		}
		line = tux_fields_find(&req->fields, TUX_FIELD_EXPECT, line);
	}
	return TUX_ACCEPTED;
}

/*@ requires \valid_read(req) && name < TUX_FIELD_NAMES;
  @ assigns \nothing;
  @ ensures \result <==> req->fields.first[name] != 0;
  @*/
static inline bool has(const struct tux_request *req, enum tux_field_name name)
{
	return req->fields.first[name] != 0;
}

/* Evaluates the fields of a complete head. */
/*@ requires pos <= TUX_MAX_HEAD && \valid(req) && \valid_read(buf + (0 .. pos - 1));
  @ requires \separated(buf + (0 .. pos - 1), req);
  @ requires request_spans(req, pos) && fields_inside(&req->fields, pos);
  @ requires req->framing == TUX_FRAMING_NONE && req->content_length == 0;
  @ requires req->refusal == TUX_ACCEPTED && req->method <= TUX_CONNECT && req->minor <= 1 &&
  @   req->form <= TUX_FORM_AUTHORITY;
  @ assigns req->head_len, req->host, req->framing, req->content_length, req->expect_continue, req->keep_alive,
  @   req->upgrade, req->refusal;
  @ ensures \result == TUX_PARSED || \result == TUX_REFUSED;
  @ ensures \result == TUX_PARSED ==> req->head_len == pos && request_parsed(req);
  @ ensures \result == TUX_REFUSED ==> refused(req);
  @ ensures span_inside(req->method_text, pos) && span_inside(req->target, pos) && req->minor <= 1;
  @ ensures fields_inside(&req->fields, pos);
  @*/
static enum tux_verdict conclude(const uint8_t *buf, uint32_t pos, struct tux_request *req)
{
	enum tux_refusal refusal;
	uint32_t options = 0;

	req->head_len = pos;
	refusal = check_host(buf, req);
	if (refusal == TUX_ACCEPTED && (has(req, TUX_FIELD_CONTENT_LENGTH) || has(req, TUX_FIELD_TRANSFER_ENCODING)))
		refusal = tux_body_framing(buf, &req->fields, req->minor, &req->framing, &req->content_length);
	if (refusal == TUX_ACCEPTED)
		refusal = check_expect(buf, req);
	if (refusal != TUX_ACCEPTED)
		return refuse(&req->refusal, refusal);
	if (has(req, TUX_FIELD_CONNECTION))
		options = tux_fields_connection(buf, &req->fields);
	req->keep_alive = (options & TUX_CONNECTION_CLOSE) == 0 && (req->minor > 0 || (options & TUX_CONNECTION_KEEP_ALIVE) != 0);
	req->upgrade = (options & TUX_CONNECTION_UPGRADE) != 0 && has(req, TUX_FIELD_UPGRADE) && req->minor > 0 &&
	               req->framing == TUX_FRAMING_NONE;
	return TUX_PARSED;
}

/* Does nothing. For the proof: lines inside the first pos bytes are inside the first len. */
/*@ requires \valid_read(fields) && fields_inside(fields, pos) && pos <= len;
  @ assigns \nothing;
  @ ensures fields_inside(fields, len);
  @*/
static inline void prove_inside(const struct tux_field_lines *fields, uint32_t pos, uint32_t len)
{
	(void)fields;
	(void)pos;
	(void)len;
}

/*@ requires len <= TUX_MAX_HEAD && \valid_read(buf + (0 .. len - 1)) && \valid(req) && \separated(buf + (0 .. len - 1), req);
  @ assigns *req;
  @ ensures answer(\result, req);
  @ ensures \result == TUX_PARSED ==> req->head_len <= len && request_parsed(req);
  @ ensures span_inside(req->method_text, len);
  @ ensures span_inside(req->target, len);
  @ ensures req->minor <= 1;
  @ ensures fields_inside(&req->fields, len);
  @*/
static enum tux_verdict head(const uint8_t *buf, uint32_t len, struct tux_request *req)
{
	uint32_t pos = 0, head_len;
	enum tux_verdict verdict;

	clear(req);
	verdict = request_line(buf, len, &pos, req);
	tux_fields_clear(&req->fields); /* after request_line(), whose proof does not cover the lines */
	/*@ assert span_inside(req->method_text, len) && span_inside(req->target, len); */
	/*@ assert verdict == TUX_PARSED ==> request_spans(req, pos); */
	prove_inside(&req->fields, 0, len);
	if (verdict != TUX_PARSED)
		return verdict;
	verdict = field_lines(buf, len, &pos, false, &req->fields, &req->refusal);
	/*@ assert span_inside(req->method_text, len) && span_inside(req->target, len) && req->minor <= 1; */
	/*@ assert verdict == TUX_PARSED ==> request_spans(req, pos); */
	if (verdict != TUX_PARSED) {
		prove_inside(&req->fields, pos, len);
		return verdict;
	}
	head_len = pos;
	verdict = conclude(buf, head_len, req);
	prove_inside(&req->fields, head_len, len);
	return verdict;
}

enum tux_verdict tux_request_parse(const uint8_t *buf, uint32_t len, uint32_t seen, struct tux_request *req)
{
	enum tux_verdict verdict;

	if (len > TUX_MAX_HEAD)
		len = TUX_MAX_HEAD;
	if (seen > 0 && !worth_parsing(buf, len, seen, TUX_MAX_HEAD))
		return TUX_MORE;
	verdict = head(buf, len, req);
	if (verdict == TUX_MORE && len == TUX_MAX_HEAD)
		return refuse(&req->refusal, TUX_REFUSED_HEAD_LONG);
	return verdict;
}
